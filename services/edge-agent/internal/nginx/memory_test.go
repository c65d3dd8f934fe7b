package nginx_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

// F45: how much is left is known under every way to limit it.
func TestReadHeadroom(t *testing.T) {
	const (
		mebi       = 1 << 20
		meminfo    = "MemTotal: 2097152 kB\nMemFree: 1024 kB\nMemAvailable: 1048576 kB\n"
		firstMount = "30 24 0:30 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
		otherMount = "31 24 0:31 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
		unified    = "32 24 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
		hybrid     = "33 24 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		never      = "9223372036854771712\n"
	)
	number := func(mebis int) string { return fmt.Sprint(mebis*mebi, "\n") }
	for name, c := range map[string]struct {
		files map[string]string
		want  int64 // in MiB
		of    string
	}{
		"without any limit": {map[string]string{
			"proc/7/cgroup": "", "proc/self/mountinfo": otherMount,
		}, 1024, "the host"},
		"a limit of the first version": {map[string]string{
			"proc/7/cgroup": "3:cpu:/x\n4:memory:/nginx\n", "proc/self/mountinfo": otherMount + firstMount,
			"sys/fs/cgroup/memory/nginx/memory.limit_in_bytes": number(300),
			"sys/fs/cgroup/memory/nginx/memory.usage_in_bytes": number(250),
			"sys/fs/cgroup/memory/nginx/memory.stat":           "total_inactive_file 31457280\ntotal_active_file 10485760\ninactive_file 1\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":       never,
			"sys/fs/cgroup/memory/memory.usage_in_bytes":       number(900),
		}, 90, "the control group "},
		"a limit of the second version, further up": {map[string]string{
			"proc/7/cgroup": "0::/site/nginx\n", "proc/self/mountinfo": unified,
			"sys/fs/cgroup/site/nginx/memory.max":     "max\n",
			"sys/fs/cgroup/site/nginx/memory.current": number(10),
			"sys/fs/cgroup/site/memory.max":           number(100),
			"sys/fs/cgroup/site/memory.current":       number(60),
			"sys/fs/cgroup/site/memory.stat":          "anon 7\ninactive_file 1048576\nactive_file 1048576\n",
		}, 42, "/site"},
		"both versions, where the first counts memory": {map[string]string{
			"proc/7/cgroup": "4:memory:/nginx\n0::/\n", "proc/self/mountinfo": firstMount + hybrid,
			"sys/fs/cgroup/memory/nginx/memory.limit_in_bytes": number(300),
			"sys/fs/cgroup/memory/nginx/memory.usage_in_bytes": number(100),
		}, 200, "/nginx"},
		"a limit that is beyond what the host has": {map[string]string{
			"proc/7/cgroup": "0::/\n", "proc/self/mountinfo": unified,
			"sys/fs/cgroup/memory.max": number(9000), "sys/fs/cgroup/memory.current": number(100),
		}, 1024, "the host"},
		"a part of the tree that is mounted elsewhere": {map[string]string{
			"proc/7/cgroup": "0::/box/nginx\n", "proc/self/mountinfo": "32 24 0:32 /box /cg rw - cgroup2 cgroup2 rw\n",
			"cg/nginx/memory.max": number(64), "cg/nginx/memory.current": number(60),
		}, 4, "/nginx"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			c.files["proc/meminfo"] = meminfo
			for path, text := range c.files {
				check(t, os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o700))
				check(t, os.WriteFile(filepath.Join(root, path), []byte(text), 0o600))
			}
			got, err := nginx.ReadHeadroom(root, 7)
			check(t, err)
			if got.Bytes != c.want*mebi || !strings.Contains(got.Of, c.of) {
				t.Errorf("%d MiB of %s, want %d MiB of %s", got.Bytes/mebi, got.Of, c.want, c.of)
			}
		})
	}
	t.Run("as it is on this host", func(t *testing.T) {
		if got, err := nginx.ReadHeadroom("/", os.Getpid()); err != nil || got.Bytes <= 0 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// F45: what a test takes is that of nginx, not that of the agent, which is larger.
func TestTest_measures_memory(t *testing.T) {
	ballast := make([]byte, 300<<20)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	b := newBox(t)
	measure := func(hosts int) int64 {
		var text strings.Builder
		text.WriteString("pid PREFIX/pid;\nerror_log PREFIX/error.log;\nevents {}\nhttp {\naccess_log off;\nmap_hash_max_size 1000000;\n")
		for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			text.WriteString(kind + "_temp_path PREFIX/" + kind + ";\n")
		}
		text.WriteString("map $host $mapped {\n")
		for number := range hosts {
			fmt.Fprintf(&text, "host%d.example.com 127.0.0.1:%d;\n", number, number%60000)
		}
		text.WriteString("}\nserver { listen unix:PREFIX/a.sock; }\n}\n")
		memory, err := b.measure(t, text.String())
		check(t, err)
		return memory
	}
	few, many := measure(10), measure(100_000)
	if few == 0 || few > 64<<20 {
		t.Errorf("a small configuration takes %d bytes", few)
	}
	// An entry takes some 300 bytes.
	if many < few+10<<20 || many > few+200<<20 {
		t.Errorf("a large configuration takes %d bytes, a small one %d", many, few)
	}
	if ballast[4096] != 1 {
		t.Error("the ballast is gone")
	}
}

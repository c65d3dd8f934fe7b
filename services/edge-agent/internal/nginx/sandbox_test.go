package nginx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

// box is an instance with a sandbox, in directories that others can enter.
type box struct {
	*nginx.Instance
	sandbox nginx.Sandbox
	// dir may be written by everybody; prefix is that of the test.
	dir, prefix string
}

func newBox(t *testing.T, change ...func(*nginx.Config)) *box {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "box")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o777))
	user := ""
	if os.Geteuid() == 0 {
		user = "nobody"
	}
	runtime, err := nginx.NewRuntime(filepath.Join(dir, "run"))
	check(t, err)
	check(t, runtime.Prepare(user))
	config := nginx.Config{
		Binary: "nginx", Runtime: runtime, TestUser: user, TestTimeout: time.Minute, TestMemory: 256 << 20,
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, change := range change {
		change(&config)
	}
	b := &box{Instance: nginx.New(config), dir: dir, prefix: runtime.TestDir()}
	b.sandbox = b.BuildSandbox(t.Context())
	return b
}

// test tests a configuration; DIR and PREFIX in it are those of the box.
func (b *box) test(ctx context.Context, t *testing.T, text string) error {
	t.Helper()
	_, err := b.Test(ctx, b.prefix, b.write(t, text))
	return err
}

// measure does so too, and returns the memory that it took.
func (b *box) measure(t *testing.T, text string) (int64, error) {
	t.Helper()
	return b.Test(t.Context(), b.prefix, b.write(t, text))
}

func (b *box) write(t *testing.T, text string) (file string) {
	t.Helper()
	check(t, os.RemoveAll(b.prefix))
	check(t, os.Mkdir(b.prefix, 0o700))
	check(t, syscall.Mkfifo(filepath.Join(b.prefix, "pipe"), 0o600))
	file = filepath.Join(b.prefix, "nginx.conf")
	check(t, os.WriteFile(file, []byte(strings.NewReplacer("DIR", b.dir, "PREFIX", b.prefix).Replace(text)), 0o600))
	return file
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestBuildSandbox_where_everything_can_be_had(t *testing.T) {
	b := newBox(t)
	if b.sandbox.Missing != "" {
		t.Log("not everything can be had here: ", b.sandbox.Missing)
		return
	}
	want := nginx.Sandbox{Network: true, Files: true, Limits: true}
	if os.Geteuid() == 0 {
		want.User = "nobody"
	}
	if b.sandbox != want {
		t.Errorf("the sandbox is %+v", b.sandbox)
	}
}

func TestBuildSandbox_tells_what_cannot_be_had(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("the tests run as the agent's user anyway")
		return
	}
	closed := t.TempDir() // nobody else may enter its parent
	b := newBox(t, func(config *nginx.Config) {
		config.Binary = filepath.Join(closed, "nginx")
		check(t, os.WriteFile(config.Binary, []byte("#!/bin/sh\nexec /usr/sbin/nginx \"$@\"\n"), 0o755))
	})
	if b.sandbox.User != "" || !b.sandbox.Limits || !strings.Contains(b.sandbox.Missing, "another user (") || !strings.Contains(b.sandbox.Missing, "CAP_SETUID") {
		t.Errorf("the sandbox is %+v", b.sandbox)
	}
	check(t, b.test(t.Context(), t, "pid PREFIX/pid;\nevents {}\n"))
}

// S06: what nobody renders, and what does not do any harm if somebody did.
func TestTest_configurations_that_were_never_rendered(t *testing.T) {
	b := newBox(t)
	const frame = "pid PREFIX/pid;\nerror_log PREFIX/error.log;\nevents {}\n"
	before := listing(t, b.dir)
	for name, text := range map[string]string{
		"a module":             "load_module DIR/evil.so;\n" + frame,
		"the passwords":        "include /etc/shadow;\n" + frame,
		"a log in /etc":        frame + "error_log /etc/siteplane-s06.log;\n",
		"a log for everybody":  frame + "error_log DIR/s06.log;\n",
		"a pid file elsewhere": "pid DIR/s06.pid;\nerror_log PREFIX/error.log;\nevents {}\n",
		"folders elsewhere":    frame + "http { client_body_temp_path DIR/s06; proxy_temp_path /tmp/s06; server { listen unix:PREFIX/a.sock; } }\n",
		"an access log":        frame + "http { access_log DIR/access.log; server { listen unix:PREFIX/a.sock; } }\n",
		"a socket elsewhere":   frame + "http { server { listen unix:DIR/a.sock; } }\n",
		"an engine":            "ssl_engine DIR/evil;\n" + frame,
		"a privileged port":    frame + "http { server { listen 81; } }\n",
		"a resolver":           frame + "http { resolver 127.0.0.1; server { listen unix:PREFIX/a.sock; location / { proxy_pass http://somewhere.example; } } }\n",
		"lua":                  frame + "http { init_by_lua_block { os.execute('touch DIR/s06') } }\n",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := b.test(ctx, t, text)
			if ctx.Err() != nil {
				t.Errorf("it took too long: %v", err)
			}
			t.Log(err)
			check(t, os.RemoveAll(b.prefix))
			if after := listing(t, b.dir); after != before {
				t.Errorf("there were\n%s\nare\n%s", before, after)
			}
			for _, file := range []string{"/etc/siteplane-s06.log", "/tmp/s06"} {
				if _, err := os.Lstat(file); err == nil {
					t.Errorf("%s was made", file)
					check(t, os.RemoveAll(file))
				}
			}
		})
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var paths []string
	check(t, filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		paths = append(paths, path)
		return err
	}))
	return strings.Join(paths, "\n")
}

// S06: as if a configuration had made nginx run anything at all.
func TestTest_a_program_that_does_what_it_likes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer func() { check(t, listener.Close()) }()
	port := listener.Addr().(*net.TCPAddr).Port
	secret := filepath.Join(t.TempDir(), "secret")
	check(t, os.WriteFile(secret, nil, 0o644))
	for name, c := range map[string]struct {
		// attempt is a command of bash that succeeds when the wall is not there.
		attempt string
		stands  func(nginx.Sandbox) bool
	}{
		"connects":                     {fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%d", port), func(s nginx.Sandbox) bool { return s.Network }},
		"may reach other processes":    {"[ $$ != 1 ]", func(s nginx.Sandbox) bool { return s.Network }},
		"writes where everybody may":   {"echo > DIR/written", func(s nginx.Sandbox) bool { return s.Files }},
		"removes what everybody may":   {"rm DIR/removable", func(s nginx.Sandbox) bool { return s.Files }},
		"empties a file":               {"truncate -s 0 DIR/open", func(s nginx.Sandbox) bool { return s.Files }},
		"reads what is not its own":    {"cat DIR/open", func(s nginx.Sandbox) bool { return s.Files }},
		"reads what only root may":     {"cat /etc/shadow", func(s nginx.Sandbox) bool { return s.User != "" || os.Geteuid() != 0 }},
		"takes a lot of memory":        {"set -o pipefail; head -c 400000000 /dev/zero | tail -c 400000000 | wc -c", func(s nginx.Sandbox) bool { return s.Limits }},
		"fills the disk":               {"head -c 100000000 /dev/zero > PREFIX/large", func(s nginx.Sandbox) bool { return s.Limits }},
		"becomes somebody else":        {"setpriv --reuid 0 true", func(s nginx.Sandbox) bool { return s.User != "" || os.Geteuid() != 0 }},
		"gets privileges by a program": {"grep -q 'NoNewPrivs:.0' /proc/self/status", func(nginx.Sandbox) bool { return true }},
		"keeps capabilities":           {"! grep -q 'CapEff:.0000000000000000' /proc/self/status", func(s nginx.Sandbox) bool { return s.User != "" || os.Geteuid() != 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, func(config *nginx.Config) {
				dir := filepath.Dir(config.Runtime.Dir())
				check(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
				config.Binary = filepath.Join(dir, "bin", "nginx")
				attempt := strings.NewReplacer("DIR", dir, "PREFIX", config.Runtime.TestDir()).Replace(c.attempt)
				check(t, os.WriteFile(config.Binary, []byte("#!/bin/bash\nif ! [ -e "+dir+"/evil ]; then exit 0; fi\n"+
					"if { "+attempt+"; } >/dev/null 2>&1; then echo '[emerg] it did'; fi; exit 1\n"), 0o755))
			})
			for _, file := range []string{"open", "removable"} {
				check(t, os.WriteFile(filepath.Join(b.dir, file), []byte("text"), 0o666))
				check(t, os.Chmod(filepath.Join(b.dir, file), 0o666))
			}
			check(t, os.WriteFile(filepath.Join(b.dir, "evil"), nil, 0o644))
			if !c.stands(b.sandbox) {
				t.Log("not in the sandbox here: ", b.sandbox.Missing)
				return
			}
			err := b.test(t.Context(), t, "")
			if err == nil || strings.Contains(err.Error(), "it did") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Configurations that nginx does not come to an end with are nobody's fault.
func TestTest_ends_by_its_limits(t *testing.T) {
	t.Run("of time", func(t *testing.T) {
		b := newBox(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		// Opening a pipe that nobody writes never ends.
		wantUntested(t, b.test(ctx, t, "include PREFIX/pipe;\n"))
		if ctx.Err() == nil {
			t.Error("it ended before its time")
		}
	})
	t.Run("of memory", func(t *testing.T) {
		b := newBox(t, func(config *nginx.Config) { config.TestMemory = 100 << 20 })
		if !b.sandbox.Limits {
			t.Log("no limits here: ", b.sandbox.Missing)
			return
		}
		var text strings.Builder
		text.WriteString("pid PREFIX/pid;\nerror_log PREFIX/error.log;\nevents {}\nhttp {\nmap $host $mapped {\n")
		for number := range 500_000 {
			fmt.Fprintf(&text, "host%d.example.com 127.0.0.1:%d;\n", number, number%60000)
		}
		text.WriteString("}\nserver { listen unix:PREFIX/a.sock; }\n}\n")
		err := b.test(t.Context(), t, text.String())
		wantUntested(t, err)
		if !strings.Contains(fmt.Sprint(err), "memory") {
			t.Logf("nginx said %v", err)
		}
	})
}

// What a thread gave up for a test is not given up by the agent.
func TestTest_leaves_the_agent_as_it_was(t *testing.T) {
	b := newBox(t)
	for range 20 {
		check(t, b.test(t.Context(), t, "pid PREFIX/pid;\nerror_log PREFIX/error.log;\nevents {}\n"))
	}
	// A thread that ends its run is there for a moment longer.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		restricted := restrictedThreads(t)
		if len(restricted) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("threads %v gave up privileges", restricted)
		}
	}
	check(t, os.WriteFile(filepath.Join(b.dir, "written"), nil, 0o600))
}

// restrictedThreads are those of this process that gave up privileges, but for the
// first one: that never ends, and runs nothing any more.
func restrictedThreads(t *testing.T) (found []string) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	check(t, err)
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		check(t, err)
		if thread := filepath.Base(filepath.Dir(task)); thread != strconv.Itoa(os.Getpid()) && strings.Contains(string(status), "NoNewPrivs:\t1") {
			found = append(found, thread)
		}
	}
	return found
}

package validator_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	dnslib "github.com/miekg/dns"
)

// daemonWait is how long a program may take to start, to reload or to stop.
const daemonWait = 10 * time.Second

// daemon is a program of somebody else that runs until the test ends.
type daemon struct {
	process *os.Process
	dir     string
	log     *output
}

// output keeps what a program says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// launch runs a program in a directory of its own with the given files. Of these
// "configuration" is its configuration; DIR in it is the directory. The program
// must stay in the foreground.
func launch(t *testing.T, program string, files map[string]string, args ...string) *daemon {
	t.Helper()
	d := &daemon{dir: t.TempDir(), log: new(output)}
	for name, content := range files {
		d.write(t, name, strings.ReplaceAll(content, "DIR", d.dir))
	}
	command := exec.Command(copied(t, program), append(args, "-c", filepath.Join(d.dir, "configuration"))...)
	command.Stdout, command.Stderr, command.Dir = d.log, d.log, d.dir
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	d.process = command.Process
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = d.process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(daemonWait):
			_ = d.process.Kill()
			t.Errorf("%s did not stop:\n%s", program, d.log)
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", program, d.log)
		}
	})
	return d
}

// copied returns a copy of an installed program. Debian's AppArmor profiles keep
// a program at its own path away from the files of a test.
func copied(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program) // not in an ordinary user's PATH
	}
	if err != nil {
		t.Fatalf("%v: run tools/ensure-packages", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), program)
	if err := os.WriteFile(to, content, 0o700); err != nil {
		t.Fatal(err)
	}
	return to
}

// write puts a file into the directory of the program.
func (d *daemon) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// reload makes the program read its files again.
func (d *daemon) reload(t *testing.T) {
	t.Helper()
	if err := d.process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// await asks a server until it answers as wanted.
func (d *daemon) await(t *testing.T, server, name string, wanted func(*dnslib.Msg) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), daemonWait)
	defer cancel()
	question := new(dnslib.Msg).SetQuestion(dnslib.Fqdn(name), dnslib.TypeTXT)
	client := &dnslib.Client{Timeout: time.Second}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		answer, _, err := client.ExchangeContext(ctx, question, server)
		if err == nil && wanted(answer) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer for %s as it should: %v, %v\n%s", server, name, answer, err, d.log)
		case <-tick.C:
		}
	}
}

func hasText(m *dnslib.Msg) bool { return len(m.Answer) > 0 }

// freePort returns a port that nobody has on any of the hosts, over UDP or TCP.
func freePort(t *testing.T, hosts ...string) int {
	t.Helper()
	for range 20 {
		first, err := net.Listen("tcp", hosts[0]+":0")
		if err != nil {
			t.Fatal(err)
		}
		port := int(netip.MustParseAddrPort(first.Addr().String()).Port())
		_ = first.Close()
		if allFree(port, hosts) {
			return port
		}
	}
	t.Fatalf("no port is free on all of %v", hosts)
	return 0
}

func allFree(port int, hosts []string) bool {
	for _, host := range hosts {
		at := fmt.Sprintf("%s:%d", host, port)
		listener, err := net.Listen("tcp", at)
		if err != nil {
			return false
		}
		packets, err := net.ListenPacket("udp", at)
		_ = listener.Close()
		if err != nil {
			return false
		}
		_ = packets.Close()
	}
	return true
}

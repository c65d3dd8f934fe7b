package app_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// F42, I20: a host comes back while everything else is down: lifecycle, names,
// every route. Agent and nginx start from the last good state, visitors are
// served, and nobody is asked for anything.
func TestRun_reboot_without_any_network(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	e := startEdge(t)
	origin := freeAddress(t)
	moved := newSite(2, "", "moved.example.com")
	moved.Spec.Backend = &edgev1.Spec_Redirect{Redirect: &edgev1.Redirect{BaseUrl: "https://elsewhere.example.com", StatusCode: 308}}
	e.mustPut(5, newSite(1, origin, "shop.example.com"), moved)
	e.shutDown()
	// A reboot leaves nothing of what exists while nginx runs only.
	check(t, os.RemoveAll(e.config.RuntimeDir))

	leaveNetwork(t)
	serveOrigin(t, origin)
	trace, end := e.spawnTraced()
	eventually(t, "visitors are served", func() bool {
		code, body, err := ask(e.public, "shop.example.com")
		return err == nil && code == http.StatusOK && strings.HasPrefix(body, "main ")
	})
	if code, _, err := ask(e.public, "moved.example.com"); err != nil || code != http.StatusPermanentRedirect {
		t.Errorf("the redirect is answered %d, %v", code, err)
	}
	end()
	wantNobodyAsked(t, trace, origin)
}

// leaveNetwork moves this goroutine, and what it starts, to a network that has a
// loopback interface and no route. The thread is never given back.
func leaveNetwork(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	check(t, unix.Unshare(unix.CLONE_NEWNET))
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	check(t, err)
	defer func() { check(t, unix.Close(socket)) }()
	loopback, err := unix.NewIfreq("lo")
	check(t, err)
	loopback.SetUint16(unix.IFF_UP)
	check(t, unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback))
	if routes, err := os.ReadFile("/proc/thread-self/net/route"); err != nil || strings.Count(string(routes), "\n") > 1 {
		t.Fatalf("there are routes, or %v:\n%s", err, routes)
	}
}

// serveOrigin listens in the network of this goroutine.
func serveOrigin(t *testing.T, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	check(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("main ")) }))
	check(t, server.Listener.Close())
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
}

// spawnTraced runs the agent, with everything that it starts, under strace. end
// ends all of them, and then the file is complete.
func (e *edge) spawnTraced() (file string, end func()) {
	e.t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		e.t.Fatal("this test needs strace: apt-get install strace")
	}
	base := filepath.Dir(e.config.Dir)
	file = filepath.Join(base, "trace")
	tracer := exec.CommandContext(e.t.Context(), strace, "-f", "-qq", "-o", file, "-e", "trace=connect,sendto,sendmsg,sendmmsg", os.Args[0])
	tracer.Env = append(os.Environ(), agentBase+"="+base, agentPublic+"="+e.public)
	tracer.Stderr = e.log
	check(e.t, tracer.Start())
	return file, func() {
		e.t.Helper()
		agents := children(e.t, int32(tracer.Process.Pid))
		if len(agents) != 1 {
			e.t.Fatalf("strace has children %v", agents)
		}
		check(e.t, syscall.Kill(agents[0], syscall.SIGKILL))
		e.stopNginx()
		done := make(chan struct{})
		go func() { defer close(done); _ = tracer.Wait() }()
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			e.t.Fatal("something that was traced does not end")
		}
	}
}

// An address in a trace, and those that are on the host itself: unix sockets,
// loopback, and the kernel.
var (
	namedAddress = regexp.MustCompile(`sa_family=(\w+)`)
	ownAddress   = regexp.MustCompile(`sa_family=AF_(UNIX|NETLINK)|inet_addr\("127\.\d+\.\d+\.\d+"\)|"::1"`)
)

func wantNobodyAsked(t *testing.T, file, origin string) {
	t.Helper()
	text, err := os.ReadFile(file)
	check(t, err)
	_, port, err := net.SplitHostPort(origin)
	check(t, err)
	if !strings.Contains(string(text), "htons("+port+")") {
		t.Error("not even the way to the origin was traced")
	}
	for line := range strings.Lines(string(text)) {
		if namedAddress.MatchString(line) && !ownAddress.MatchString(line) || strings.Contains(line, "htons(53)") {
			t.Errorf("somebody was asked: %s", line)
		}
	}
}

package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/edge-agent/app"
)

const edgeID = "edge_01h455vb4pex5vsknk084sn02q"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// freeAddress is one that nobody has now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, listener.Close())
	return listener.Addr().String()
}

// setup is an agent whose certificate has expired, in a folder that may have come from
// a join.
func setup(t *testing.T, joined bool) settings {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	check(t, err)
	pki := t.TempDir()
	_, err = ca.WriteIdentity(pki, edgePath+edgeID, time.Nanosecond) // certificates have whole seconds
	check(t, err)
	if joined {
		check(t, os.WriteFile(filepath.Join(pki, "enrolment.json"), []byte(`{"server": "127.0.0.1:1"}`), 0o600))
	}
	runtime, err := os.MkdirTemp("/tmp", "edge") // short, and open to nginx's workers
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(runtime)) })
	check(t, os.Chmod(runtime, 0o711))
	return settings{
		Listen: "127.0.0.1:0", PKI: program.PKI{Dir: pki}, Dir: t.TempDir(), RuntimeDir: runtime,
		PublicListen: []string{freeAddress(t)}, NginxUser: "nobody", CheckInterval: 50 * time.Millisecond,
	}
}

// F42: after a reboot nginx serves, whatever has become of the agent's certificate.
func TestRun_serves_with_a_certificate_that_has_expired(t *testing.T) {
	for name, joined := range map[string]bool{"of a join": true, "made by hand": false} {
		t.Run(name, func(t *testing.T) {
			s := setup(t, joined)
			check(t, s.Check())
			ctx, cancel := context.WithCancel(t.Context())
			said, serves := listen("server accepts calls")
			traces, err := telemetry.New(ctx, telemetry.Config{Service: "edge-agent", Log: said, LogFormat: "json"})
			check(t, err)
			ended := make(chan error, 1)
			go func() { ended <- run(ctx, s, program.Env{Telemetry: traces}) }()
			t.Cleanup(func() {
				cancel()
				check(t, <-ended)
				check(t, app.StopNginx(context.Background(), s.config()))
			})
			select {
			case <-serves:
			case err := <-ended:
				ended <- nil
				t.Fatalf("the agent ended: %v", err)
			case <-time.After(time.Minute):
				t.Fatal("the agent does not serve")
			}
			answer, err := http.Get("http://" + s.PublicListen[0])
			check(t, err)
			check(t, answer.Body.Close())
			if answer.StatusCode != http.StatusMisdirectedRequest { // to the host that nobody has
				t.Errorf("nginx answers %s", answer.Status)
			}
		})
	}
}

// listen returns a log, and what is closed once a line of it has some words.
func listen(words string) (log io.Writer, heard <-chan struct{}) {
	read, write := io.Pipe()
	said := make(chan struct{})
	go func() {
		once := sync.OnceFunc(func() { close(said) })
		for lines := bufio.NewScanner(read); lines.Scan(); {
			if strings.Contains(lines.Text(), words) {
				once()
			}
		}
	}()
	return write, said
}

func TestRun_recovers_the_identity_of_a_join(t *testing.T) {
	s := setup(t, true)
	files := identity.FilesIn(s.PKI.Dir)
	next := filepath.Join(s.PKI.Dir, "next")
	check(t, os.Mkdir(next, 0o700))
	for _, file := range []string{files.Certificate, files.Key} { // the power went after the CA was moved
		check(t, os.Rename(file, filepath.Join(next, filepath.Base(file))))
	}
	check(t, s.Check())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.PublicListen = nil // it does not come as far as nginx
	err := run(ctx, s, program.Env{Telemetry: telemetry.Discard("edge-agent")})
	if err != nil && strings.Contains(err.Error(), "tls.crt") {
		t.Error(err)
	}
	if _, err := identity.LoadUntimely(files); err != nil {
		t.Error(err)
	}
}

func TestRun_says_how_a_host_that_joined_gets_another_identity(t *testing.T) {
	s := setup(t, true)
	check(t, os.Remove(identity.FilesIn(s.PKI.Dir).Key))
	check(t, s.Check())
	err := run(t.Context(), s, program.Env{Telemetry: telemetry.Discard("edge-agent")})
	if err == nil || !strings.Contains(err.Error(), "siteplane edge join --force") || !strings.Contains(err.Error(), "tls.key") {
		t.Errorf("error is %v", err)
	}
}

package crash_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/service"
	"github.com/siteplane/siteplane/test/process"
)

// life is one process of lifecycle, from its start to its end.
type life struct {
	w       *world
	process *process.Process
	// up is closed once it serves; conn and err may be read then.
	up   chan struct{}
	conn *grpc.ClientConn
	err  error
}

// writeCertificates makes what lifecycle proves itself with.
func (w *world) writeCertificates(t *testing.T) {
	t.Helper()
	_, err := w.ca.WriteIdentity(w.path("pki"), service.LifecyclePath, validFor)
	must(t, err)
	_, err = w.ca.WriteServer(w.path("pki"), []string{w.host()}, validFor)
	must(t, err)
}

func (w *world) database() string { return w.path("siteplane.db") }

func (w *world) cliConfig() string { return w.path("cli.json") }

// arguments are the flags of lifecycle. What it does in its own time it does
// every second.
func (w *world) arguments() []string {
	free := w.host() + ":0"
	return []string{
		"--pki", w.path("pki"), "--database", w.database(), "--cli-config", w.cliConfig(), "--log-format", "json",
		"--listen-grpc", free, "--listen-rest", free, "--listen-admin", free,
		"--tunnel", w.tunnel.Addr().String(), "--dnsvalidator", w.dnsvalidator.Addr().String(),
		"--edge", "local=" + string(w.edgeID) + "@" + w.agent.Addr().String() + ",public=" + w.host(),
		"--platform-domain", platformDomain, "--allow-reserved-tlds", "--origin-allow-networks", loopback.String(),
		"--observe-every", "1s", "--recheck-every", "1s", "--grace", "1s",
	}
}

// newLife starts a process that notes the failpoints that it passes, and dies at
// one if it is given.
func newLife(w *world, logFile, reachedFile string, at failpoint.Name) (*life, error) {
	l := &life{w: w, up: make(chan struct{})}
	l.process = process.New(process.Config{
		Name: "lifecycle", Program: w.program, Args: w.arguments(), LogFile: logFile, Said: l.hear,
		Env: []string{"SITEPLANE_FAILPOINT=" + string(at), "SITEPLANE_FAILPOINT_LOG=" + reachedFile},
	})
	return l, l.process.Start()
}

// hear connects once the process says where it serves.
func (l *life) hear(line string) {
	if address, ok := strings.CutPrefix(line, "  gRPC "); ok {
		l.conn, l.err = l.dial(strings.TrimSpace(address))
		close(l.up)
	}
}

// dial connects with the key of the first start.
func (l *life) dial(address string) (*grpc.ClientConn, error) {
	config, err := cliconfig.Read(l.w.cliConfig())
	if err != nil {
		return nil, err
	}
	roots, err := config.Roots()
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots})),
		grpc.WithPerRPCCredentials(rpc.Bearer(config.Key)))
}

// diedAt returns an error unless the process, which has ended, was killed by the
// failpoint.
func (l *life) diedAt(at failpoint.Name) error {
	said := l.process.Died().Error()
	if !strings.Contains(said, "signal: killed") || !strings.HasSuffix(strings.TrimSpace(said), "failpoint "+string(at)) {
		return fmt.Errorf("lifecycle did not die at %s: %s", at, said)
	}
	return nil
}

// close ends the process in order, and the connection to it. One that is told to end
// while it starts says so as an error, so it may come up first.
func (l *life) close() error {
	select {
	case <-l.up:
	case <-l.process.Ended():
	case <-time.After(patience):
	}
	if err := l.process.Terminate(); err != nil {
		return err
	}
	select {
	case <-l.up:
	default:
		return nil
	}
	if l.err != nil {
		return l.err
	}
	return l.conn.Close()
}

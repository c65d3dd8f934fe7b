package split

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/test/process"
)

const (
	// readyLimit is how long a program may take until it answers.
	readyLimit = 20 * time.Second
	// lookEvery is the pause between two looks.
	lookEvery = 20 * time.Millisecond
)

// hears waits for a lifecycle to say that it is up; the others say nothing.
func (i *Installation) hears(name string) func(line string) {
	announced := i.announced[name]
	return func(line string) {
		if strings.HasPrefix(line, "lifecycle is up") {
			select {
			case announced <- struct{}{}:
			default: // of the run before, and nobody waited for it
			}
		}
	}
}

// await returns once a process answers, or with what it said when it ended.
func (i *Installation) await(ctx context.Context, p *process.Process) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyLimit, fmt.Errorf("%s did not answer within %s", p.Name(), readyLimit))
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	announced := i.announced[p.Name()] // nil for those that say nothing
	var missed error
	for {
		select {
		case <-announced:
			return nil
		case <-p.Ended():
			return p.Died()
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), missed)
		case <-tick.C:
		}
		if missed = i.look(ctx, p.Name()); missed == nil {
			return nil
		}
	}
}

// look asks a program whether it serves: a service at its admin listener, with
// the certificate that is made for that.
func (i *Installation) look(ctx context.Context, name string) error {
	switch name {
	case DNS:
		return connect(ctx, i.DNSAddress())
	case Cloudflare:
		return connect(ctx, at(edgeAddress, i.ports.cloudflare))
	case EdgeAgent:
		return i.healthy(ctx, i.ports.agentAdmin, "/edge/"+i.edgeID)
	case Tunnel:
		return i.healthy(ctx, i.ports.tunnelAdmin, "/service/tunnel")
	case DNSValidator:
		return i.healthy(ctx, i.ports.dnsvalidatorAdmin, "/service/dnsvalidator")
	}
	return fmt.Errorf("%s has not said that it is up", name)
}

func connect(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (i *Installation) healthy(ctx context.Context, port int, path string) error {
	monitor, err := identity.Load(identity.FilesIn(i.path("pki", "monitor")))
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: monitor.ClientTLS(path)}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+at(edgeAddress, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("health answers %s", answer.Status)
	}
	return nil
}

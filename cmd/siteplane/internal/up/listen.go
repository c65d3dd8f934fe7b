package up

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/siteplane/siteplane/internal/platform/closer"
	"github.com/siteplane/siteplane/internal/platform/program"
)

// listeners are bound before anything is started, so that a taken port stops
// everything at once. The services between themselves take free ports.
type listeners struct {
	rest, grpc, admin         net.Listener
	edge, tunnel, dnsvalidate net.Listener
	// enrolment is nil where no other host can join.
	enrolment net.Listener
}

// listen binds every listener; closers release those that no service took.
func listen(cfg Config, closers *closer.Stack) (listeners, error) {
	var l listeners
	ports := cfg.Ports()
	var problems []error
	for _, want := range []struct {
		name string
		port int
		into *net.Listener
	}{
		{"REST", ports.REST, &l.rest}, {"gRPC", ports.GRPC, &l.grpc}, {"admin", ports.Admin, &l.admin},
		{"edge-agent", 0, &l.edge}, {"tunnel", 0, &l.tunnel}, {"dnsvalidator", 0, &l.dnsvalidate},
	} {
		bound, err := bind(want.name, want.port)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		*want.into = bound
		closers.Push(want.name+" listener", closeOnce(bound))
	}
	if cfg.ListenEnrolment != "" {
		bound, err := program.Listen("--listen-enrolment", cfg.ListenEnrolment)
		if err == nil {
			l.enrolment = bound
			closers.Push("enrolment listener", closeOnce(bound))
		}
		problems = append(problems, err)
	}
	return l, errors.Join(problems...)
}

func bind(name string, port int) (net.Listener, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the %s listener's address %s is taken by another process: stop it, or move all ports with --port-base", name, address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for %s on %s: %w", name, address, err)
	}
	return l, nil
}

// own returns the addresses that no origin may have.
func (l listeners) own(cfg Config) []netip.AddrPort {
	var out []netip.AddrPort
	for _, bound := range []net.Listener{l.rest, l.grpc, l.admin, l.edge, l.tunnel, l.dnsvalidate} {
		out = append(out, netip.MustParseAddrPort(bound.Addr().String()))
	}
	if l.enrolment != nil {
		out = append(out, netip.MustParseAddrPort(l.enrolment.Addr().String()))
	}
	for _, a := range cfg.EdgeAddresses {
		out = append(out, netip.AddrPortFrom(netip.MustParseAddr(a), uint16(cfg.Ports().Edge)))
	}
	return append(out, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(cfg.Ports().DNS)),
		cfg.cloudflareAddress(), cfg.dataAddress())
}

package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// bindAttempts is how often a free port is looked for that both UDP and TCP
	// can have.
	bindAttempts = 20
	// stopTimeout is how long a stopping server waits for answers under way.
	stopTimeout = 2 * time.Second
	// maxMessage is the largest message that is read or sent over UDP, in bytes.
	maxMessage = 4096
)

// Server answers for zones in memory. It is safe for concurrent use.
type Server struct {
	keys     map[string]string
	log      *slog.Logger
	packets  net.PacketConn
	listener net.Listener

	mu     sync.RWMutex
	zones  zones
	faults map[string]Fault
}

// Listen binds UDP and TCP on the same port. The server answers once Serve runs.
func Listen(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("check dns configuration: %w", err)
	}
	s := &Server{keys: cfg.keys(), log: cfg.Logger, zones: zones{}, faults: map[string]Fault{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, z := range cfg.Zones {
		made, err := newZone(z)
		if err != nil {
			return nil, err
		}
		if s.zones[made.origin] != nil {
			return nil, fmt.Errorf("zone %s: given twice", made.origin)
		}
		s.zones[made.origin] = made
	}
	return s, s.bind(cfg.Addr)
}

// bind takes a TCP port and then the UDP port of the same number.
func (s *Server) bind(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("split address %s: %w", addr, err)
	}
	for attempt := 1; ; attempt++ {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return fmt.Errorf("listen for dns over tcp: %w", err)
		}
		packets, err := net.ListenPacket("udp", listener.Addr().String())
		if err == nil {
			s.listener, s.packets = listener, packets
			return nil
		}
		err = errors.Join(err, listener.Close())
		if port != "0" || attempt == bindAttempts {
			return fmt.Errorf("listen for dns over udp: %w", err)
		}
	}
}

// Addr returns where the server listens, as ip:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Serve answers until the context ends, which is no error. It may be called
// once.
func (s *Server) Serve(ctx context.Context) error {
	transports := []*dns.Server{{PacketConn: s.packets}, {Listener: s.listener}}
	ended := make(chan error, len(transports))
	var started sync.WaitGroup
	for _, transport := range transports {
		s.prepare(transport, &started)
		go func() { ended <- transport.ActivateAndServe() }()
	}

	var first error
	select {
	case <-ctx.Done():
		started.Wait()
	case first = <-ended:
		first = fmt.Errorf("serve dns: %w", first)
	}
	return errors.Join(first, stop(transports))
}

func (s *Server) prepare(transport *dns.Server, started *sync.WaitGroup) {
	transport.Handler = dns.HandlerFunc(s.handle)
	transport.TsigSecret = s.keys
	transport.UDPSize = maxMessage
	transport.MsgAcceptFunc = accept
	started.Add(1)
	transport.NotifyStartedFunc = started.Done
}

func stop(transports []*dns.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var problems []error
	for _, transport := range transports {
		if err := transport.ShutdownContext(ctx); err != nil {
			problems = append(problems, fmt.Errorf("stop dns: %w", err))
		}
	}
	return errors.Join(problems...)
}

// Close frees the port of a server that was never served.
func (s *Server) Close() error {
	return errors.Join(s.listener.Close(), s.packets.Close())
}

// Replace makes records, given as the data behind the type in presentation
// format, the whole set of a name and type; none removes the set. The serial of
// the zone rises.
func (s *Server) Replace(name, rrtype string, records ...string) error {
	owner := dns.CanonicalName(name)
	code, ok := dns.StringToType[rrtype]
	if !ok {
		return fmt.Errorf("replace %s: unknown type %q", name, rrtype)
	}
	lines := make([]string, 0, len(records))
	for _, data := range records {
		lines = append(lines, owner+" IN "+rrtype+" "+data)
	}
	parsed, err := parse(".", lines)
	if err != nil {
		return fmt.Errorf("replace %s %s: %w", name, rrtype, err)
	}
	if len(parsed) != len(records) {
		return fmt.Errorf("replace %s %s: each record must be one line", name, rrtype)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.zones.enclosing(owner)
	if z == nil {
		return fmt.Errorf("replace %s: in no zone of this server", name)
	}
	if owner == z.origin && code == dns.TypeSOA && len(parsed) != 1 {
		return fmt.Errorf("replace %s SOA: a zone has exactly one", name)
	}
	next := z.clone()
	next.set(owner, code, parsed)
	next.bump()
	if err := next.keep(); err != nil {
		return fmt.Errorf("replace %s %s: %w", name, rrtype, err)
	}
	s.zones[z.origin] = next
	return nil
}

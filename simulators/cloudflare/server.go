package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stopTimeout is how long a stopping server waits for answers under way.
	stopTimeout = 2 * time.Second
	// headerTimeout is how long a client may take to send the head of a request.
	headerTimeout = 10 * time.Second
	// maxBody is the largest body that is read by the API, in bytes.
	maxBody = 8 << 20
)

// Server is Cloudflare: its API and its data plane. It is safe for concurrent
// use.
type Server struct {
	cfg      Config
	log      *slog.Logger
	listener net.Listener
	data     net.Listener
	dataIP   netip.Addr
	networks ips
	routes   *http.ServeMux
	controls *http.ServeMux
	proxy    *httputil.ReverseProxy
	rays     atomic.Uint64
	stopping chan struct{}
	faults   faults
	holds    heldCalls
	journal  journal

	mu      sync.Mutex
	state   *state
	tokens  map[string]Token
	budgets map[string]budget
	saved   int // the changes that the state file holds

	publishing sync.Mutex
	published  map[rrset][]string
	told       int // the changes that the DNS has been told
}

// Listen binds both listeners, reads the state file and publishes the records.
// The server answers once Serve runs.
func Listen(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("check cloudflare configuration: %w", err)
	}
	cfg = cfg.withDefaults()
	st, err := loadState(cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger, state: st, stopping: make(chan struct{}),
		tokens: map[string]Token{}, budgets: map[string]budget{}, published: map[rrset][]string{}, told: untold,
	}
	for _, t := range cfg.Tokens {
		s.tokens[t.Secret] = t
	}
	s.holds.released = make(chan struct{})
	s.routes, s.controls, s.proxy = s.newRoutes(), s.newControls(), s.newProxy()
	if err := s.bind(); err != nil {
		return nil, err
	}
	s.publish()
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.Budget == 0 {
		c.Budget = defaultBudget
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (s *Server) bind() error {
	var err error
	if s.listener, err = net.Listen("tcp", s.cfg.Addr); err != nil {
		return fmt.Errorf("listen for the cloudflare api: %w", err)
	}
	if s.data, err = net.Listen("tcp", s.cfg.DataAddr); err != nil {
		return errors.Join(fmt.Errorf("listen for cloudflare's data plane: %w", err), s.listener.Close())
	}
	s.dataIP = s.data.Addr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	s.networks = networksOf(s.dataIP)
	return nil
}

// URL returns the base of the API.
func (s *Server) URL() string { return s.ControlURL() + apiPrefix }

// ControlURL returns the base of the control API, "http://ip:port", whose paths
// begin with /_sim.
func (s *Server) ControlURL() string { return "http://" + s.listener.Addr().String() }

// DataAddr returns where the data plane listens, as ip:port.
func (s *Server) DataAddr() string { return s.data.Addr().String() }

// Serve answers until the context ends, which is no error. It may be called
// once.
func (s *Server) Serve(ctx context.Context) error {
	servers := []*http.Server{
		{Handler: http.HandlerFunc(s.serveAPI), ReadHeaderTimeout: headerTimeout},
		{Handler: http.HandlerFunc(s.serveData), ReadHeaderTimeout: headerTimeout},
	}
	ended := make(chan error, len(servers))
	for i, listener := range []net.Listener{s.listener, s.data} {
		go func() { ended <- servers[i].Serve(listener) }()
	}

	var first error
	select {
	case <-ctx.Done():
	case first = <-ended:
		first = fmt.Errorf("serve cloudflare: %w", first)
	}
	close(s.stopping)
	return errors.Join(first, stop(servers))
}

// stop ends the servers, those that take too long by force.
func stop(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var problems []error
	for _, server := range servers {
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("stop cloudflare: %w", err))
		}
	}
	return errors.Join(problems...)
}

// Close frees the ports of a server that was never served.
func (s *Server) Close() error {
	return errors.Join(s.listener.Close(), s.data.Close())
}

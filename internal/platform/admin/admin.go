// Package admin owns the admin listener of a service: health for a supervisor,
// metrics for Prometheus, and what else a service adds.
//
// It knows no credentials: the caller's Authorize decides on every request,
// health included. Invariants: nothing is answered before Authorize agreed; the
// listener speaks TLS, plaintext only on a Unix socket.
package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const drainTimeout = 10 * time.Second

// ErrUnauthenticated is what Authorize wraps for a request without a valid
// credential; it is answered with 401, any other error with 403.
var ErrUnauthenticated = errors.New("no valid credential")

// Config says what an admin listener needs. All fields but TLS and Registry are
// required.
type Config struct {
	// Listener is closed by Serve.
	Listener net.Listener
	// TLS may be nil only for a Unix socket.
	TLS *tls.Config
	// Authorize decides on a request. Its error is logged, not answered.
	Authorize func(*http.Request) error
	// Serving is what /healthz answers: 200 or 503.
	Serving func() bool
	// Registry holds the metrics. Nil: a new one. Those of the process and of Go
	// are added.
	Registry *prometheus.Registry
	Logger   *slog.Logger
}

// Server is an admin listener. Add handlers with Handle, then call Serve once.
type Server struct {
	cfg Config
	mux *http.ServeMux
}

// New builds the server with /healthz and /metrics.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("build admin server: %w", err)
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := cfg.Registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the process: %w", err)
		}
	}
	s := &Server{cfg: cfg, mux: http.NewServeMux()}
	s.Handle("GET /healthz", http.HandlerFunc(s.health))
	s.Handle("GET /metrics", promhttp.HandlerFor(cfg.Registry, promhttp.HandlerOpts{}))
	return s, nil
}

// Handle adds a handler behind Authorize; the pattern is one of http.ServeMux.
func (s *Server) Handle(pattern string, handler http.Handler) {
	s.mux.Handle(pattern, handler)
}

// Addr returns where the server listens.
func (s *Server) Addr() net.Addr {
	return s.cfg.Listener.Addr()
}

// Serve answers until the context ends, then lets running requests finish for 10
// s and returns nil.
func (s *Server) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		TLSConfig:         s.cfg.TLS,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	cancelled := context.AfterFunc(ctx, func() { stopped <- stop(server) })
	err := s.accept(server)
	if cancelled() { // The context has not ended: the listener failed.
		return errors.Join(fmt.Errorf("accept requests on %s: %w", s.Addr(), err), server.Close())
	}
	return <-stopped
}

func (s *Server) accept(server *http.Server) error {
	if s.cfg.TLS == nil {
		return server.Serve(s.cfg.Listener)
	}
	return server.ServeTLS(s.cfg.Listener, "", "")
}

// stop drains, and cuts what is left.
func stop(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain admin requests: %w", err), server.Close())
	}
	return nil
}

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.cfg.Authorize(r); err != nil {
		s.refuse(w, r, err)
		return
	}
	s.mux.ServeHTTP(w, r)
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code := http.StatusForbidden
	if errors.Is(err, ErrUnauthenticated) {
		code = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	s.cfg.Logger.InfoContext(r.Context(), "admin request refused", "path", r.URL.Path, "code", code, "error", err)
	http.Error(w, http.StatusText(code), code)
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	if !s.cfg.Serving() {
		http.Error(w, "NOT_SERVING", http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "SERVING")
}

// validate reports every problem at once.
func (c Config) validate() error {
	var errs []error
	if c.Listener == nil {
		errs = append(errs, errors.New("no listener"))
	} else if c.TLS == nil && c.Listener.Addr().Network() != "unix" {
		errs = append(errs, fmt.Errorf("no TLS on network listener %s", c.Listener.Addr()))
	}
	if c.Authorize == nil {
		errs = append(errs, errors.New("no authorization"))
	}
	if c.Serving == nil {
		errs = append(errs, errors.New("no health"))
	}
	if c.Logger == nil {
		errs = append(errs, errors.New("no logger"))
	}
	return errors.Join(errs...)
}

package cloudflare

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// dialTimeout and answerTimeout are how long a service may take to accept a
	// connection and to begin its answer.
	dialTimeout   = 2 * time.Second
	answerTimeout = 10 * time.Second
	// maxHops is how many records a request follows inside of our zones.
	maxHops = 8
	// tunnelSuffix is behind the id of a tunnel in the content of a record.
	tunnelSuffix = ".cfargotunnel.com"
)

// edgeError is an answer of the edge itself: a status with Cloudflare's code.
type edgeError struct{ status, code int }

func (e edgeError) Error() string { return fmt.Sprintf("error code: %d", e.code) }

// What the edge answers when it cannot route a request.
var (
	errUnknownHost  = edgeError{http.StatusConflict, 1001}
	errCrossAccount = edgeError{http.StatusForbidden, 1014}
	errNoOrigin     = edgeError{530, 1016}
	errTunnelDown   = edgeError{530, 1033}
	errLoop         = edgeError{http.StatusForbidden, 1000}
	errUnreachable  = edgeError{523, 523}
	errBadGateway   = edgeError{http.StatusBadGateway, 502}
)

// target is where a request goes to: a status, or a service with the name that
// it is asked for.
type target struct {
	status  int
	service *url.URL
	host    string
	ray     string
}

type targetKey struct{}

// serveData answers one request to a proxied name.
func (s *Server) serveData(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "cloudflare")
	ray := s.ray()
	w.Header().Set("Cf-Ray", ray)
	to, err := s.route(r)
	to.ray = ray
	switch {
	case err != nil:
		refuseRequest(w, err)
	case to.service == nil:
		w.WriteHeader(to.status)
	default:
		s.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), targetKey{}, to)))
	}
}

// ray returns the name of a request, which answer and service are told.
func (s *Server) ray() string { return fmt.Sprintf("%016x-SIM", s.rays.Add(1)) }

func refuseRequest(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	if e, ok := err.(edgeError); ok {
		status = e.status
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(status)
	// A client that has gone away needs no answer.
	_, _ = io.WriteString(w, err.Error())
}

// target turns a rule into what is done. Services other than a status and plain
// HTTP to an address are beyond the simulator.
func (r rule) target(host string) (target, error) {
	if code, ok := strings.CutPrefix(r.Service, statusService); ok {
		status, err := strconv.Atoi(code)
		return target{status: status}, err
	}
	u, err := url.Parse(r.Service)
	if err != nil || u.Scheme != "http" {
		return target{}, errBadGateway
	}
	if _, err := netip.ParseAddrPort(u.Host); err != nil {
		return target{}, errBadGateway
	}
	return target{service: u, host: host}, nil
}

// newProxy makes what forwards requests to services.
func (s *Server) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:  rewrite,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			ResponseHeaderTimeout: answerTimeout,
			DisableKeepAlives:     true, // a service that is restarted is met at once
			DisableCompression:    true,
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Del("Server")
			r.Header.Del("Cf-Ray")
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			s.log.Debug("service not reached", "host", r.Host, "error", err)
			refuseRequest(w, errBadGateway)
		},
	}
}

// rewrite adds what Cloudflare tells a service about the client.
func rewrite(pr *httputil.ProxyRequest) {
	to := pr.In.Context().Value(targetKey{}).(target)
	pr.SetURL(to.service)
	pr.Out.Host = to.host
	client, _, _ := net.SplitHostPort(pr.In.RemoteAddr)
	forwarded := append(pr.In.Header.Values("X-Forwarded-For"), client)
	pr.Out.Header.Set("X-Forwarded-For", strings.Join(forwarded, ","))
	pr.Out.Header.Set("X-Forwarded-Proto", "http")
	pr.Out.Header.Set("Cf-Connecting-Ip", client)
	pr.Out.Header.Set("Cf-Ray", to.ray)
	pr.Out.Header.Set("Cf-Visitor", `{"scheme":"http"}`)
	pr.Out.Header.Set("Cdn-Loop", "cloudflare; loops=1")
}

package cloudflare

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// apiPrefix is where the API begins.
const apiPrefix = "/client/v4"

var (
	errNoRoute = refuse(http.StatusNotFound, 7000, "No route for that URI")
	errBody    = refuse(http.StatusBadRequest, 6007, "Malformed JSON in request body")
)

// call is one request to the API, with its answer until that is delivered.
type call struct {
	request *http.Request
	path    string // after the prefix
	query   url.Values
	sent    []byte
	token   Token
	state   *state // what the endpoint sees: the present, or a past in a fault

	header http.Header
	status int
	body   []byte
	effect bool
	seq    int // in the log
}

// endpoint answers a call. The server's mutex is held.
type endpoint func(c *call) (reply, error)

// The API with the permission that each call needs. Reading DNS records or
// tunnels is part of editing them.
func (s *Server) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern string, need Permission, e endpoint) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" "+apiPrefix+path, &route{s, need, e})
	}
	handle("GET /ips", "", s.getIPs)
	handle("GET /zones", ZoneRead, s.listZones)
	handle("GET /zones/{zone}", ZoneRead, s.getZone)

	handle("GET /zones/{zone}/dns_records", DNSEdit, s.listRecords)
	handle("POST /zones/{zone}/dns_records", DNSEdit, s.createRecord)
	handle("GET /zones/{zone}/dns_records/{record}", DNSEdit, s.getRecord)
	handle("PUT /zones/{zone}/dns_records/{record}", DNSEdit, s.putRecord)
	handle("PATCH /zones/{zone}/dns_records/{record}", DNSEdit, s.patchRecord)
	handle("DELETE /zones/{zone}/dns_records/{record}", DNSEdit, s.deleteRecord)

	handle("GET /accounts/{account}/cfd_tunnel", TunnelEdit, s.listTunnels)
	handle("POST /accounts/{account}/cfd_tunnel", TunnelEdit, s.createTunnel)
	handle("GET /accounts/{account}/cfd_tunnel/{tunnel}", TunnelEdit, s.getTunnel)
	handle("DELETE /accounts/{account}/cfd_tunnel/{tunnel}", TunnelEdit, s.deleteTunnel)
	handle("GET /accounts/{account}/cfd_tunnel/{tunnel}/configurations", TunnelEdit, s.getConfiguration)
	handle("PUT /accounts/{account}/cfd_tunnel/{tunnel}/configurations", TunnelEdit, s.putConfiguration)
	handle("GET /accounts/{account}/cfd_tunnel/{tunnel}/connections", TunnelEdit, s.getConnections)
	handle("DELETE /accounts/{account}/cfd_tunnel/{tunnel}/connections", TunnelEdit, s.deleteConnections)
	handle("GET /accounts/{account}/cfd_tunnel/{tunnel}/token", TunnelEdit, s.getTunnelToken)

	handle("GET /zones/{zone}/custom_hostnames", CustomHostnamesEdit, s.listHostnames)
	handle("POST /zones/{zone}/custom_hostnames", CustomHostnamesEdit, s.createHostname)
	handle("GET /zones/{zone}/custom_hostnames/{hostname}", CustomHostnamesEdit, s.getHostname)
	handle("PATCH /zones/{zone}/custom_hostnames/{hostname}", CustomHostnamesEdit, s.patchHostname)
	handle("DELETE /zones/{zone}/custom_hostnames/{hostname}", CustomHostnamesEdit, s.deleteHostname)
	return mux
}

// route is an endpoint with what it needs. It is a handler only so that the
// standard multiplexer can find it and fill in the path values.
type route struct {
	server   *Server
	need     Permission
	endpoint endpoint
}

// ServeHTTP is called with the call itself as the writer.
func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := w.(*call)
	c.request = r
	if rt.need != "" {
		if refusal := rt.server.authenticate(c); refusal != nil {
			c.sendError(refusal)
			return
		}
		if !c.token.may(rt.need) {
			c.sendError(errForbidden)
			return
		}
	}
	answer, err := rt.endpoint(c)
	if refusal := (*apiError)(nil); errors.As(err, &refusal) {
		c.sendError(refusal)
		return
	}
	c.send(answer)
}

// Header, Write and WriteHeader make a call a writer for the multiplexer, which
// itself writes only when it knows no route.
func (c *call) Header() http.Header { return c.header }

func (c *call) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader takes whatever the multiplexer says for "no such route".
func (c *call) WriteHeader(int) { c.sendError(errNoRoute) }

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, controlPrefix+"/") {
		s.serveControl(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "cannot read the body", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c := &call{
		request: r, path: strings.TrimPrefix(r.URL.Path, apiPrefix), query: r.URL.Query(),
		sent: body, header: http.Header{},
	}
	fault := s.faults.take(r.Method, c.path)
	if fault.Kind == FaultHold && !s.hold(c, fault) {
		fault.Kind = FaultDropBefore // Nobody waits for it any more.
	}
	if fault.reaches() {
		s.verifyHostnames(r.Context(), c)
	}
	s.handle(c, fault)
	s.publish()
	s.deliver(w, c, fault)
}

// handle lets a call have its effect and its answer, unless the fault it meets
// keeps it from that, and notes it.
func (s *Server) handle(c *call, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.showBudget(s.cfg.Budget, s.cfg.Budget, window)
	c.header.Set("Cf-Ray", s.ray())
	if fault.reaches() {
		s.race(c, fault)
		before := s.state.changes
		c.state = s.state
		if fault.past != nil && c.request.Method == http.MethodGet {
			c.state = fault.past
		}
		s.routes.ServeHTTP(c, c.request)
		c.effect = s.state.changes != before
	}
	fault.answer(c)
	s.note(c, fault)
	s.save()
}

// save writes the state file. A disk that fails does not fail the API: it is
// the file of a simulator.
func (s *Server) save() {
	if s.cfg.StateFile == "" || s.state.changes == s.saved {
		return
	}
	if err := s.state.write(s.cfg.StateFile); err != nil {
		s.log.Error("state not saved", "error", err)
		return
	}
	s.saved = s.state.changes
}

// decode reads the body of a call.
func (c *call) decode(into any) error {
	if json.Unmarshal(c.sent, into) != nil {
		return errBody
	}
	return nil
}

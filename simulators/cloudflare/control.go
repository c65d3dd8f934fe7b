package cloudflare

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// controlPrefix is where the control API begins, beside the API.
const controlPrefix = "/_sim"

// serveControl answers the control API, to this machine alone and not to web
// pages that are open on it.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	if !fromLoopback(r) || r.Header.Get("Origin") != "" || !namesAddress(r) {
		http.Error(w, "the control API answers to programs of this machine alone", http.StatusForbidden)
		return
	}
	s.controls.ServeHTTP(w, r)
}

func fromLoopback(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().IsLoopback()
}

// namesAddress reports whether the request is for an address, which no name of
// somebody else's can be made to lead to.
func namesAddress(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	_, notAddress := netip.ParseAddr(host)
	return err == nil && (notAddress == nil || host == "localhost")
}

func (s *Server) newControls() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern string, act func(r *http.Request) (any, error)) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+controlPrefix+path, func(w http.ResponseWriter, r *http.Request) { answerControl(w, r, act) })
	}
	handle("POST /faults", s.controlInject)
	handle("DELETE /faults", func(*http.Request) (any, error) { s.Clear(); return nil, nil })
	handle("GET /held", func(*http.Request) (any, error) { return s.Held(), nil })
	handle("POST /release", func(*http.Request) (any, error) { s.Release(); return nil, nil })
	handle("GET /log", func(*http.Request) (any, error) { return s.Log(), nil })
	handle("DELETE /log", func(*http.Request) (any, error) { s.ResetLog(); return nil, nil })
	handle("GET /state", func(*http.Request) (any, error) { return json.RawMessage(s.Snapshot()), nil })
	handle("PUT /tokens", s.controlToken)

	handle("POST /zones/{zone}/records", s.controlCreateRecord)
	handle("PUT /zones/{zone}/records/{record}", s.controlUpdateRecord)
	handle("DELETE /zones/{zone}/records/{record}", func(r *http.Request) (any, error) {
		return nil, s.Hand().DeleteRecord(r.PathValue("zone"), r.PathValue("record"))
	})
	handle("POST /zones/{zone}/custom_hostnames", s.controlCreateHostname)
	handle("DELETE /zones/{zone}/custom_hostnames/{hostname}", func(r *http.Request) (any, error) {
		return nil, s.Hand().DeleteCustomHostname(r.PathValue("zone"), r.PathValue("hostname"))
	})
	handle("PUT /tunnels/{tunnel}/configuration", s.controlConfigure)
	handle("PUT /tunnels/{tunnel}/connected", s.controlConnect)
	handle("DELETE /tunnels/{tunnel}", func(r *http.Request) (any, error) {
		return nil, s.Hand().DeleteTunnel(r.PathValue("tunnel"))
	})
	return mux
}

// answerControl runs an action and answers its result as JSON, or what went
// wrong as text.
func answerControl(w http.ResponseWriter, r *http.Request, act func(r *http.Request) (any, error)) {
	result, err := act(r)
	if err != nil {
		status := http.StatusBadRequest
		if refusal := (*apiError)(nil); errors.As(err, &refusal) {
			status = refusal.status
		}
		http.Error(w, err.Error(), status)
		return
	}
	if raw, ok := result.(json.RawMessage); ok {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(raw)
		return
	}
	if result == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(encodeIndented(result))
}

func read[T any](r *http.Request) (T, error) {
	var body T
	content, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return body, err
	}
	return body, json.Unmarshal(content, &body)
}

func (s *Server) controlInject(r *http.Request) (any, error) {
	f, err := read[Fault](r)
	if err != nil {
		return nil, err
	}
	return nil, s.Inject(f)
}

func (s *Server) controlToken(r *http.Request) (any, error) {
	t, err := read[Token](r)
	if err != nil {
		return nil, err
	}
	return nil, s.SetTokenPermissions(t.Secret, t.Permissions...)
}

func (s *Server) controlCreateRecord(r *http.Request) (any, error) {
	body, err := read[Record](r)
	if err != nil {
		return nil, err
	}
	return s.Hand().CreateRecord(r.PathValue("zone"), body)
}

func (s *Server) controlUpdateRecord(r *http.Request) (any, error) {
	body, err := read[Record](r)
	if err != nil {
		return nil, err
	}
	body.ZoneID, body.ID = r.PathValue("zone"), r.PathValue("record")
	return nil, s.Hand().UpdateRecord(body)
}

func (s *Server) controlCreateHostname(r *http.Request) (any, error) {
	body, err := read[hostnameBody](r)
	if err != nil {
		return nil, err
	}
	id, err := s.Hand().CreateCustomHostname(r.PathValue("zone"), body.Hostname, body.CustomMetadata)
	return map[string]string{"id": id}, err
}

func (s *Server) controlConfigure(r *http.Request) (any, error) {
	body, err := read[json.RawMessage](r)
	if err != nil {
		return nil, err
	}
	return nil, s.Hand().PutConfiguration(r.PathValue("tunnel"), body)
}

func (s *Server) controlConnect(r *http.Request) (any, error) {
	up, err := read[bool](r)
	if err != nil {
		return nil, err
	}
	return nil, s.Hand().ConnectTunnel(r.PathValue("tunnel"), up)
}

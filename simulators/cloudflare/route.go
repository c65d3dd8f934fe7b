package cloudflare

import (
	"net"
	"net/http"
	"strings"
)

// route finds where a request goes to, from its host over records and custom
// hostnames to a rule of a tunnel.
func (s *Server) route(r *http.Request) (target, error) {
	if strings.Contains(r.Header.Get("Cdn-Loop"), "cloudflare") {
		return target{}, errLoop
	}
	host := hostOf(r.Host)
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.tunnelFor(host)
	if err != nil {
		return target{}, err
	}
	in, err := t.rules()
	if err != nil {
		return target{}, errTunnelDown
	}
	rule := in.match(host, r.URL.Path)
	return rule.target(in.hostHeader(rule, r.Host))
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		hostport = host
	}
	return normalName(hostport)
}

// tunnelFor follows a host to the tunnel that serves it.
func (s *Server) tunnelFor(host string) (*tunnel, error) {
	r, err := s.entry(host)
	for range maxHops {
		if err != nil {
			return nil, err
		}
		if r.Type != "CNAME" {
			return nil, errUnreachable
		}
		if id, ok := strings.CutSuffix(r.Content, tunnelSuffix); ok {
			return s.connected(id, r)
		}
		r, err = s.follow(host, r)
	}
	return nil, errLoop
}

// entry returns the first record that answers for a host: its own, or the
// fallback origin of the zone that has it as an active custom hostname.
func (s *Server) entry(host string) (*Record, error) {
	if r := s.state.proxiedRecord(s.cfg.Zones, host); r != nil {
		return r, nil
	}
	for _, z := range s.cfg.Zones {
		if s.state.serves(z, host) {
			return s.fallback(z)
		}
	}
	return nil, errUnknownHost
}

func (s *Server) fallback(z Zone) (*Record, error) {
	if r := s.state.proxiedRecord(s.cfg.Zones, z.Fallback); r != nil {
		return r, nil
	}
	return nil, errNoOrigin
}

// serves reports whether a host is a custom hostname of a zone, with a
// certificate.
func (st *state) serves(z Zone, host string) bool {
	for _, h := range st.Hostnames {
		if h.ZoneID == z.ID && h.Hostname == host {
			return h.Status == statusActive && h.SSL.Status == statusActive
		}
	}
	return false
}

// follow goes from one proxied record to the next. Into a zone of another account
// it goes only for the custom hostnames of that zone.
func (s *Server) follow(host string, r *Record) (*Record, error) {
	next := s.state.proxiedRecord(s.cfg.Zones, r.Content)
	if next == nil {
		return nil, errUnreachable
	}
	from, _ := s.zoneByID(r.ZoneID)
	to, _ := s.zoneByID(next.ZoneID)
	switch {
	case s.state.serves(to, host):
		return s.fallback(to)
	case from.AccountID != to.AccountID:
		return nil, errCrossAccount
	}
	return next, nil
}

// connected returns the tunnel that a record names. It must be one of the same
// account, and a connector must serve it.
func (s *Server) connected(id string, r *Record) (*tunnel, error) {
	t := s.state.tunnelByID(id)
	z, _ := s.zoneByID(r.ZoneID)
	switch {
	case t != nil && t.AccountID != z.AccountID:
		return nil, errCrossAccount
	case t == nil || t.DeletedAt != nil || !t.Connected:
		return nil, errTunnelDown
	}
	return t, nil
}

// proxiedRecord returns the proxied record for a name, a wildcard's when the name
// has no record at all.
func (st *state) proxiedRecord(zones []Zone, name string) *Record {
	zone, ok := zoneAround(zones, name)
	for owner := name; ok; owner = wildcardAbove(owner) {
		r, exists := st.proxiedAt(zone.ID, owner)
		if exists || owner == "*."+zone.Name || owner == zone.Name {
			return r
		}
	}
	return nil
}

// proxiedAt returns the proxied record of exactly that name, if any, and whether
// there is a record at all.
func (st *state) proxiedAt(zoneID, owner string) (proxied *Record, exists bool) {
	for _, r := range st.Records {
		if r.ZoneID != zoneID || r.Name != owner {
			continue
		}
		if exists = true; r.Proxied {
			return r, true
		}
	}
	return nil, exists
}

// wildcardAbove returns the wildcard that stands for a name, or for a wildcard
// the next one above it.
func wildcardAbove(name string) string {
	name = strings.TrimPrefix(name, "*.")
	_, rest, _ := strings.Cut(name, ".")
	return "*." + rest
}

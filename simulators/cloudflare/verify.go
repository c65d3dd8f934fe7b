package cloudflare

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// verifyTimeout is how long a call waits for the DNS about all its hostnames.
	verifyTimeout = 3 * time.Second
	// askTimeout is how long one question may take.
	askTimeout = time.Second
	// maxChase is how many answers are followed from CNAME to CNAME.
	maxChase = 8
)

// evidence is what the DNS says about a custom hostname.
type evidence struct {
	leads     bool // to the SaaS zone
	owned     bool // the ownership record is there
	validated bool // the record of the certificate authority is there
}

// verifyHostnames looks, before a call that reads or patches custom hostnames is
// answered, whether those that are not active have become so. The mutex is not
// held while the DNS is asked.
func (s *Server) verifyHostnames(ctx context.Context, c *call) {
	zoneID, rest, ok := strings.Cut(strings.TrimPrefix(c.path, "/zones/"), "/custom_hostnames")
	if !ok || c.request.Method == "POST" || c.request.Method == "DELETE" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	for _, h := range s.waiting(zoneID, strings.TrimPrefix(rest, "/"), normalName(c.query.Get("hostname"))) {
		s.decide(h, s.evidenceFor(ctx, h))
	}
}

// waiting copies the custom hostnames of a zone that are not active, all of them
// or those of an id or a name.
func (s *Server) waiting(zoneID, id, name string) []customHostname {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []customHostname
	for _, h := range s.state.Hostnames {
		active := h.Status == statusActive && h.SSL.Status == statusActive
		if h.ZoneID == zoneID && !active && matchesOrAny(id, h.ID) && matchesOrAny(name, h.Hostname) {
			found = append(found, *h)
		}
	}
	return found
}

// decide takes what is proven over into the state.
func (s *Server) decide(seen customHostname, e evidence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.state.Hostnames, func(h *customHostname) bool { return h.ID == seen.ID })
	if i < 0 {
		return
	}
	h := s.state.Hostnames[i]
	before := *h
	if e.leads || e.owned {
		h.Status = statusActive
	}
	switch {
	case e.leads || e.validated:
		h.SSL.Status = statusActive
	case h.SSL.Status == statusInitializing:
		h.SSL.Status = statusPendingValidation
	}
	if h.Status != before.Status || h.SSL != before.SSL {
		s.state.changed()
	}
}

func (s *Server) evidenceFor(ctx context.Context, h customHostname) evidence {
	if s.cfg.Resolver == "" {
		return evidence{}
	}
	if s.leadsHere(ctx, h) {
		return evidence{leads: true}
	}
	o, v := h.ownership(), h.validation()
	return evidence{
		owned:     slices.Contains(s.texts(ctx, o.Name), o.Value),
		validated: slices.Contains(s.texts(ctx, v.TXTName), v.TXTValue),
	}
}

// leadsHere follows the name through the DNS until it meets a proxied name of
// the SaaS zone or the address of the data plane.
func (s *Server) leadsHere(ctx context.Context, h customHostname) bool {
	name := h.Hostname
	for range maxChase {
		answer := s.ask(ctx, name, dns.TypeA)
		next := ""
		for _, rr := range answer {
			switch rr := rr.(type) {
			case *dns.A:
				return rr.A.Equal(s.dataIP.AsSlice())
			case *dns.AAAA:
				return rr.AAAA.Equal(s.dataIP.AsSlice())
			case *dns.CNAME:
				next = normalName(rr.Target)
				if s.proxiedIn(h.ZoneID, next) {
					return true
				}
			}
		}
		if next == "" {
			return false
		}
		name = next
	}
	return false
}

// proxiedIn reports whether a name is a proxied record of a zone.
func (s *Server) proxiedIn(zoneID, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.state.proxiedRecord(s.cfg.Zones, name)
	return r != nil && r.ZoneID == zoneID
}

func (s *Server) texts(ctx context.Context, name string) []string {
	var found []string
	for _, rr := range s.ask(ctx, name, dns.TypeTXT) {
		if txt, ok := rr.(*dns.TXT); ok {
			found = append(found, strings.Join(txt.Txt, ""))
		}
	}
	return found
}

// ask returns the answers to a question; a server that does not answer is one
// that proves nothing.
func (s *Server) ask(ctx context.Context, name string, qtype uint16) []dns.RR {
	client := &dns.Client{Timeout: askTimeout}
	answer, _, err := client.ExchangeContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), s.cfg.Resolver)
	if err != nil || answer == nil {
		s.log.Debug("custom hostname not verified", "name", name, "error", err)
		return nil
	}
	return answer.Answer
}

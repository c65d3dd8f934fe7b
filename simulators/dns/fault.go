package dns

import "github.com/miekg/dns"

// Fault is a way for a name to misbehave on purpose.
type Fault int

const (
	// FaultNone answers as the zone says.
	FaultNone Fault = iota
	// FaultServerFailure answers SERVFAIL.
	FaultServerFailure
	// FaultRefuse answers REFUSED.
	FaultRefuse
	// FaultDrop answers nothing, so the client runs into its timeout.
	FaultDrop
	// FaultTruncate answers over UDP with the TC bit and no record, so that the
	// truth is to be had over TCP only.
	FaultTruncate
)

// SetFault makes every question about a name misbehave; FaultNone ends it.
func (s *Server) SetFault(name string, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[dns.CanonicalName(name)] = fault
}

// faultOf returns the fault that a message meets. Updates meet none.
func (s *Server) faultOf(request *dns.Msg) Fault {
	if request.Opcode != dns.OpcodeQuery || len(request.Question) != 1 {
		return FaultNone
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.faults[dns.CanonicalName(request.Question[0].Name)]
}

// fail fills in the reply of a fault and reports whether there was one to show.
func fail(w dns.ResponseWriter, m *dns.Msg, fault Fault) bool {
	switch fault {
	case FaultServerFailure:
		m.Rcode = dns.RcodeServerFailure
		return true
	case FaultRefuse:
		m.Rcode = dns.RcodeRefused
		return true
	case FaultTruncate:
		m.Authoritative, m.Truncated = true, overUDP(w)
		return m.Truncated
	}
	return false
}

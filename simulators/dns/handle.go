package dns

import (
	"net"

	"github.com/miekg/dns"
)

// accept lets every request in; what it may hold depends on its kind.
func accept(header dns.Header) dns.MsgAcceptAction {
	const response = 1 << 15
	if header.Bits&response != 0 {
		return dns.MsgIgnore
	}
	return dns.MsgAccept
}

// handle answers one message.
func (s *Server) handle(w dns.ResponseWriter, request *dns.Msg) {
	fault := s.faultOf(request)
	if fault == FaultDrop {
		return
	}
	m := new(dns.Msg).SetReply(request)
	problem := s.verify(w, request)
	switch {
	case problem != dns.RcodeSuccess:
		m.Rcode = dns.RcodeNotAuth
	case !fail(w, m, fault):
		s.dispatch(w, request, m)
	}
	fit(w, request, m)
	if t := request.IsTsig(); t != nil {
		sign(m, t, problem)
	}
	// A reply that cannot be sent is lost like any datagram: the client asks again.
	_ = w.WriteMsg(m)
}

// dispatch fills in the reply by the kind of message.
func (s *Server) dispatch(w dns.ResponseWriter, request, m *dns.Msg) {
	switch {
	case request.Opcode == dns.OpcodeUpdate:
		m.Rcode = s.update(w, request)
	case request.Opcode != dns.OpcodeQuery:
		m.Rcode = dns.RcodeNotImplemented
	case len(request.Question) != 1:
		m.Rcode = dns.RcodeFormatError
	default:
		s.query(request, m)
	}
}

// query answers a question of class IN. Zone transfers are refused.
func (s *Server) query(request, m *dns.Msg) {
	q := request.Question[0]
	if q.Qclass != dns.ClassINET || q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR {
		m.Rcode = dns.RcodeRefused
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.zones.lookup(q.Name, q.Qtype)
	m.Rcode, m.Authoritative = r.rcode, r.authoritative
	m.Answer, m.Ns, m.Extra = r.answer, r.authority, r.extra
}

// fit gives the reply the EDNS record that the request asked for and cuts it to
// the size that the client can take over UDP.
func fit(w dns.ResponseWriter, request, m *dns.Msg) {
	size := dns.MinMsgSize
	if opt := request.IsEdns0(); opt != nil {
		size = max(size, min(int(opt.UDPSize()), maxMessage))
		m.SetEdns0(maxMessage, false)
		if opt.Version() != 0 {
			m.Rcode = dns.RcodeBadVers
		}
	}
	if overUDP(w) && !m.Truncated {
		m.Truncate(size)
	}
}

func overUDP(w dns.ResponseWriter) bool {
	_, udp := w.RemoteAddr().(*net.UDPAddr)
	return udp
}

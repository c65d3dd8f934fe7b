// Package dnstest is a DNS server that answers as a test tells it, right or
// wrong. It speaks UDP and TCP on a free port of loopback.
package dnstest

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Server answers what it was told, and NXDOMAIN with authority else.
type Server struct {
	addr string

	mu     sync.Mutex
	script map[dns.Question]Reply
	// below has what is said of names below a name that the script has not.
	below map[dns.Question]func(name string) Reply
	asked []string
}

// Reply is what one question is answered with.
type Reply struct {
	Rcode int
	// Records are in presentation format.
	Records []string
	// Authority is what the authority section has.
	Authority []string
	// Lame leaves out the authoritative flag.
	Lame bool
	// Silent answers nothing.
	Silent bool
	// SilentOnce answers nothing the first time.
	SilentOnce bool
	// Truncated answers nothing but the TC bit over UDP; TruncatedTCP over TCP
	// too.
	Truncated    bool
	TruncatedTCP bool
	// Once answers the first time only, and SERVFAIL later.
	Once bool
	// Other answers another question.
	Other bool
}

// bindAttempts is how often a port is looked for that all servers can have.
const bindAttempts = 20

// Start serves on 127.0.0.1 until the test ends.
func Start(t *testing.T) *Server {
	t.Helper()
	return StartAll(t, "127.0.0.1")[0]
}

// StartAll serves on several addresses of loopback, all at the same port, until
// the test ends.
func StartAll(t *testing.T, hosts ...string) []*Server {
	t.Helper()
	for range bindAttempts {
		transports, err := bind(hosts)
		if err != nil {
			continue
		}
		servers := make([]*Server, len(hosts))
		for i := range hosts {
			servers[i] = &Server{addr: transports[2*i].Listener.Addr().String(), script: map[dns.Question]Reply{}, below: map[dns.Question]func(string) Reply{}}
			servers[i].serve(t, transports[2*i])
			servers[i].serve(t, transports[2*i+1])
		}
		return servers
	}
	t.Fatalf("no port is free on all of %v", hosts)
	return nil
}

// bind takes TCP and UDP on every host at one port, or nothing.
func bind(hosts []string) ([]*dns.Server, error) {
	var transports []*dns.Server
	var bound []io.Closer
	port := "0"
	for _, host := range hosts {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return nil, errors.Join(err, closeAll(bound))
		}
		bound = append(bound, listener)
		packets, err := net.ListenPacket("udp", listener.Addr().String())
		if err != nil {
			return nil, errors.Join(err, closeAll(bound))
		}
		bound = append(bound, packets)
		transports = append(transports, &dns.Server{Listener: listener}, &dns.Server{PacketConn: packets})
		_, port, err = net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return nil, errors.Join(err, closeAll(bound))
		}
	}
	return transports, nil
}

func closeAll(bound []io.Closer) error {
	var problems []error
	for _, b := range bound {
		problems = append(problems, b.Close())
	}
	return errors.Join(problems...)
}

// serve answers over one transport and returns when it does.
func (s *Server) serve(t *testing.T, transport *dns.Server) {
	t.Helper()
	started, ended := make(chan struct{}), make(chan error, 1)
	transport.Handler = dns.HandlerFunc(s.handle)
	transport.NotifyStartedFunc = func() { close(started) }
	go func() { ended <- transport.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		if err := transport.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Addr returns where the server listens, as ip:port.
func (s *Server) Addr() string { return s.addr }

// Set tells what to answer to a question.
func (s *Server) Set(name string, qtype uint16, reply Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script[question(name, qtype)] = reply
}

// SetBelow tells what to answer about any other name below a name.
func (s *Server) SetBelow(name string, qtype uint16, reply func(name string) Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.below[question(name, qtype)] = reply
}

// SetBoth tells what to answer to A and to AAAA.
func (s *Server) SetBoth(name string, reply Reply) {
	s.Set(name, dns.TypeA, reply)
	s.Set(name, dns.TypeAAAA, reply)
}

// Asked returns the questions that came, as "udp name type", sorted.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.asked))
}

func question(name string, qtype uint16) dns.Question {
	return dns.Question{Name: dns.CanonicalName(name), Qtype: qtype, Qclass: dns.ClassINET}
}

// take returns the reply to a question and notes that it came.
func (s *Server) take(network string, q dns.Question) (Reply, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, network+" "+q.Name+" "+dns.TypeToString[q.Qtype])
	key := question(q.Name, q.Qtype)
	reply, ok := s.script[key]
	if !ok {
		return s.wildcard(key)
	}
	if reply.Once {
		s.script[key] = Reply{Rcode: dns.RcodeServerFailure}
	}
	if reply.SilentOnce {
		later := reply
		later.SilentOnce = false
		s.script[key] = later
	}
	return reply, ok
}

// wildcard returns what is said of names below one that has the question's name
// below it.
func (s *Server) wildcard(key dns.Question) (Reply, bool) {
	for above, reply := range s.below {
		if above.Qtype == key.Qtype && above.Name != key.Name && dns.IsSubDomain(above.Name, key.Name) {
			return reply(key.Name), true
		}
	}
	return Reply{}, false
}

func (s *Server) handle(w dns.ResponseWriter, request *dns.Msg) {
	network := w.RemoteAddr().Network()
	reply, ok := s.take(network, request.Question[0])
	if reply.Silent || reply.SilentOnce {
		return
	}
	m := new(dns.Msg).SetReply(request)
	m.Authoritative, m.Rcode = !reply.Lame, reply.Rcode
	switch {
	case !ok:
		m.Rcode = dns.RcodeNameError
	case reply.Truncated && network == "udp", reply.TruncatedTCP:
		m.Truncated = true
	default:
		m.Answer, m.Ns = records(reply.Records), records(reply.Authority)
	}
	if reply.Other {
		m.Question[0].Name = "other.test."
	}
	_ = w.WriteMsg(m) // A reply that is lost makes the asking test fail.
}

func records(lines []string) []dns.RR {
	var all []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			panic(err) // The test is wrong; it must not go on.
		}
		all = append(all, rr)
	}
	return all
}

// Package dnsq asks one DNS question of one server and keeps the answer as it
// came.
//
// It owns the transport: UDP first, TCP when the answer does not fit, one more
// try when the network lost the first. It must not know what an answer means for
// a hostname.
//
// Invariants: a truncated answer is never returned; an answer to another
// question is an error.
package dnsq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// tries is how often a question is sent over one transport before the network
// counts as lost.
const tries = 2

// Question is what to ask, of whom.
type Question struct {
	// Server is where to send it, as ip:port.
	Server string
	// Name is fully qualified.
	Name string
	Type uint16
	// Recursive asks a resolver to find the answer elsewhere.
	Recursive bool
}

// errCut is an answer that is incomplete even over TCP.
var errCut = errors.New("the answer is cut even over tcp")

// Client asks questions. It keeps no state.
type Client struct {
	// Timeout is for each try.
	Timeout time.Duration
}

// Ask asks one question. That no answer came is part of the Answer.
func (c Client) Ask(ctx context.Context, q Question) Answer {
	start := time.Now()
	m, err := c.exchange(ctx, "udp", q)
	if err == nil && m.Truncated {
		m, err = c.exchange(ctx, "tcp", q)
	}
	if err == nil && m.Truncated {
		err = errCut
	}
	a := Answer{Question: q, Duration: time.Since(start), Err: err}
	if err == nil {
		a.Rcode, a.Authoritative, a.Records = m.Rcode, m.Authoritative, m.Answer
		a.referral = refers(m)
	}
	return a
}

// AskAll asks questions at the same time and returns the answers in their order.
func (c Client) AskAll(ctx context.Context, questions []Question) []Answer {
	answers := make([]Answer, len(questions))
	var asked sync.WaitGroup
	for i, q := range questions {
		asked.Go(func() { answers[i] = c.Ask(ctx, q) })
	}
	asked.Wait()
	return answers
}

// exchange sends a question over one transport, again when it timed out.
func (c Client) exchange(ctx context.Context, network string, q Question) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(q.Name, q.Type)
	m.RecursionDesired = q.Recursive
	client := &dns.Client{Net: network, Timeout: c.Timeout}
	var last error
	for range tries {
		answer, _, err := client.ExchangeContext(ctx, m, q.Server)
		if err == nil {
			return answer, matches(answer, m.Question[0])
		}
		last = fmt.Errorf("ask over %s: %w", network, err)
		var lost net.Error
		if ctx.Err() != nil || !errors.As(err, &lost) || !lost.Timeout() {
			break
		}
	}
	return nil, last
}

// matches checks that a message answers the question and not another one.
func matches(m *dns.Msg, q dns.Question) error {
	if !m.Response || len(m.Question) != 1 {
		return errors.New("the message is no answer")
	}
	got := m.Question[0]
	if !strings.EqualFold(got.Name, q.Name) || got.Qtype != q.Qtype || got.Qclass != q.Qclass {
		return fmt.Errorf("the answer is to another question: %s %s", got.Name, dns.TypeToString[got.Qtype])
	}
	return nil
}

// refers reports whether a server without authority only says whom else to ask.
func refers(m *dns.Msg) bool {
	if m.Authoritative || len(m.Answer) > 0 {
		return false
	}
	var servers bool
	for _, rr := range m.Ns {
		switch rr.Header().Rrtype {
		case dns.TypeSOA:
			return false
		case dns.TypeNS:
			servers = true
		}
	}
	return servers
}

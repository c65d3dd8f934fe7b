package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// visitLimit is how long one query or one request may take.
const visitLimit = 5 * time.Second

// maxPage bounds what is read of an answer.
const maxPage = 1 << 20

// visitor reaches sites as the world does: by asking the DNS and connecting to
// the address that it gave.
type visitor struct {
	// dns is the server to ask, host:port.
	dns string
	// port is where the edges listen.
	port string
}

// answer is what came back over HTTP.
type answer struct {
	status int
	header http.Header
	body   string
}

// resolve asks for the A records of a name, with a query of its own: the host's
// resolver would answer names below localhost unasked.
func (v visitor) resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, visitLimit)
	defer cancel()
	query := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA)
	response, err := dns.ExchangeContext(ctx, query, v.dns)
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", v.dns, name, err)
	}
	var addresses []netip.Addr
	for _, record := range response.Answer {
		if a, ok := record.(*dns.A); ok {
			if address, ok := netip.AddrFromSlice(a.A.To4()); ok {
				addresses = append(addresses, address)
			}
		}
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("%s has no address at %s (%s)", name, v.dns, dns.RcodeToString[response.Rcode])
	}
	return addresses, nil
}

// fetch asks the edge at an address for the front page of a host, on a fresh
// connection.
func (v visitor) fetch(ctx context.Context, at netip.Addr, host string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, visitLimit)
	defer cancel()
	edge := net.JoinHostPort(at.String(), v.port)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+edge+"/", nil)
	if err != nil {
		return answer{}, fmt.Errorf("ask %s for %s: %w", edge, host, err)
	}
	request.Host, request.Close = net.JoinHostPort(host, v.port), true
	// The zero transport uses no proxy; RoundTrip follows no redirects.
	response, err := new(http.Transport).RoundTrip(request)
	if err != nil {
		return answer{}, fmt.Errorf("ask %s for %s: %w", edge, host, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer of %s for %s: %w", edge, host, err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(body)}, nil
}

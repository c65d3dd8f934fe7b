package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

const (
	// path is where edges answer probes.
	path = "/.well-known/siteplane/probe"
	// maxBody and maxHeader are how much of an answer is read, in bytes.
	maxBody   = 4 << 10
	maxHeader = 16 << 10
)

// Attempt is one fetch through one address.
type Attempt struct {
	Address netip.AddrPort
	// EdgeID is the edge that signed; empty when no signature counts.
	EdgeID string
	// Status is of the HTTP answer; 0 when there was none.
	Status int
	// Err says why the attempt does not count.
	Err error
	// Answered: somebody is there, so that an Err speaks against us.
	Answered bool
	// Cloudflare: the address is theirs, and no signature counts.
	Cloudflare bool
	Duration   time.Duration

	// page is the number in what may be an error page of Cloudflare.
	page string
}

// Counts reports whether one of our edges answered.
func (a Attempt) Counts() bool { return a.EdgeID != "" }

// fetch asks the server behind one address, as a visitor who resolved the host to
// it. The name is not resolved again, so the answer is from this address.
func fetch(ctx context.Context, to netip.AddrPort, c challenge, timeout time.Duration) Attempt {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	a := Attempt{Address: to}
	body, err := a.get(ctx, c)
	if err == nil {
		a.EdgeID, err = c.verify(body, time.Now())
	}
	a.Err, a.Duration = err, time.Since(start)
	a.Answered = err == nil || !failure(err)
	return a
}

// get does the HTTP exchange.
func (a *Attempt) get(ctx context.Context, c challenge) ([]byte, error) {
	target := url.URL{Scheme: "http", Host: c.host, Path: path, RawQuery: url.Values{"nonce": {c.nonce}}.Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("make probe request: %w", err)
	}
	request.Header.Set("User-Agent", "siteplane-probe")
	transport := pinned(a.Address)
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("fetch probe: %w", err)
	}
	defer response.Body.Close()
	a.Status = response.StatusCode
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if refused := judge(response); refused != nil {
		a.page = errorPage(body)
		return nil, refused
	}
	if err != nil {
		return nil, fmt.Errorf("read probe answer: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("%w: longer than %d bytes", errForm, maxBody)
	}
	return body, nil
}

// pinned makes a transport that dials one address whatever the URL says. It takes
// no proxy, keeps no connection and, being no Client, follows no redirect.
func pinned(to netip.AddrPort) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", to.String())
		},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// errServer is an answer that says only that the server cannot answer now.
var errServer = errors.New("the server fails")

// judge looks at the head of an answer.
func judge(response *http.Response) error {
	switch code := response.StatusCode; {
	case code == http.StatusOK:
		return nil
	case code >= 500:
		return fmt.Errorf("%w: status %d", errServer, code)
	case response.Header.Get("Location") != "":
		return fmt.Errorf("%w: status %d, redirect to %q, not followed", errForm, code, short(response.Header.Get("Location")))
	default:
		return fmt.Errorf("%w: status %d", errForm, code)
	}
}

// failure reports whether an error is of the network or of a server that cannot
// answer now. It says nothing about who is there.
func failure(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, errServer) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

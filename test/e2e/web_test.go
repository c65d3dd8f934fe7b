package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// platformDomain is where `siteplane up` gives names to sites.
const platformDomain = "siteplane.localhost"

func hostname(slug string) string { return slug + "." + platformDomain }

// startOrigin answers every request with its name, and returns its address.
func startOrigin(t *testing.T, name string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, name)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// fetch asks whoever listens at address for a path of a host, over a connection
// of its own, and follows no redirect. An answer that never came is an error.
func fetch(address, host, path string) (status int, body string, err error) {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		},
	}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, string(data), err
}

// edge is where nginx listens.
func (i *installation) edge() string { return loopback(i.base + offsets.edge) }

// wantServed fails unless nginx answers for a slug with what its origin says.
func (i *installation) wantServed(slug, want string) {
	i.t.Helper()
	status, body, err := fetch(i.edge(), hostname(slug), "/")
	if err != nil || status != http.StatusOK || body != want {
		i.t.Errorf("%s answers %d %q (error %v), want 200 %q", slug, status, body, err, want)
	}
}

// wantUnknown fails unless nginx answers for a slug that it does not know it.
func (i *installation) wantUnknown(slug string) {
	i.t.Helper()
	status, _, err := fetch(i.edge(), hostname(slug), "/")
	if err != nil || status != http.StatusMisdirectedRequest {
		i.t.Errorf("%s answers %d (error %v), want 421", slug, status, err)
	}
}

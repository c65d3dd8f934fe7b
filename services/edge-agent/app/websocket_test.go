package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// startUpgrader switches protocols when asked to and echoes one line.
func startUpgrader(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
			_, _ = fmt.Fprintf(w, "no upgrade: %q %q", r.Header.Get("Upgrade"), r.Header.Get("Connection"))
			return
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = fmt.Fprintf(buffered, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n", r.Header.Get("Upgrade"))
		_ = buffered.Flush()
		line, _ := buffered.ReadString('\n')
		_, _ = buffered.WriteString("echo " + line)
		_ = buffered.Flush()
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// upgrade asks for a protocol and returns the status line and what one line
// comes back as, or the body where the protocol stays.
func upgrade(t *testing.T, address, host, protocol string) (status, echo string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	check(t, err)
	defer func() { check(t, conn.Close()) }()
	check(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", host, protocol)
	check(t, err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	check(t, err)
	if response.StatusCode != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(response.Body)
		check(t, err)
		return response.Status, string(body)
	}
	_, err = fmt.Fprint(conn, "hello\n")
	check(t, err)
	echo, err = reader.ReadString('\n')
	check(t, err)
	return response.Status, strings.TrimSpace(echo)
}

func TestServe_websocket(t *testing.T) {
	e := startEdge(t)
	address := startUpgrader(t)
	on, off := newSite(1, address, "on.example.com"), newSite(2, address, "off.example.com")
	on.Spec.Options = &edgev1.Options{Websocket: true}
	e.mustPut(1, on, off)
	for _, c := range []struct{ host, protocol, status, echo string }{
		{"on.example.com", "websocket", "101 Switching Protocols", "echo hello"},
		{"on.example.com", "WebSocket", "101 Switching Protocols", "echo hello"},
		// Clear-text HTTP/2 would smuggle requests past the edge.
		{"on.example.com", "h2c", "200 OK", `no upgrade: "" ""`},
		{"off.example.com", "websocket", "200 OK", `no upgrade: "" ""`},
	} {
		status, echo := upgrade(t, e.public, c.host, c.protocol)
		if status != c.status || echo != c.echo {
			t.Errorf("%s to %s: %s, %q, want %s, %q", c.protocol, c.host, status, echo, c.status, c.echo)
		}
	}
	if _, _, body := e.get("on.example.com", "/"); body != `no upgrade: "" ""` {
		t.Errorf("a plain request reached the origin as %s", body)
	}
}

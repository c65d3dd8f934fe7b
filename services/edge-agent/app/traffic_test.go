package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// claims are what a visitor says about itself.
type claims map[string]string

// startWitness answers with what it is told about the visitor.
func startWitness(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded"} {
			_, _ = fmt.Fprintf(w, "%s=%s ", name, strings.Join(r.Header.Values(name), "|"))
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// told asks from an address of this host and returns what the origin was told.
func (e *edge) told(from, host string, claims claims) string {
	e.t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", e.public)
	}}
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, "http://"+host+"/", http.NoBody)
	check(e.t, err)
	for name, value := range claims {
		request.Header.Set(name, value)
	}
	response, err := transport.RoundTrip(request)
	check(e.t, err)
	body, err := io.ReadAll(response.Body)
	check(e.t, err)
	check(e.t, response.Body.Close())
	return string(body)
}

func told(address, scheme string) string {
	return fmt.Sprintf("X-Forwarded-For=%s X-Forwarded-Proto=%s X-Real-IP= Forwarded= ", address, scheme)
}

// forged is everything that a visitor could say to pass for another.
var forged = claims{
	"X-Forwarded-For": "198.51.100.9", "X-Forwarded-Proto": "https", "X-Real-IP": "198.51.100.9", "Forwarded": "for=198.51.100.9;proto=https",
	"CF-Connecting-IP": "198.51.100.9", "X-Forwarded-Host": "forged.example", "True-Client-IP": "198.51.100.9",
}

// S08: what a visitor says about itself counts only where a trusted proxy says it.
func TestServe_trusted_proxies(t *testing.T) {
	const proxy, stranger = "127.0.0.7", "127.0.0.8"
	t.Run("without any, nobody is believed", func(t *testing.T) {
		e := startEdge(t)
		e.mustPut(1, newSite(1, startWitness(t), "shop.example.com"))
		if got, want := e.told(proxy, "shop.example.com", forged), told(proxy, "http"); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	})
	for header, cases := range map[string][]struct {
		name   string
		from   string
		claims claims
		want   string
	}{
		"": {
			{"a proxy says who and how", proxy, claims{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}, told("203.0.113.7", "https")},
			{"what was said to the first proxy does not count", proxy, claims{"X-Forwarded-For": "198.51.100.9, 203.0.113.7, 10.1.2.3"}, told("203.0.113.7", "http")},
			{"a proxy that says nothing is the visitor", proxy, nil, told(proxy, "http")},
			{"no other scheme is passed on", proxy, claims{"X-Forwarded-Proto": "https, javascript"}, told(proxy, "http")},
			{"another header of a proxy does not count", proxy, claims{"CF-Connecting-IP": "198.51.100.9", "X-Real-IP": "198.51.100.9"}, told(proxy, "http")},
			{"a stranger is not believed", stranger, forged, told(stranger, "http")},
		},
		"CF-Connecting-IP": {
			{"the other header counts where it is asked for", proxy, claims{"CF-Connecting-IP": "203.0.113.7", "X-Forwarded-For": "198.51.100.9"}, told("203.0.113.7", "http")},
			{"a stranger is not believed there either", stranger, forged, told(stranger, "http")},
		},
	} {
		e := startEdge(t, func(config *app.Config) {
			config.TrustedProxies = []string{"127.0.0.7/32", "10.0.0.0/8", "2001:db8::/32", "10.1.0.0/16"}
			config.RealIPHeader = header
		})
		e.mustPut(1, newSite(1, startWitness(t), "shop.example.com"))
		for _, c := range cases {
			e.sub(c.name, func(t *testing.T) {
				if got := e.told(c.from, "shop.example.com", c.claims); got != c.want {
					t.Errorf("told %s, want %s", got, c.want)
				}
			})
		}
	}
}

// logLine is what an operator reads.
type logLine struct {
	Time, Site, Host, Method, Status, Origin, Client, Peer, Scheme, Protocol, Request string
	OriginStatus                                                                      string `json:"origin_status"`
	OriginDuration                                                                    string `json:"origin_duration"`
	TLS                                                                               string `json:"tls"`
	Bytes                                                                             int
	Duration                                                                          float64
}

// readLog returns the lines that are there, and fails where one is no JSON.
func readLog(t *testing.T, path string) []logLine {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	check(t, err)
	var lines []logLine
	for text := range strings.Lines(string(data)) {
		var line logLine
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		lines = append(lines, line)
	}
	return lines
}

// ask sends bytes as they are and returns the status line.
func (e *edge) ask(request string) string {
	e.t.Helper()
	conn, err := net.Dial("tcp", e.public)
	check(e.t, err)
	defer func() { check(e.t, conn.Close()) }()
	check(e.t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, request)
	check(e.t, err)
	status, err := bufio.NewReader(conn).ReadString('\n')
	check(e.t, err)
	return status
}

func TestServe_access_log(t *testing.T) {
	var path string
	e := startEdge(t, func(config *app.Config) {
		path = filepath.Join(filepath.Dir(config.Dir), "access.log")
		config.AccessLog = path
	})
	origin := startOrigin(t, "main")
	e.mustPut(1, newSite(1, origin, "shop.example.com"))

	e.sub("a line for each public request, and for nothing else", func(t *testing.T) {
		_, err := e.client.ProbeSite(t.Context(), &edgev1.ProbeSiteRequest{SiteId: siteID(1)})
		check(t, err)
		e.state()
		e.wantStatus("shop.example.com", "/secret?password=1", http.StatusOK)
		if status := e.ask("GET / HTTP/1.1\r\nHost: a\"b\\c'\xff{}.example\r\nConnection: close\r\n\r\n"); !strings.Contains(status, "421") && !strings.Contains(status, "400") {
			t.Errorf("a name that no site has answers %s", status)
		}
		var lines []logLine
		eventually(t, "two lines are written", func() bool {
			lines = readLog(t, path)
			return len(lines) >= 2
		})
		if len(lines) != 2 {
			t.Fatalf("%d lines: %+v", len(lines), lines)
		}
		served, unknown := lines[0], lines[1]
		if served.Host != "shop.example.com" {
			served, unknown = unknown, served
		}
		if got, want := fmt.Sprint(served.Site, served.Method, served.Status, served.Origin, served.OriginStatus, served.Client, served.Peer, served.Scheme, served.Protocol),
			fmt.Sprint(siteID(1), "GET", "200", origin, "200", "127.0.0.1", "127.0.0.1", "http", "HTTP/1.1"); got != want {
			t.Errorf("the line says %s, want %s", got, want)
		}
		if served.Bytes == 0 || len(served.Request) != 32 || served.OriginDuration == "" {
			t.Errorf("the line is %+v", served)
		}
		if _, err := time.Parse(time.RFC3339, served.Time); err != nil {
			t.Error(err)
		}
		// From 1.29.4 on nginx refuses such a Host, and then has none for the log.
		asGiven := unknown.Status == "421" && strings.HasPrefix(unknown.Host, `a"b\c'`)
		if unknown.Site != "" || !asGiven && (unknown.Status != "400" || unknown.Host != "") {
			t.Errorf("the line of an unknown name is %+v", unknown)
		}
	})
	e.sub("holds neither path nor query, and is not for everybody", func(t *testing.T) {
		data, err := os.ReadFile(path)
		check(t, err)
		if strings.Contains(string(data), "secret") || strings.Contains(string(data), "password") {
			t.Errorf("the log is\n%s", data)
		}
		info, err := os.Stat(path)
		check(t, err)
		if info.Mode().Perm()&0o007 != 0 {
			t.Errorf("the log has mode %v", info.Mode())
		}
	})
	e.sub("the next generation begins a new file where the old one was moved away", func(t *testing.T) {
		check(t, os.Rename(path, path+".1"))
		e.mustPut(2, newSite(2, origin, "other.example.com"))
		eventually(t, "a line of the second site in the new file", func() bool {
			e.wantStatus("other.example.com", "/", http.StatusOK)
			lines := readLog(t, path)
			return len(lines) > 0 && lines[len(lines)-1].Site == siteID(2)
		})
		if drifts := e.state().GetDrifts(); len(drifts) > 0 {
			t.Errorf("drift: %v", drifts)
		}
	})
}

// startCounter counts the connections that it takes.
func startCounter(t *testing.T) (address string, connections *atomic.Int64) {
	t.Helper()
	connections = new(atomic.Int64)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "counted")
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), connections
}

// Only one origin gets a block here: the one that two names lead to.
func TestServe_keeps_connections_to_origins(t *testing.T) {
	e := startEdge(t, func(config *app.Config) { config.KeepaliveOrigins = 1 })
	shared, kept := startCounter(t)
	alone, made := startCounter(t)
	e.mustPut(1, newSite(1, alone, "alone.example.com"), newSite(2, shared, "one.example.com"), newSite(3, shared, "two.example.com"))

	// One connection of a visitor stays with one worker, and so with what that keeps.
	transport := &http.Transport{MaxConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	ask := func(host string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.public+"/", http.NoBody)
		check(t, err)
		request.Host = host
		response, err := transport.RoundTrip(request)
		check(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		check(t, err)
		check(t, response.Body.Close())
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", host, response.Status)
		}
	}
	const requests = 40
	for range requests {
		ask("alone.example.com")
		ask("one.example.com")
		ask("two.example.com")
	}
	if got := made.Load(); got != requests {
		t.Errorf("%d connections for %d requests to the origin without a block", got, requests)
	}
	// One, unless this machine stood still for longer than they are kept.
	if got := kept.Load(); got > requests/4 {
		t.Errorf("%d connections for %d requests to the origin with a block", got, 2*requests)
	}
}

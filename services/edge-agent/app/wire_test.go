package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/hostile"
)

// rawOrigin keeps every byte that it is sent and answers each request.
type rawOrigin struct {
	t       *testing.T
	address string

	mu       sync.Mutex
	requests []rawRequest
	all      int
	// conns are all connections, with what came since the last whole request.
	conns []*strings.Builder
}

// rawRequest is one request, as its bytes were.
type rawRequest struct{ line, headers, body string }

func startRawOrigin(t *testing.T) *rawOrigin {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	o := &rawOrigin{t: t, address: listener.Addr().String()}
	var serving sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			serving.Go(func() { o.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		stop()
		serving.Wait()
	})
	return o
}

// noted notes under the origin's lock what is read.
type noted struct {
	io.Reader
	o  *rawOrigin
	to *strings.Builder
}

func (n noted) Read(data []byte) (int, error) {
	read, err := n.Reader.Read(data)
	n.o.mu.Lock()
	defer n.o.mu.Unlock()
	_, _ = n.to.Write(data[:read])
	return read, err
}

func (o *rawOrigin) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	rest := new(strings.Builder)
	o.mu.Lock()
	o.conns = append(o.conns, rest)
	o.mu.Unlock()
	reader := bufio.NewReader(noted{conn, o, rest})
	for {
		request, err := readRaw(reader)
		if err != nil {
			return
		}
		o.note(request, rest)
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}

func (o *rawOrigin) note(request rawRequest, rest *strings.Builder) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests, o.all = append(o.requests, request), o.all+1
	behind := strings.TrimPrefix(rest.String(), request.line+request.headers+"\r\n"+request.body)
	rest.Reset()
	_, _ = rest.WriteString(behind)
}

// count says how many connections and requests there were.
func (o *rawOrigin) count() (connections, requests int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.conns), o.all
}

// readRaw takes a request for what its Content-Length says, as origins do that know no
// better.
func readRaw(reader *bufio.Reader) (request rawRequest, err error) {
	if request.line, err = reader.ReadString('\n'); err != nil {
		return request, err
	}
	length := 0
	for {
		line, err := reader.ReadString('\n')
		if err != nil || line == "\r\n" {
			body := make([]byte, length)
			_, bodyErr := io.ReadFull(reader, body)
			request.body = string(body)
			return request, errors.Join(err, bodyErr)
		}
		request.headers += line
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return request, err
			}
		}
	}
}

// take returns the requests since the last take. Bytes that are part of none fail the
// test.
func (o *rawOrigin) take() []rawRequest {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, rest := range o.conns {
		if rest.Len() > 0 {
			o.t.Errorf("behind its requests the origin was sent %q", rest.String())
			rest.Reset()
		}
	}
	requests := o.requests
	o.requests = nil
	return requests
}

// values returns the values of a header, in order and without what surrounds them.
func (r rawRequest) values(name string) (values []string) {
	for line := range strings.SplitSeq(strings.TrimSuffix(r.headers, "\r\n"), "\r\n") {
		if got, value, _ := strings.Cut(line, ":"); strings.EqualFold(got, name) {
			values = append(values, strings.TrimPrefix(value, " "))
		}
	}
	return values
}

// raw writes bytes to the public listener and returns all that comes back until the
// connection ends.
func (e *edge) raw(bytes string) string {
	e.t.Helper()
	conn, err := net.Dial("tcp", e.public)
	check(e.t, err)
	defer func() { _ = conn.Close() }()
	check(e.t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	// nginx may answer and close before it has read everything.
	_, _ = io.WriteString(conn, bytes)
	answer, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		e.t.Errorf("%.80q: the connection stays open after %q", bytes, answer)
	} else if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		e.t.Errorf("%.80q: %v", bytes, err)
	}
	return string(answer)
}

// headerSite forwards and has one header in each direction, if any.
func headerSite(number int, address string, request, response *edgev1.Header) *edgev1.Site {
	site := newSite(number, address, fmt.Sprintf("h%d.example.com", number))
	site.Spec.Options = &edgev1.Options{}
	if request != nil {
		site.Spec.Options.RequestHeaders = []*edgev1.Header{request}
	}
	if response != nil {
		site.Spec.Options.ResponseHeaders = []*edgev1.Header{response}
	}
	return site
}

// headerSites are one site for each name and value of a list.
func headerSites(first int, address string, of func(hostile.Values) []string) (sites []*edgev1.Site) {
	texts := hostile.Texts()
	add := func(request, response *edgev1.Header) {
		sites = append(sites, headerSite(first+len(sites), address, request, response))
	}
	for _, value := range of(texts[hostile.HeaderValue]) {
		add(&edgev1.Header{Name: "X-A", Value: value}, nil)
		add(nil, &edgev1.Header{Name: "X-A", Value: value})
	}
	for _, name := range of(texts[hostile.RequestName]) {
		add(&edgev1.Header{Name: name, Value: "a"}, nil)
	}
	for _, name := range of(texts[hostile.ResponseName]) {
		add(nil, &edgev1.Header{Name: name, Value: "a"})
	}
	return sites
}

// exchange asks a site of headerSites for something and returns the request as the
// origin saw it and the head of the answer, both without what differs by site and
// time.
func (e *edge) exchange(origin *rawOrigin, site *edgev1.Site) (request, response string) {
	e.t.Helper()
	host := site.GetHostnames()[0]
	answer := e.raw("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
	seen := origin.take()
	if len(seen) != 1 {
		e.t.Errorf("%s: the origin has seen %q, the answer is %q", host, seen, answer)
		return "", ""
	}
	head, _, _ := strings.Cut(answer, "\r\n\r\n")
	request = strings.ReplaceAll(seen[0].line+seen[0].headers, host, "HOST")
	return request, withoutDate(head) + "\r\n"
}

func withoutDate(answer string) string {
	return regexp.MustCompile(`\r\nDate: [^\r\n]*`).ReplaceAllString(answer, "")
}

// S03, V5: on the wire, a tenant's header is one line of its own, and nothing else
// changes because of it. What is refused is in no answer and before no origin.
func TestWire_headers(t *testing.T) {
	e := startEdge(t)
	origin := startRawOrigin(t)
	plain := headerSite(0, origin.address, nil, nil)
	good := headerSites(1, origin.address, func(v hostile.Values) []string { return v.Accepted })
	bad := headerSites(1000, origin.address, func(v hostile.Values) []string { return v.Refused })
	response := e.mustPut(1, append(append(bad, plain), good...)...)
	if got := len(response.GetRejected()); got != len(bad) {
		t.Errorf("%d sites are rejected, want %d", got, len(bad))
	}
	plainRequest, plainResponse := e.exchange(origin, plain)

	e.sub("what is legal arrives unchanged", func(t *testing.T) {
		for _, site := range good {
			request, response := e.exchange(origin, site)
			options := site.GetSpec().GetOptions()
			wantOneMore(t, request, plainRequest, options.GetRequestHeaders())
			wantOneMore(t, response, plainResponse, options.GetResponseHeaders())
		}
	})
	e.sub("sites with anything else are not served", func(t *testing.T) {
		for _, site := range bad {
			answer := e.raw("GET / HTTP/1.1\r\nHost: " + site.GetHostnames()[0] + "\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(answer, "HTTP/1.1 421 ") || len(origin.take()) != 0 {
				t.Errorf("%v is answered %q", site.GetSpec().GetOptions(), answer)
			}
		}
	})
}

// wantOneMore fails unless a message is another one with headers as lines of their own.
func wantOneMore(t *testing.T, got, plain string, headers []*edgev1.Header) {
	t.Helper()
	for _, header := range headers {
		line := "\r\n" + header.GetName() + ": " + header.GetValue() + "\r\n"
		if strings.Count(got, line) != 1 {
			t.Errorf("%q has no line %q", got, line)
		}
		got = strings.Replace(got, line, "\r\n", 1)
	}
	if got != plain {
		t.Errorf("without %v it is\n%q, want\n%q", headers, got, plain)
	}
}

package app_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// The sites of two tenants, and what ends a connection.
const (
	hostA = "a.example.com"
	hostB = "b.example.com"
	toA   = "Host: a.example.com\r\n"
	bye   = "Connection: close\r\n\r\n"
)

// dialogue is what a client writes by hand.
type dialogue struct {
	name, bytes string
	// want are the statuses of the answers, in order; some versions of nginx use one
	// of several: 400|505. A connection that is closed without an answer has none.
	want string
	// a and b are the requests that the origins may see, as the rest of their first
	// line and, after a space, their body, in order.
	a, b []string
}

// refused dialogues reach nobody.
func refused(want string, dialogues map[string]string) (all []dialogue) {
	for name, bytes := range dialogues {
		all = append(all, dialogue{name: name, bytes: bytes, want: want})
	}
	return all
}

// reachA are answered by the first tenant's origin, which sees one request as given.
func reachA(sees string, dialogues map[string]string) (all []dialogue) {
	for name, bytes := range dialogues {
		all = append(all, dialogue{name: name, bytes: bytes, want: "200", a: []string{sees}})
	}
	return all
}

// hosts are about who is asked (S08, V7).
func hosts() []dialogue {
	get := func(host string) string { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n" + bye }
	internal := siteID(1) + ".site.internal"
	return slices.Concat(
		refused("400", map[string]string{
			"no Host":                          "GET / HTTP/1.1\r\n" + bye,
			"an empty Host":                    get(""),
			"two Hosts":                        "GET / HTTP/1.1\r\n" + toA + "Host: b.example.com\r\n" + bye,
			"the same Host twice":              "GET / HTTP/1.1\r\n" + toA + toA + bye,
			"two Hosts and an absolute URI":    "GET http://a.example.com/ HTTP/1.1\r\n" + toA + toA + bye,
			"a Host with a space":              get("a.example.com b.example.com"),
			"a Host with a path":               get("a.example.com/b.example.com"),
			"a Host with a NUL":                get("a.example.com\x00.b.example.com"),
			"a Host with a tab":                get("a.example.com\tb.example.com"),
			"a Host with empty labels":         get("a..example.com"),
			"a folded Host":                    "GET / HTTP/1.1\r\nHost: a.example.com\r\n b.example.com\r\n" + bye,
			"a space before Host's colon":      "GET / HTTP/1.1\r\nHost : a.example.com\r\n" + bye,
			"an absolute URI with a user":      "GET http://a.example.com@b.example.com/ HTTP/1.1\r\n" + toA + bye,
			"an absolute URI without a host":   "GET http:///x HTTP/1.1\r\n" + toA + bye,
			"a relative URI that names a host": "GET b.example.com/ HTTP/1.1\r\n" + toA + bye,
		}),
		// For nginx before 1.29.4 these are names, later no Host at all.
		refused("400|421", map[string]string{
			"a user in Host": get("x@a.example.com"),
			"a pattern":      get("~^.*$"),
		}),
		refused("421", map[string]string{
			"no Host in HTTP/1.0":                   "GET / HTTP/1.0\r\n\r\n",
			"a name of nobody":                      get("c.example.com"),
			"two names in one Host":                 get("a.example.com,b.example.com"),
			"a name with an underscore":             get("a_b.example.com"),
			"a name above":                          get("example.com"),
			"a name below":                          get("a.a.example.com"),
			"a wildcard":                            get("*.example.com"),
			"a variable":                            get("$host"),
			"an address":                            get("127.0.0.1"),
			"an IPv6 address":                       get("[::1]"),
			"a default":                             get("_"),
			"an internal name":                      get(internal),
			"an internal name with a dot and port":  get(internal + ".:80"),
			"an internal name, for its site":        "GET /.well-known/siteplane/site HTTP/1.1\r\nHost: " + internal + "\r\n" + bye,
			"an unknown name in an absolute URI":    "GET http://c.example.com/ HTTP/1.1\r\n" + toA + bye,
			"X-Forwarded-Host instead of a name":    "GET / HTTP/1.1\r\nHost: c.example.com\r\nX-Forwarded-Host: a.example.com\r\n" + bye,
			"X-Forwarded-Server, X-Original-Host":   "GET / HTTP/1.1\r\nHost: c.example.com\r\nX-Forwarded-Server: a.example.com\r\nX-Original-Host: a.example.com\r\nX-Host: a.example.com\r\nForwarded: host=a.example.com\r\n" + bye,
			"the absolute URI of HTTP/1.0, unknown": "GET http://c.example.com/ HTTP/1.0\r\n" + toA + "\r\n",
		}),
		refused("400|421", map[string]string{ // a URI may not have an underscore, or be broken
			"an internal name in an absolute URI": "GET http://" + internal + "/ HTTP/1.1\r\n" + toA + bye,
			"an internal name that nobody has":    get("site_..site.internal"),
		}),
		reachA("GET / ", map[string]string{
			"a Host":                  get(hostA),
			"in upper case":           get("A.EXAMPLE.com"),
			"with a port":             get("a.example.com:99"),
			"with no number of port":  get("a.example.com:"),
			"with a trailing dot":     get("a.example.com."),
			"with dot and port":       get("A.example.com.:8080"),
			"in an absolute URI":      "GET http://a.example.com/ HTTP/1.1\r\nHost: c.example.com\r\n" + bye,
			"over https, it says":     "GET https://a.example.com:443/ HTTP/1.1\r\n" + toA + bye,
			"beside X-Forwarded-Host": "GET / HTTP/1.1\r\n" + toA + "X-Forwarded-Host: b.example.com\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n" + bye,
			"twice X-Forwarded-For":   "GET / HTTP/1.1\r\n" + toA + "X-Forwarded-For: 8.8.8.8\r\nx-forwarded-for: 9.9.9.9\r\nX_Forwarded_For: 7.7.7.7\r\n" + bye,
			"as hop by hop":           "GET / HTTP/1.1\r\n" + toA + "Connection: close, Host, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto\r\n\r\n",
			"beside Forwarded":        "GET / HTTP/1.1\r\n" + toA + "Forwarded: for=9.9.9.9\r\nX-Real-IP: 9.9.9.9\r\n" + bye,
		}),
		[]dialogue{
			{"an absolute URI beats Host", "GET http://b.example.com/x HTTP/1.1\r\n" + toA + bye, "200", nil, []string{"GET /x "}},
			{"an absolute URI beats Host in HTTP/1.0", "GET http://B.example.com/x HTTP/1.0\r\n" + toA + "\r\n", "200", nil, []string{"GET /x "}},
		},
	)
}

// messages are about where a message ends (S09).
func messages() []dialogue {
	post := func(headers, body string) string { return "POST /p HTTP/1.1\r\n" + toA + headers + "\r\n" + body }
	chunked := func(body string) string { return post("Transfer-Encoding: chunked\r\nConnection: close\r\n", body) }
	second := "GET /smuggled HTTP/1.1\r\nHost: b.example.com\r\nX: "
	return slices.Concat(
		refused("400", map[string]string{
			"Content-Length and Transfer-Encoding":      post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+second+"\r\n\r\n"),
			"Transfer-Encoding and Content-Length":      post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\n"+second+"\r\n\r\n"),
			"two lengths":                               post("Content-Length: 4\r\nContent-Length: 5\r\n", "abcde"),
			"the same length twice":                     post("Content-Length: 4\r\nContent-Length: 4\r\n", "abcd"),
			"a list of lengths":                         post("Content-Length: 4, 4\r\n", "abcd"),
			"a length with a sign":                      post("Content-Length: +4\r\n", "abcd"),
			"a length below zero":                       post("Content-Length: -4\r\n", "abcd"),
			"a length in hexadecimal":                   post("Content-Length: 0x4\r\n", "abcd"),
			"a length with a unit":                      post("Content-Length: 4k\r\n", "abcd"),
			"a length of two numbers":                   post("Content-Length: 4 4\r\n", "abcd"),
			"no length":                                 post("Content-Length:\r\n", "abcd"),
			"a length past 64 bits":                     post("Content-Length: 18446744073709551620\r\n", "abcd"),
			"a space before a length's colon":           post("Content-Length : 4\r\n", "abcd"),
			"a space before an encoding's colon":        post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
			"a tab before an encoding's colon":          post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"),
			"two encodings":                             post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
			"two different encodings":                   post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
			"a folded encoding":                         post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
			"a folded header":                           "GET / HTTP/1.1\r\n" + toA + "X-A: 1\r\n folded\r\n" + bye,
			"a folded first header":                     "GET / HTTP/1.1\r\n X-A: 1\r\n" + toA + bye,
			"a header without a name":                   "GET / HTTP/1.1\r\n" + toA + ": 1\r\n" + bye,
			"a space in a name":                         "GET / HTTP/1.1\r\n" + toA + "X A: 1\r\n" + bye,
			"a NUL in a name":                           "GET / HTTP/1.1\r\n" + toA + "X\x00A: 1\r\n" + bye,
			"a NUL in a value":                          "GET / HTTP/1.1\r\n" + toA + "X-A: 1\x002\r\n" + bye,
			"a CR in a value":                           "GET / HTTP/1.1\r\n" + toA + "X-A: 1\rX-B: 2\r\n" + bye,
			"a CR in a name":                            "GET / HTTP/1.1\r\n" + toA + "X-A\rX-B: 2\r\n" + bye,
			"a line of 9,000 bytes":                     "GET / HTTP/1.1\r\n" + toA + "X-A: " + strings.Repeat("a", 9000) + "\r\n" + bye,
			"a chunk size that is none":                 chunked("g\r\nabcd\r\n0\r\n\r\n"),
			"a chunk size below zero":                   chunked("-4\r\nabcd\r\n0\r\n\r\n"),
			"a chunk size with a sign":                  chunked("+4\r\nabcd\r\n0\r\n\r\n"),
			"a chunk size with 0x":                      chunked("0x4\r\nabcd\r\n0\r\n\r\n"),
			"a chunk size past 64 bits":                 chunked("10000000000000004\r\nabcd\r\n0\r\n\r\n"),
			"a chunk size of 64 bits":                   chunked("ffffffffffffffff\r\nabcd\r\n0\r\n\r\n"),
			"no chunk size":                             chunked("\r\nabcd\r\n0\r\n\r\n"),
			"a chunk that is longer than it says":       chunked("3\r\nabcd\r\n0\r\n\r\n"),
			"a space in the request line":               "GET /a b HTTP/1.1\r\n" + toA + bye,
			"a NUL in the path":                         "GET /a\x00b HTTP/1.1\r\n" + toA + bye,
			"a NUL in the path, in percent":             "GET /a%00b HTTP/1.1\r\n" + toA + bye,
			"a control character in the path":           "GET /a\x01b HTTP/1.1\r\n" + toA + bye,
			"a broken percent":                          "GET /a%zz HTTP/1.1\r\n" + toA + bye,
			"a path above the root":                     "GET /../x HTTP/1.1\r\n" + toA + bye,
			"a path above the root, in percent":         "GET /%2e%2e/x HTTP/1.1\r\n" + toA + bye,
			"a method in lower case":                    "get / HTTP/1.1\r\n" + toA + bye,
			"no method":                                 " / HTTP/1.1\r\n" + toA + bye,
			"a version that is none":                    "GET / HTTP/x\r\n" + toA + bye,
			"another protocol":                          "GET / SSH/1.1\r\n" + toA + bye,
			"bytes that are no HTTP":                    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
			"an asterisk":                               "OPTIONS * HTTP/1.1\r\n" + toA + bye,
			"an encoding in HTTP/1.0":                   "POST /p HTTP/1.0\r\n" + toA + "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
			"a request behind one that ends in nothing": "GET / HTTP/1.1\r\n" + second + "\r\n" + toA + bye,
		}),
		refused("501", map[string]string{
			"an encoding that only ends like chunked": post("Transfer-Encoding: xchunked\r\nConnection: close\r\n", "0\r\n\r\n"+second+"\r\n\r\n"),
			"a list of encodings":                     post("Transfer-Encoding: gzip, chunked\r\nConnection: close\r\n", "0\r\n\r\n"),
			"chunked twice":                           post("Transfer-Encoding: chunked, chunked\r\nConnection: close\r\n", "0\r\n\r\n"),
			"identity":                                post("Transfer-Encoding: identity\r\nConnection: close\r\n", "0\r\n\r\n"),
			"chunked in quotes":                       post("Transfer-Encoding: \"chunked\"\r\nConnection: close\r\n", "0\r\n\r\n"),
			"chunked and a control character":         post("Transfer-Encoding: chunked\x0b\r\nConnection: close\r\n", "0\r\n\r\n"),
			"no encoding":                             post("Transfer-Encoding:\r\nConnection: close\r\n", "0\r\n\r\n"),
		}),
		refused("400|405", map[string]string{
			"CONNECT":           "CONNECT a.example.com:80 HTTP/1.1\r\n" + toA + bye,
			"CONNECT to others": "CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + toA + bye,
			"CONNECT to a path": "CONNECT / HTTP/1.1\r\n" + toA + bye,
			"TRACE":             "TRACE / HTTP/1.1\r\n" + toA + bye,
		}),
		refused("400|505", map[string]string{
			"HTTP/2 in clear text": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
			"HTTP/2.0 in words":    "GET / HTTP/2.0\r\n" + toA + bye,
			"HTTP/9.9":             "GET / HTTP/9.9\r\n" + toA + bye,
		}),
		refused("0.9", map[string]string{
			"HTTP/0.9":                      "GET /\r\n",
			"HTTP/0.9 with an absolute URI": "GET http://c.example.com/\r\n",
		}),
		reachA("POST /p abcd", map[string]string{
			"a body":                       post("Content-Length: 4\r\nConnection: close\r\n", "abcd"),
			"a body in chunks":             chunked("1\r\na\r\n3\r\nbcd\r\n0\r\n\r\n"),
			"chunks with zeros before":     chunked("00004\r\nabcd\r\n000\r\n\r\n"),
			"chunks with extensions":       chunked("4;a=b;c=\"d\"\r\nabcd\r\n0;x\r\n\r\n"),
			"chunks with trailers":         chunked("4\r\nabcd\r\n0\r\nX-Forwarded-For: 9.9.9.9\r\nHost: b.example.com\r\nContent-Length: 9\r\n\r\n"),
			"chunks in upper case":         post("TRANSFER-ENCODING: CHUNKED\r\nConnection: close\r\n", "4\r\nabcd\r\n0\r\n\r\n"),
			"a body with bare LFs before":  "POST /p HTTP/1.1\nHost: a.example.com\nContent-Length: 4\nConnection: close\n\nabcd",
			"more than its length":         post("Content-Length: 4\r\nConnection: close\r\n", "abcd"+second+"\r\n\r\n"),
			"an underscored length":        post("Content_Length: 9\r\nContent-Length: 4\r\nTransfer_Encoding: chunked\r\nConnection: close\r\n", "abcd"),
			"an upgrade to HTTP/2":         post("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 4\r\nConnection: close, Upgrade, HTTP2-Settings\r\n", "abcd"),
			"an upgrade to a websocket":    post("Upgrade: websocket\r\nContent-Length: 4\r\nConnection: close, Upgrade\r\n", "abcd"),
			"blank lines before a request": "\r\n\r\n" + post("Content-Length: 4\r\nConnection: close\r\n", "abcd"),
		}),
		reachA("GET / ", map[string]string{
			"a header without a colon": "GET / HTTP/1.1\r\n" + toA + "X-A\r\n" + bye, // taken for one without a value
		}),
		reachA("GET /a%0d%0aX-Evil:%201?b%0d%0ac ", map[string]string{
			"line ends in percent": "GET /a%0d%0aX-Evil:%201?b%0d%0ac HTTP/1.1\r\n" + toA + bye,
		}),
		[]dialogue{
			{"a body that is a request", post(fmt.Sprintf("Content-Length: %d\r\nConnection: close\r\n", len(second)), second), "200", []string{"POST /p " + second}, nil},
			{"a chunk that is a request", chunked(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(second), second)), "200", []string{"POST /p " + second}, nil},
			{"a body of a GET", "GET / HTTP/1.1\r\n" + toA + fmt.Sprintf("Content-Length: %d\r\nConnection: close\r\n\r\n", len(second)) + second, "200", []string{"GET / " + second}, nil},
			// nginx takes these before 1.29.4, as whole chunks, and refuses them later.
			{"chunks between bare LFs", chunked("4\nabcd\n0\n\n"), "200|400", []string{"POST /p abcd"}, nil},
			{"two requests of two tenants", "GET /1 HTTP/1.1\r\n" + toA + "\r\nGET /2 HTTP/1.1\r\nHost: b.example.com\r\n" + bye, "200 200", []string{"GET /1 "}, []string{"GET /2 "}},
			{"a request behind a body", post("Content-Length: 4\r\n", "abcdGET /2 HTTP/1.1\r\nHost: b.example.com\r\n"+bye), "200 200", []string{"POST /p abcd"}, []string{"GET /2 "}},
			{"a request behind chunks", post("Transfer-Encoding: chunked\r\n", "4\r\nabcd\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: b.example.com\r\n"+bye), "200 200", []string{"POST /p abcd"}, []string{"GET /2 "}},
			{"a bad request behind a good one", "GET /1 HTTP/1.1\r\n" + toA + "\r\nGET /2 HTTP/1.1\r\n" + toA + toA + bye, "200 400", []string{"GET /1 "}, nil},
			{"a good request behind a bad one", "GET /1 HTTP/1.1\r\n" + toA + toA + "\r\nGET /2 HTTP/1.1\r\n" + toA + bye, "400", nil, nil},
			{"a half request behind a good one", "GET /1 HTTP/1.1\r\n" + toA + "Connection: close\r\n\r\nGET /2 HTTP/1.1\r\nX: ", "200", []string{"GET /1 "}, nil},
		},
	)
}

// S08, S09, V7: whatever a client writes, the origin of one tenant sees whole requests
// for its own names, and that of the other none of them. Connections to the origins are
// kept, so that a byte too many would be read with the next request.
func TestMatrix(t *testing.T) {
	e := startEdge(t)
	a, b := startRawOrigin(t), startRawOrigin(t)
	siteA, siteB := newSite(1, a.address, hostA), newSite(2, b.address, hostB)
	e.mustPut(1, siteA, siteB)
	e.dialogues("plain sites, ", a, b)

	siteA.Revision, siteB.Revision = 2, 2
	siteA.Spec.Backend = &edgev1.Spec_Origin{Origin: origin(a.address, a.address)}
	siteA.Spec.Options = &edgev1.Options{Websocket: true, RequestHeaders: []*edgev1.Header{{Name: "X-A", Value: "a"}}}
	siteB.Spec.Routes = []*edgev1.Route{{PathPrefix: "/smuggled", StripPrefix: true, Origin: origin(b.address)}}
	e.mustPut(2, siteA, siteB)
	e.dialogues("sites with everything, ", a, b)
	for _, origin := range []*rawOrigin{a, b} {
		if connections, requests := origin.count(); connections > requests/2 {
			t.Errorf("an origin has seen %d connections with %d requests", connections, requests)
		}
	}
}

// dialogues has them all with the sites of two tenants. It gives up where one after the
// other hangs.
func (e *edge) dialogues(about string, a, b *rawOrigin) {
	e.t.Helper()
	begun := time.Now()
	for _, d := range slices.Concat(hosts(), messages()) {
		if e.t.Failed() && time.Since(begun) > time.Minute {
			e.t.Fatal("the rest is left out")
		}
		e.sub(about+d.name, func(t *testing.T) {
			answer := e.raw(d.bytes)
			got := statuses(answer)
			if !matches(got, d.want) {
				t.Errorf("%.300q is answered %q, want %s:\n%.600s", d.bytes, got, d.want, answer)
			}
			if slices.Equal(got, []string{"400"}) {
				d.a = nil // what is refused is nobody's
			}
			wantSeen(t, a, hostA, d.a)
			wantSeen(t, b, hostB, d.b)
		})
	}
}

// statuses are those of the answers in some bytes; 0.9 stands for an answer without.
func statuses(answer string) (found []string) {
	reader := bufio.NewReader(strings.NewReader(answer))
	for {
		if start, _ := reader.Peek(5); len(start) == 0 {
			return found
		} else if string(start) != "HTTP/" {
			return append(found, "0.9")
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return append(found, err.Error())
		}
		_, err = io.Copy(io.Discard, response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil {
			return append(found, err.Error())
		}
		found = append(found, fmt.Sprint(response.StatusCode))
	}
}

func matches(got []string, want string) bool {
	allowed := strings.Fields(want)
	return slices.EqualFunc(got, allowed, func(status, allowed string) bool {
		return slices.Contains(strings.Split(allowed, "|"), status)
	})
}

// wantSeen fails unless an origin has seen exactly some requests, each for one host and
// with what the edge alone says about the client.
func wantSeen(t *testing.T, origin *rawOrigin, host string, want []string) {
	t.Helper()
	var got []string
	for _, request := range origin.take() {
		line, ok := strings.CutSuffix(request.line, " HTTP/1.1\r\n")
		if !ok {
			t.Errorf("the origin has seen the line %q", request.line)
		}
		got = append(got, line+" "+request.body)
		for name, value := range map[string]string{
			"Host": host, "X-Forwarded-Host": host, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http",
			"X_Forwarded_For": "", "Forwarded": "", "X-Real-IP": "", "Connection": "", "Upgrade": "", "Transfer-Encoding": "", "Content_Length": "", "X-Evil": "",
		} {
			values := strings.Join(request.values(name), " and ")
			if upgrades := values == "upgrade" || values == "websocket"; upgrades && slices.Equal(request.values("Upgrade"), []string{"websocket"}) {
				continue // where the site wants that
			}
			if values != value {
				t.Errorf("the origin has seen %s: %q, want %q, in %q", name, values, value, request.headers)
			}
		}
		if bare := strings.ReplaceAll(request.headers, "\r\n", ""); strings.ContainsAny(bare, "\r\n\x00") {
			t.Errorf("the origin has seen the headers %q", request.headers)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the origin of %s has seen %.300q, want %.300q", host, got, want)
	}
}

// S08: a redirect leads to the host that the tenant chose, whatever was asked.
func TestMatrix_redirects(t *testing.T) {
	e := startEdge(t)
	e.mustPut(1, &edgev1.Site{SiteId: siteID(1), Revision: 1, Hostnames: []string{hostA}, Spec: &edgev1.Spec{
		Backend: &edgev1.Spec_Redirect{Redirect: &edgev1.Redirect{BaseUrl: "https://www.example.com", StatusCode: 308}},
	}})
	for target, want := range map[string]string{
		"/":                                   "/",
		"//evil.example.net/":                 "//evil.example.net/",
		"/%0d%0aSet-Cookie:%20evil=1":         "/%0d%0aSet-Cookie:%20evil=1",
		`/\evil.example.net`:                  `/\evil.example.net`,
		"/@evil.example.net":                  "/@evil.example.net",
		"http://a.example.com/x":              "/x",
		"http://a.example.com":                "/",
		"http://a.example.com?.evil.example":  "?.evil.example",
		"http://a.example.com:80/x":           "/x",
		"http://a.example.com#@evil.example/": "",
		"http://a.example.com.evil.example/":  "",
		"http://a.example.com:@evil.example/": "",
		".evil.example/":                      "",
		":80@evil.example/":                   "",
		"@evil.example/":                      "",
	} {
		answer := e.raw("GET " + target + " HTTP/1.1\r\n" + toA + bye)
		response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
		check(t, err)
		location := response.Header.Values("Location")
		if want == "" && len(location) != 0 || want != "" && !slices.Equal(location, []string{"https://www.example.com" + want}) || len(response.Cookies()) != 0 {
			t.Errorf("%s leads to %q, want %q", target, location, want)
		}
	}
}

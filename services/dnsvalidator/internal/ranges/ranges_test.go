package ranges_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/ranges"
)

// published is what Cloudflare publishes, written apart from the copy under test.
var published = []string{
	"173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18",
	"108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22", "198.41.128.0/17",
	"162.158.0.0/15", "104.16.0.0/13", "104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22",
	"2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32", "2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32",
}

// page is an answer with networks of either family.
func page(networks ...string) string {
	var v4, v6 []string
	for _, n := range networks {
		if strings.Contains(n, ":") {
			v6 = append(v6, fmt.Sprintf("%q", n))
		} else {
			v4 = append(v4, fmt.Sprintf("%q", n))
		}
	}
	return fmt.Sprintf(`{"success":true,"errors":[],"messages":[],"result":{"ipv4_cidrs":[%s],"ipv6_cidrs":[%s],"etag":"e"}}`,
		strings.Join(v4, ","), strings.Join(v6, ","))
}

// world publishes a list and keeps the time.
type world struct {
	list *ranges.Cloudflare
	log  bytes.Buffer
	now  time.Time

	mu     sync.Mutex
	answer http.HandlerFunc
	tags   []string
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.tags = append(w.tags, r.Header.Get("If-None-Match"))
		w.answer(rw, r)
	}))
	t.Cleanup(server.Close)
	w.says(page(published...))
	w.list = w.open(server.URL + "/client/v4/ips")
	return w
}

func (w *world) open(url string) *ranges.Cloudflare {
	return ranges.New(ranges.Config{URL: url, Logger: slog.New(slog.NewTextHandler(&w.log, nil)), Now: func() time.Time { return w.now }})
}

func (w *world) says(body string) {
	w.does(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, body) })
}

func (w *world) does(answer http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

// asked is how often the list was asked for.
func (w *world) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.tags)
}

func (w *world) has(t *testing.T, addr string) bool {
	t.Helper()
	return w.list.Contains(t.Context(), netip.MustParseAddr(addr))
}

func TestCloudflare_the_copy_is_what_was_published(t *testing.T) {
	w := setup(t)
	w.list = w.open("")
	for _, text := range published {
		network := netip.MustParsePrefix(text)
		before := network.Addr().Prev().String()
		if !w.has(t, network.Addr().Next().String()) || w.has(t, before) && before != "104.23.255.255" {
			t.Errorf("%s is not in the copy as it is", text)
		}
	}
	if w.has(t, "8.8.8.8") || w.has(t, "::ffff:104.16.0.1") || w.asked() != 0 {
		t.Error("the copy has too much, or was asked for")
	}
}

func TestCloudflare_fetches_at_first_use_and_once_a_day(t *testing.T) {
	w := setup(t)
	if w.asked() != 0 {
		t.Error("fetched before the first use")
	}
	for range 3 {
		w.has(t, "104.16.0.1")
	}
	w.now = w.now.Add(23 * time.Hour)
	w.has(t, "104.16.0.1")
	if w.asked() != 1 {
		t.Errorf("asked %d times in a day", w.asked())
	}
	w.says(page(append(published, "198.51.100.0/24")...))
	w.now = w.now.Add(2 * time.Hour)
	if !w.has(t, "198.51.100.7") || w.asked() != 2 {
		t.Errorf("the list of the next day is not there after %d questions", w.asked())
	}
}

func TestCloudflare_asks_whether_the_list_changed(t *testing.T) {
	w := setup(t)
	w.does(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(rw, page(append(published, "198.51.100.0/24")...))
	})
	for day := range 60 {
		if !w.has(t, "198.51.100.7") {
			t.Fatalf("the list is gone on day %d", day)
		}
		w.now = w.now.Add(25 * time.Hour)
	}
	if w.tags[0] != "" || w.tags[1] != `"v1"` || strings.Contains(w.log.String(), "WARN") {
		t.Errorf("tags are %q, log is %s", w.tags[:2], w.log.String())
	}
}

func TestCloudflare_a_list_of_another_world_stands_for_itself(t *testing.T) {
	w := setup(t)
	w.says(page("127.0.1.0/24"))
	if !w.has(t, "127.0.1.1") || w.has(t, "104.16.0.1") {
		t.Error("the simulator's list is not taken as it is")
	}
}

func TestCloudflare_keeps_the_last_good_list(t *testing.T) {
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf("10.%d.%d.0/24", i/256, i%256)
	}
	for title, bad := range map[string]http.HandlerFunc{
		"empty":              text(page()),
		"short":              text(page(published[10:20]...)),
		"without one family": text(page(published[:15]...)),
		"everything":         text(page(append(published, "0.0.0.0/0")...)),
		"everything in IPv6": text(page(append(published, "2000::/3")...)),
		"malformed":          text(page(published...)[:300]),
		"not a network":      text(page(append(published, "104.16.0.1")...)),
		"too many":           text(page(append(published, many...)...)),
		"too long":           text(page(published...) + strings.Repeat(" ", 70<<10)),
		"no success":         text(strings.Replace(page(published...), "true", "false", 1)),
		"another document":   text("<html></html>"),
		"failure":            func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) },
		"redirect": func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "/elsewhere", http.StatusFound)
		},
		"not modified, without a tag": func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNotModified) },
		"a broken connection":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			w.does(bad)
			for range 3 {
				if !w.has(t, "104.16.0.1") || !w.has(t, "2606:4700::1") || w.has(t, "8.8.8.8") || w.has(t, "2620:fe::1") {
					t.Fatal("the copy is gone")
				}
			}
			if got := strings.Count(w.log.String(), "level=WARN"); got != 1 || w.asked() != 1 {
				t.Errorf("%d warnings after %d questions: %s", got, w.asked(), w.log.String())
			}
			w.says(page(append(published, "198.51.100.0/24")...))
			w.now = w.now.Add(2 * time.Minute)
			if !w.has(t, "198.51.100.7") {
				t.Error("a good list is not taken afterwards")
			}
		})
	}
}

func text(body string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, body) }
}

func TestCloudflare_warns_of_an_old_list_once_a_day(t *testing.T) {
	w := setup(t)
	w.list = w.open("")
	w.now = time.Date(2026, time.December, 22, 0, 0, 0, 0, time.UTC)
	w.has(t, "104.16.0.1")
	if strings.Contains(w.log.String(), "is old") {
		t.Error("thirty days are not old")
	}
	for range 10 {
		w.now = w.now.Add(9 * time.Hour)
		w.has(t, "104.16.0.1")
	}
	if got := strings.Count(w.log.String(), "is old"); got != 4 {
		t.Errorf("%d warnings in four days: %s", got, w.log.String())
	}
}

func TestCloudflare_may_be_used_by_many(t *testing.T) {
	w := setup(t)
	var used sync.WaitGroup
	for range 20 {
		used.Go(func() {
			if !w.has(t, "104.16.0.1") {
				t.Error("not there")
			}
		})
	}
	used.Wait()
	if w.asked() != 1 {
		t.Errorf("asked %d times", w.asked())
	}
}

package app_test

import (
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

func limited(site *edgev1.Site, rate int32) *edgev1.Site {
	site.Spec.Options = &edgev1.Options{RequestsPerSecond: rate}
	return site
}

func TestServe_limit(t *testing.T) {
	e := startEdge(t)
	address := startOrigin(t, "main")
	e.mustPut(1,
		limited(newSite(1, address, "shop.example.com", "www.shop.example.com"), 1),
		limited(newSite(2, address, "other.example.com"), 1),
		newSite(3, address, "free.example.com"),
	)

	e.sub("more than the rate and its burst answers 429, whichever hostname is asked for", func(t *testing.T) {
		taken, refused, begun := 0, 0, time.Now()
		for i := range 60 {
			code, _, _ := e.get([]string{"shop.example.com", "www.shop.example.com"}[i%2], "/")
			switch code {
			case http.StatusOK:
				taken++
			case http.StatusTooManyRequests:
				refused++
			default:
				t.Fatalf("answered %d", code)
			}
		}
		// The first, the burst, and one a second since.
		if most := 3 + int(time.Since(begun)/time.Second) + 1; taken > most || taken < 3 || refused == 0 {
			t.Errorf("%d taken, at most %d should be; %d refused", taken, most, refused)
		}
	})
	e.sub("neither another site of that rate nor one without is held back by it", func(t *testing.T) {
		e.wantStatus("other.example.com", "/", http.StatusOK)
		for range 20 {
			e.wantStatus("free.example.com", "/", http.StatusOK)
		}
	})
	e.sub("probes are not counted", func(t *testing.T) {
		nonce := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("n", 32)))
		for range 10 {
			e.wantStatus("shop.example.com", probePath+nonce, http.StatusOK)
		}
	})
	// V3: a zone that a reload defines anew under its name leaves the old workers running,
	// although the test and the order succeed.
	e.sub("a larger zone and another rate are proved like everything else", func(t *testing.T) {
		sites := []*edgev1.Site{limited(newSite(1, address, "shop.example.com"), 5)}
		for i := range 600 {
			sites = append(sites, limited(newSite(100+i, address, fmt.Sprintf("s%d.example.com", i)), 1))
		}
		e.mustPut(2, sites...)
		eventually(t, "no worker drains", func() bool { return e.state().GetDrainingWorkers() == 0 })
		for range 10 { // a burst of 10
			e.wantStatus("shop.example.com", "/", http.StatusOK)
		}
		e.wantStatus("s599.example.com", "/", http.StatusOK)
	})
}

func TestServe_compress(t *testing.T) {
	text := strings.Repeat("the same words again and again. ", 200)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", strings.TrimPrefix(r.URL.Path, "/"))
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(origin.Close)
	e := startEdge(t)
	plain := newSite(1, strings.TrimPrefix(origin.URL, "http://"), "plain.example.com")
	small := newSite(2, strings.TrimPrefix(origin.URL, "http://"), "small.example.com")
	small.Spec.Options = &edgev1.Options{Compress: true}
	e.mustPut(1, plain, small)

	for name, c := range map[string]struct {
		host, path, takes string
		packed            bool
	}{
		"text is compressed":                         {"small.example.com", "/text/css", "gzip", true},
		"a page is compressed":                       {"small.example.com", "/text/html", "gzip", true},
		"for a client that takes it only":            {"small.example.com", "/text/css", "identity", false},
		"an image is not":                            {"small.example.com", "/image/png", "gzip", false},
		"nothing is where the site does not ask for": {"plain.example.com", "/text/css", "gzip", false},
	} {
		e.sub(name, func(t *testing.T) {
			_, header, body := e.get(c.host, c.path, "Accept-Encoding", c.takes)
			if packed := header.Get("Content-Encoding") == "gzip"; packed != c.packed {
				t.Fatalf("headers are %v", header)
			}
			if c.packed {
				unpacked, err := gzip.NewReader(strings.NewReader(body))
				check(t, err)
				data, err := io.ReadAll(unpacked)
				check(t, err)
				body = string(data)
			}
			if body != text {
				t.Errorf("got %d bytes, the origin sent %d", len(body), len(text))
			}
		})
	}
}

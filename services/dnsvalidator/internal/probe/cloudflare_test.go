package probe_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
)

func TestProber_Probe_behind_Cloudflare(t *testing.T) {
	const proxied = "PROXY_NOT_OURS"
	for title, test := range map[string]struct {
		answer   func(w world) http.HandlerFunc
		outcome  evidence.Outcome
		codes    string
		observed string
	}{
		"ours":                 {func(w world) http.HandlerFunc { return w.edge.answers }, evidence.Confirmed, "", ""},
		"another site":         {text("hello"), evidence.Contradicted, proxied, "not a probe answer"},
		"another site without": {page(404, "not found"), evidence.Contradicted, proxied, "status 404"},
		"a redirect": {func(world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, "https://"+host+path, http.StatusMovedPermanently)
			}
		}, evidence.Contradicted, proxied, "redirect to"},
		"an unknown name":              {page(409, "error code: 1001"), evidence.Contradicted, proxied, "error code: 1001"},
		"another account":              {page(403, "error code: 1014"), evidence.Contradicted, proxied, "error code: 1014"},
		"an unknown name, as a fault":  {page(530, "error code: 1001"), evidence.Contradicted, proxied, "error code: 1001"},
		"a page in HTML":               {page(409, `<h1><span class="cf-error-code">1014</span></h1>`), evidence.Contradicted, proxied, "error code: 1014"},
		"refused by a rule":            {page(403, "error code: 1020"), evidence.Contradicted, proxied, "error code: 1020"},
		"no origin":                    {page(530, "error code: 1016"), evidence.Unknown, unreachable, "error code: 1016"},
		"a tunnel without a connector": {page(530, "error code: 1033"), evidence.Unknown, unreachable, "error code: 1033"},
		"too many requests":            {page(429, "error code: 1015"), evidence.Unknown, unreachable, "error code: 1015"},
		"a fault of the origin":        {page(502, "bad gateway"), evidence.Unknown, unreachable, "status 502"},
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			w.prober.Cloudflare = cloudflare{addresses[0]: true}
			w.serve(t, 0, test.answer(w))
			w.resolve(addresses[0])
			found := w.prober.Probe(t.Context(), w.request())
			if found.Outcome != test.outcome || codes(found) != test.codes {
				t.Errorf("%s with %q: %v", found.Outcome, codes(found), found.Attempts[0].Err)
			}
			for _, d := range found.Diagnoses {
				if !strings.Contains(d.Observed[0], test.observed) {
					t.Errorf("observed is %q", d.Observed)
				}
			}
		})
	}
}

// path is where edges answer probes.
const path = "/.well-known/siteplane/probe"

// page answers with a status and a body.
func page(status int, body string) func(world) http.HandlerFunc {
	return func(world) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			fmt.Fprint(rw, body)
		}
	}
}

func TestProber_Probe_believes_no_error_page_of_others(t *testing.T) {
	w := setup(t)
	w.serve(t, 0, page(404, "error code: 1033")(w))
	w.resolve(addresses[0])
	found := w.prober.Probe(t.Context(), w.request())
	if found.Outcome != evidence.Contradicted || codes(found) != notOurs {
		t.Errorf("%s with %q", found.Outcome, codes(found))
	}
}

func TestProber_Probe_a_stranger_and_another_behind_Cloudflare(t *testing.T) {
	w := setup(t)
	w.prober.Cloudflare = cloudflare{addresses[1]: true}
	w.serve(t, 0, text("hello")(w))
	w.serve(t, 1, text("hello")(w))
	w.resolve(addresses...)
	found := w.prober.Probe(t.Context(), w.request())
	if found.Outcome != evidence.Contradicted || codes(found) != "PROXY_NOT_OURS "+notOurs {
		t.Errorf("%s with %q", found.Outcome, codes(found))
	}
}

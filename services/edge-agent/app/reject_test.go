package app_test

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

const secret = "s3cr3t-of-a-tenant"

// withHeader is a site at its next revision that sets a header with a secret.
func withHeader(site *edgev1.Site, name string) *edgev1.Site {
	site = proto.CloneOf(site)
	site.Revision++
	site.Spec.Options = &edgev1.Options{RequestHeaders: []*edgev1.Header{{Name: name, Value: secret}}}
	return site
}

// poisoned passes every grammar, and nginx refuses it: a header name of 64 bytes
// does not fit into its hash.
func poisoned(site *edgev1.Site) *edgev1.Site {
	return withHeader(site, "X-"+strings.Repeat("p", 62))
}

// manySites are n sites that forward to address, each with options of its own.
func manySites(n int, address string) []*edgev1.Site {
	var sites []*edgev1.Site
	for number := range n {
		site := newSite(number, address, fmt.Sprintf("s%d.example.com", number))
		site.Spec.Options = &edgev1.Options{ReadTimeoutMs: int64(1000 + number)}
		sites = append(sites, site)
	}
	return sites
}

func wantRejections(t *testing.T, got []*edgev1.Rejection, want ...string) {
	t.Helper()
	var texts []string
	for _, r := range got {
		texts = append(texts, fmt.Sprintf("%s %d>%d", r.GetSiteId(), r.GetRevision(), r.GetKeptRevision()))
		for _, leak := range []string{secret, "/", ".conf", "site_", "example.com"} {
			if strings.Contains(r.GetMessage(), leak) {
				t.Errorf("message %q has %q in it", r.GetMessage(), leak)
			}
		}
	}
	if strings.Join(texts, ", ") != strings.Join(want, ", ") {
		t.Errorf("rejected are %q, want %q", texts, want)
	}
}

// F33: one site among many that nginx refuses changes nothing for the others.
func TestApply_rejects_the_sites_that_nginx_refuses(t *testing.T) {
	e := startEdge(t)
	before, after := startOrigin(t, "before"), startOrigin(t, "after")
	const many = 200
	e.mustPut(1, manySites(many, before)...)
	next := manySites(many, after)
	for _, site := range next {
		site.Revision = 2
	}
	next[77], next[140] = poisoned(next[77]), poisoned(newSite(999, after, "brand-new.example.com"))
	mark := len(e.log.String())
	response := e.mustPut(2, next...)

	wantRejections(t, response.GetRejected(), siteID(77)+" 3>1", siteID(999)+" 2>0")
	if why := response.GetRejected()[0].GetMessage(); !strings.Contains(why, "could not build proxy_headers_hash") {
		t.Errorf("the message is %q", why)
	}
	e.sub("in few tests", func(t *testing.T) {
		// For each of the two one finds out, and then comes the search; one asks about
		// no site at all, one ends it.
		most := 2*(1+bits.Len(many-1)+1) + 2
		if got := strings.Count(e.log.String()[mark:], `"step":"nginx.test"`) / 2; got < 4 || got > most {
			t.Errorf("nginx tested %d times, want at most %d", got, most)
		}
	})
	e.sub("and serves what it took and what it kept", func(t *testing.T) {
		for number, want := range map[int]string{0: "after", 76: "after", 77: "before", 78: "after", 140: "before", 199: "after"} {
			if _, _, body := e.get(fmt.Sprintf("s%d.example.com", number), "/"); !strings.HasPrefix(body, want+" ") {
				t.Errorf("site %d answers %q, want %s", number, body, want)
			}
		}
		e.wantStatus("brand-new.example.com", "/", 421)
		probe, err := e.client.ProbeSite(t.Context(), &edgev1.ProbeSiteRequest{SiteId: siteID(77)})
		if err != nil || probe.GetRevision() != 1 {
			t.Errorf("the workers hold %v, %v", probe, err)
		}
	})
	e.stopAgent()
	e.start()
	e.sub("and remembers them across a restart", func(t *testing.T) {
		state := e.state()
		wantRejections(t, state.GetRejected(), siteID(77)+" 3>1", siteID(999)+" 2>0")
		if state.GetReceived().GetDigest() != digestOf(e.sites) || state.GetReceived().GetFence().GetGeneration() != 2 {
			t.Errorf("received is %v", state.GetReceived())
		}
	})
	e.sub("and the same once more is harmless", func(t *testing.T) {
		mark := len(e.log.String())
		response := e.mustPut(2, next...)
		wantRejections(t, response.GetRejected(), siteID(77)+" 3>1", siteID(999)+" 2>0")
		if strings.Contains(e.log.String()[mark:], `"step":"nginx.reload"`) {
			t.Error("nginx was reloaded")
		}
		e.mustPut(3, next[77])
		wantRejections(t, e.state().GetRejected(), siteID(77)+" 3>1")
	})
	e.sub("until what is held is sent", func(t *testing.T) {
		e.mustPut(4, e.sites[siteID(77)])
		wantRejections(t, e.state().GetRejected())
	})
}

// A poison of another kind: two sites that nginx takes one by one only.
func TestApply_rejects_the_later_of_two_that_do_not_go_together(t *testing.T) {
	binary, lie := lyingNginx(t, "-t", `if grep -q X-One "$6/servers.conf" && grep -q X-Other "$6/servers.conf"; then
		echo 'nginx: [emerg] `+secret+` is not "`+secret+`" in /etc/`+secret+`.conf:3' | sed 's/] `+secret+` /] it /' >&2; exit 1; fi`)
	e := startEdge(t, func(config *app.Config) { config.NginxBin = binary })
	lie(true)
	sites := manySites(20, "127.0.0.1:9")
	sites[4], sites[15] = withHeader(sites[4], "X-Other"), withHeader(sites[15], "X-One")
	response := e.mustPut(1, sites...)
	wantRejections(t, response.GetRejected(), siteID(15)+" 2>0")
	if why := response.GetRejected()[0].GetMessage(); why != "nginx refuses it: it is not ..." {
		t.Errorf("the message is %q", why)
	}
}

func TestApply_blames_nobody_for_what_the_system_refuses(t *testing.T) {
	binary, lie := lyingNginx(t, "-t", `echo 'nginx: [emerg] open() "/x/error.log" failed (28: No space left on device)' >&2; exit 1`)
	e := startEdge(t, func(config *app.Config) { config.NginxBin = binary })
	e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	lie(true)
	_, err := e.put(2, newSite(2, "127.0.0.1:9", "new.example.com"))
	wantReason(t, err, "Unavailable", "NGINX_DOWN")
	e.wantStatus("shop.example.com", "/", 200)
	lie(false)
	wantRejections(t, e.mustPut(2, newSite(2, "127.0.0.1:9", "new.example.com")).GetRejected())
}

func TestApply_rejects_what_does_not_pass_the_grammar(t *testing.T) {
	e := startEdge(t)
	e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	generation := uint64(1)
	for field, spoil := range map[string]func(*edgev1.Site){
		"hostnames[0]":                   func(s *edgev1.Site) { s.Hostnames[0] = "a.com; } server {" },
		"spec.origin.targets[0].address": func(s *edgev1.Site) { s.Spec.GetOrigin().Targets[0].Address = "origin.example.com:80" },
		"spec.routes[0].path_prefix": func(s *edgev1.Site) {
			s.Spec.Routes = []*edgev1.Route{{PathPrefix: "a/../b", Origin: origin("127.0.0.1:9")}}
		},
		"spec.options.response_headers[0].value": func(s *edgev1.Site) {
			s.Spec.Options = &edgev1.Options{ResponseHeaders: []*edgev1.Header{{Name: "X-A", Value: secret + "\nSet-Cookie: b"}}}
		},
		"spec.options.request_headers[0].name": func(s *edgev1.Site) {
			s.Spec.Options = &edgev1.Options{RequestHeaders: []*edgev1.Header{{Name: "Host", Value: "b"}}}
		},
		"spec.backend": func(s *edgev1.Site) { s.Spec.Backend = nil },
		// A name that another site has.
		"hostnames[1]": func(s *edgev1.Site) { s.Hostnames = append(s.Hostnames, "shop.example.com") },
	} {
		t.Run(field, func(t *testing.T) {
			generation++
			site := newSite(0, "127.0.0.1:9", "poison.example.com")
			spoil(site)
			other := newSite(int(100+generation), "127.0.0.1:9")
			response := e.mustPut(generation, site, other)
			wantRejections(t, response.GetRejected(), siteID(0)+" 1>0")
			if why := response.GetRejected()[0].GetMessage(); !strings.HasPrefix(why, field+": ") {
				t.Errorf("message %q does not name %s", why, field)
			}
			e.wantStatus("shop.example.com", "/", 200)
			if _, err := e.client.ProbeSite(t.Context(), &edgev1.ProbeSiteRequest{SiteId: other.GetSiteId()}); err != nil {
				t.Errorf("the site beside it: %v", err)
			}
		})
	}
	if last := e.state().GetLastError(); last != "" {
		t.Errorf("last error is %q", last)
	}
}

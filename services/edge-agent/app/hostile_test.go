package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/hostile"

	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
)

// textPlaces are all places for the texts of a field; headers have a test of their own.
var textPlaces = map[hostile.Field][]func(site *edgev1.Site, value string){
	hostile.Hostname: {func(s *edgev1.Site, v string) { s.Hostnames = []string{v} }},
	hostile.Address: {
		func(s *edgev1.Site, v string) { s.Spec.Backend = &edgev1.Spec_Origin{Origin: origin(v)} },
		func(s *edgev1.Site, v string) {
			s.Spec.Backend = &edgev1.Spec_Origin{Origin: origin(v, "192.0.2.1:80")}
		},
		func(s *edgev1.Site, v string) { s.Spec.Routes = []*edgev1.Route{{PathPrefix: "/a", Origin: origin(v)}} },
	},
	hostile.PathPrefix: {
		func(s *edgev1.Site, v string) {
			s.Spec.Routes = []*edgev1.Route{{PathPrefix: v, Origin: origin("192.0.2.1:80")}}
		},
		func(s *edgev1.Site, v string) {
			s.Spec.Routes = []*edgev1.Route{{PathPrefix: v, StripPrefix: true, Origin: origin("192.0.2.1:80")}}
		},
	},
	hostile.BaseURL: {func(s *edgev1.Site, v string) {
		s.Spec.Backend = &edgev1.Spec_Redirect{Redirect: &edgev1.Redirect{BaseUrl: v, StatusCode: 308}}
	}},
}

// hostileSites are one site for each value of each place, as if the API had let it
// through, and those of them that are refused, with the value.
func hostileSites(first int) (sites []*edgev1.Site, refused map[string]string) {
	refused = map[string]string{}
	for field, values := range hostile.Texts() {
		for _, put := range textPlaces[field] {
			for _, value := range slices.Concat(values.Refused, values.Accepted) {
				number := first + len(sites)
				site := newSite(number, "192.0.2.1:80", fmt.Sprintf("h%d.example.com", number))
				put(site, value)
				sites = append(sites, site)
				if render.Check(site) != nil {
					refused[site.GetSiteId()] = value
				}
			}
		}
	}
	return sites, refused
}

// S01 to S04, F33, I22: sites with everything that a tenant may try are applied at once.
// Those that pass every check are harmless to nginx itself, each of the others is
// named, and who shares the edge with them notices nothing.
func TestHostile_sites_on_one_edge(t *testing.T) {
	e := startEdge(t)
	neighbour := newSite(1, startOrigin(t, "neighbour"), "shop.example.com")
	e.mustPut(1, neighbour)
	before := e.raw("GET / HTTP/1.1\r\nHost: shop.example.com\r\n" + bye)
	sites, refused := hostileSites(100)
	if len(refused) < 200 || len(sites)-len(refused) < 50 {
		t.Fatalf("%d of %d sites are refused", len(refused), len(sites))
	}
	response := e.mustPut(2, sites...)

	e.sub("the others are named, without what they wrote", func(t *testing.T) {
		if got := len(response.GetRejected()); got != len(refused) {
			t.Errorf("%d sites are rejected, want %d", got, len(refused))
		}
		for _, r := range response.GetRejected() {
			value, ok := refused[r.GetSiteId()]
			leaks := strings.ContainsAny(value, "$;{}\"\\\n") && strings.Contains(r.GetMessage(), value)
			if !ok || leaks || r.GetMessage() == "" {
				t.Errorf("%q is rejected: %q", value, r.GetMessage())
			}
		}
	})
	e.sub("the neighbour is served as before", func(t *testing.T) {
		after := e.raw("GET / HTTP/1.1\r\nHost: shop.example.com\r\n" + bye)
		if withoutDate(after) != withoutDate(before) {
			t.Errorf("it is served\n%s, before it was\n%s", after, before)
		}
	})
	e.sub("a name that is refused is served for nobody", func(t *testing.T) {
		hostnames := hostile.Texts()[hostile.Hostname].Refused
		for id, name := range refused {
			if !slices.Contains(hostnames, name) {
				continue
			}
			answer := e.raw("GET / HTTP/1.1\r\nHost: " + name + "\r\n" + bye)
			if got := statuses(answer); len(got) == 0 || !slices.Contains([]string{"400", "421"}, got[0]) {
				t.Errorf("%s: Host %.100q is answered %q", id, name, answer)
			}
		}
	})
	e.sub("without them the edge is as if they had never been", func(t *testing.T) {
		header := &edgev1.ApplyHeader{Fence: fence(1, 1, 3)}
		for _, site := range sites {
			header.Removals = append(header.Removals, &edgev1.Removal{SiteId: site.GetSiteId(), OperationId: "op_1"})
		}
		if _, err := e.apply(header); err != nil {
			t.Fatal(err)
		}
		e.wantStatus("shop.example.com", "/", http.StatusOK)
		config, err := render.New([]*edgev1.Site{neighbour})
		check(t, err)
		if want := config.Profiles(); strings.Count(e.files()[render.ServersFile], "# Profile ") != want {
			t.Errorf("there are more than %d profiles", want)
		}
	})
}

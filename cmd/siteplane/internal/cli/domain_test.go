package cli_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func TestDomainGet_shows(t *testing.T) {
	released := domainIn(domainReleased)
	released.Domain.Mode = lifecyclev1.DomainMode_DOMAIN_MODE_MANAGED
	direct := domainIn(domainPending)
	direct.Domain.Direct = true
	for name, found := range map[string]*lifecyclev1.GetDomainResponse{
		"domain_pending":      pendingDomain(),
		"domain_mode_unknown": direct,
		"domain_wrong_cname":  misledDomain(),
		"domain_contender":    domainIn(domainPending, contested()),
		"domain_holder":       holder(),
		"domain_managed":      managedDomain(),
		"domain_active":       servingDomain(),
		"domain_released":     released,
		"domain_hostile":      hostileDomain(),
	} {
		for _, format := range []string{"table", "json"} {
			t.Run(name+"/"+format, func(t *testing.T) {
				r := setup(t)
				r.domains.looks = []domainLook{{found: found}}
				r.golden(name+"."+format, cli.ExitOK, "domain", "get", "dom_02", "-o", format)
			})
		}
	}
}

func TestDomainRecords_are_lines_of_a_zone_file(t *testing.T) {
	for name, found := range map[string]*lifecyclev1.GetDomainResponse{
		"records_pending":  pendingDomain(),
		"records_holder":   holder(),
		"records_hostile":  hostileDomain(),
		"records_released": domainIn(domainReleased),
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t)
			r.domains.looks = []domainLook{{found: found}}
			r.golden(name, cli.ExitOK, "domain", "records", "dom_02")
		})
	}
}

func TestDomainGet_asks_nobody_to_mend_a_released_domain(t *testing.T) {
	r := setup(t)
	r.domains.looks = []domainLook{{found: domainIn(domainReleased, unowned("www.shop.example"), misled())}}
	got := r.run("domain", "get", "dom_02")
	if got.code != cli.ExitOK || !strings.Contains(got.stdout, "RELEASED") || strings.Contains(got.stdout, "must act") {
		t.Errorf("exit code %d, stdout:\n%s", got.code, got.stdout)
	}
}

func TestDomain_is_found_by_hostname(t *testing.T) {
	for named, want := range map[string]string{
		"www.shop.example":      "dom_02", // claimed again, on the second page
		"WWW.Shop.Example.":     "dom_02",
		"bücher.example":        "dom_03",
		"xn--bcher-kva.example": "dom_03",
		"dom_77":                "dom_77",
	} {
		t.Run(named, func(t *testing.T) {
			r := setup(t)
			r.domains.pages = twoDomainPages()
			r.domains.pages[""].Domains[1].DomainId = "dom_03"
			r.domains.looks = []domainLook{{found: servingDomain()}}
			if got := r.run("domain", "get", named); got.code != cli.ExitOK {
				t.Fatal(got.stderr)
			}
			asked := r.sites.requests[len(r.sites.requests)-1]
			if diff := cmp.Diff(any(&lifecyclev1.GetDomainRequest{DomainId: want}), asked, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("one that only leaves is better than none", func(t *testing.T) {
		r := setup(t)
		r.domains.pages = twoDomainPages()
		r.domains.pages[""].NextPageToken = ""
		r.domains.looks = []domainLook{{found: domainIn(domainReleasing)}}
		if got := r.run("domain", "get", "www.shop.example"); got.code != cli.ExitOK {
			t.Fatal(got.stderr)
		}
	})
	t.Run("none has it", func(t *testing.T) {
		r := setup(t)
		r.domains.pages = twoDomainPages()
		r.golden("domain_missing", cli.ExitNotFound, "domain", "get", "other.example")
	})
}

func TestSite_is_found_by_slug(t *testing.T) {
	for _, args := range [][]string{
		{"site", "get", "shop2"},
		{"site", "timeline", "shop2"},
		{"site", "retry", "shop2"},
		{"site", "delete", "shop2"},
		{"site", "set-primary", "shop2", "dom_02"},
		{"domain", "add", "shop2", "www.shop.example"},
		{"domain", "list", "--site", "shop2"},
	} {
		r := setup(t)
		r.sites.pages = twoPages()
		r.sites.pages["more"].Sites[0].Slug = "shop2"
		r.sites.looks, r.sites.begun, r.sites.timeline = []look{{found: redirectSite()}}, redirectSite(), timeline()
		r.domains.begun = domainIn(domainPending)
		if got := r.run(args...); got.code != cli.ExitOK {
			t.Fatalf("%v: %s", args, got.stderr)
		}
		asked, ok := r.sites.requests[len(r.sites.requests)-1].(interface{ GetSiteId() string })
		if !ok || asked.GetSiteId() != "site_02" {
			t.Errorf("%v asked for %v", args, r.sites.requests)
		}
	}
	r := setup(t)
	r.sites.pages = twoPages()
	r.golden("site_missing", cli.ExitNotFound, "site", "get", "other")
}

func TestDomainList(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		r := setup(t)
		r.domains.pages = twoDomainPages()
		r.golden("domain_list."+format, cli.ExitOK, "domain", "list", "-o", format)
	}
	t.Run("of nothing says how to begin", func(t *testing.T) {
		setup(t).golden("domain_list_empty", cli.ExitOK, "domain", "list")
	})
	t.Run("asks for the pages of one site up to a limit", func(t *testing.T) {
		r := setup(t)
		r.domains.pages = twoDomainPages()
		if got := r.run("domain", "list", "--site", "site_01", "--page-size", "2", "--limit", "3"); got.code != cli.ExitOK {
			t.Fatal(got.stderr)
		}
		want := []any{
			&lifecyclev1.ListDomainsRequest{SiteId: "site_01", PageSize: 2},
			&lifecyclev1.ListDomainsRequest{SiteId: "site_01", PageSize: 2, PageToken: "more"},
		}
		if diff := cmp.Diff(want, r.sites.requests, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSiteGet_with_several_domains(t *testing.T) {
	t.Run("shows them all", func(t *testing.T) {
		r := setup(t)
		r.sites.looks, r.domains.pages = []look{{found: activeSite()}}, twoDomainPages()
		r.golden("get_domains", cli.ExitOK, "site", "get", "site_01")
	})
	t.Run("shows the site when they cannot be listed", func(t *testing.T) {
		r := setup(t)
		r.sites.looks, r.domains.listFails = []look{{found: activeSite()}}, status.Error(codes.Unavailable, "try later")
		r.golden("get_domains_unknown", cli.ExitOK, "site", "get", "site_01")
	})
}

func TestSiteSetPrimary(t *testing.T) {
	r := setup(t)
	r.sites.begun, r.domains.pages = activeSite(), twoDomainPages()
	r.golden("set_primary", cli.ExitOK, "site", "set-primary", "site_01", "www.shop.example")
	want := &lifecyclev1.SetPrimaryDomainRequest{SiteId: "site_01", DomainId: "dom_02", RequestId: "new-request-id"}
	if diff := cmp.Diff(any(want), r.sites.requests[2], protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestSiteCreate_under_a_hostname(t *testing.T) {
	r := setup(t)
	r.sites.begun = siteIn(created)
	r.sites.begun.Site.PrimaryDomain = domainIn(domainPending).Domain
	r.golden("create_domain", cli.ExitOK, "site", "create", "shop", "--origin", "127.0.0.1:9000", "--domain", "WWW.shop.example", "--direct")
	request, ok := r.sites.requests[0].(*lifecyclev1.CreateSiteRequest)
	if !ok || request.GetPrimaryHostname() != "WWW.shop.example" || !request.GetDirect() {
		t.Errorf("sent %v", r.sites.requests[0])
	}
}

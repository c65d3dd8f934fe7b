package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// create creates a site of the first tenant.
func (s *server) create(name string) (siteID string) {
	s.Helper()
	created, err := s.sites.CreateSite(as(s.T, s.keyOf[auth.Operator]), newSite(name))
	s.must(err)
	return created.GetSite().GetSiteId()
}

// add claims a hostname for a site of the first tenant.
func (s *server) add(siteID, hostname string) *lifecyclev1.Domain {
	s.Helper()
	added, err := s.domains.AddDomain(as(s.T, s.keyOf[auth.Operator]), &lifecyclev1.AddDomainRequest{SiteId: siteID, Hostname: hostname})
	s.must(err)
	return added.GetDomain()
}

// domainMethods calls every RPC that names a domain or a site of one.
var domainMethods = map[string]func(ctx context.Context, s *server, siteID, domainID string) error{
	"AddDomain": func(ctx context.Context, s *server, siteID, _ string) error {
		_, err := s.domains.AddDomain(ctx, &lifecyclev1.AddDomainRequest{SiteId: siteID, Hostname: "more.test"})
		return err
	},
	"GetDomain": func(ctx context.Context, s *server, _, domainID string) error {
		_, err := s.domains.GetDomain(ctx, &lifecyclev1.GetDomainRequest{DomainId: domainID})
		return err
	},
	"ListDomains": func(ctx context.Context, s *server, siteID, _ string) error {
		_, err := s.domains.ListDomains(ctx, &lifecyclev1.ListDomainsRequest{SiteId: siteID})
		return err
	},
	"CheckDomain": func(ctx context.Context, s *server, _, domainID string) error {
		_, err := s.domains.CheckDomain(ctx, &lifecyclev1.CheckDomainRequest{DomainId: domainID})
		return err
	},
	"RemoveDomain": func(ctx context.Context, s *server, _, domainID string) error {
		_, err := s.domains.RemoveDomain(ctx, &lifecyclev1.RemoveDomainRequest{DomainId: domainID})
		return err
	},
	"SetPrimaryDomain": func(ctx context.Context, s *server, siteID, domainID string) error {
		_, err := s.sites.SetPrimaryDomain(ctx, &lifecyclev1.SetPrimaryDomainRequest{SiteId: siteID, DomainId: domainID})
		return err
	},
}

func TestDomainService_lives_through_a_domain(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	siteID := s.create("Shop")
	s.world.Settle()
	added, err := s.domains.AddDomain(ctx, &lifecyclev1.AddDomainRequest{SiteId: siteID, Hostname: "WWW.Shop.test", Direct: true})
	s.must(err)
	d := added.GetDomain()
	if !strings.HasPrefix(d.GetDomainId(), "dom_") || d.GetSiteId() != siteID || d.GetHostname() != "www.shop.test" || !d.GetDirect() || d.GetPrimary() ||
		d.GetKind() != lifecyclev1.DomainKind_DOMAIN_KIND_CUSTOM || d.GetMode() != lifecyclev1.DomainMode_DOMAIN_MODE_UNSPECIFIED ||
		d.GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_PENDING_DNS || d.GetCreateTime() == nil {
		t.Errorf("added %v", d)
	}
	record := d.GetInstructions()[0]
	want := &lifecyclev1.Instruction{
		Purpose: lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_OWNERSHIP, Type: "TXT",
		Name: "_siteplane-challenge.www.shop.test", Value: record.GetValue(),
	}
	if len(d.GetInstructions()) != 1 || record.GetValue() == "" || !proto.Equal(record, want) {
		t.Errorf("the instructions are %v", d.GetInstructions())
	}
	if c := d.GetConditions(); len(c) != 1 || c[0].GetType() != "Owned" || c[0].GetStatus() != lifecyclev1.ConditionStatus_CONDITION_STATUS_UNKNOWN || c[0].GetNextAttemptAt() == nil {
		t.Errorf("the conditions are %v", c)
	}

	s.world.DNS.SetTXT(record.GetName(), record.GetValue())
	checked, err := s.domains.CheckDomain(ctx, &lifecyclev1.CheckDomainRequest{DomainId: d.GetDomainId()})
	s.must(err)
	if got := checked.GetDomain(); got.GetDomainId() != d.GetDomainId() || got.GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_PENDING_DNS {
		t.Errorf("checked %v", got)
	}
	s.world.Settle()
	got, err := s.domains.GetDomain(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.GetDomainRequest{DomainId: d.GetDomainId()})
	s.must(err)
	if d := got.GetDomain(); d.GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE || d.GetMode() != lifecyclev1.DomainMode_DOMAIN_MODE_DIRECT || got.GetOperation() != nil {
		t.Errorf("got %v", got)
	}
	if records := got.GetDomain().GetInstructions(); len(records) != 2 || records[1].GetPurpose() != lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_TRAFFIC || records[1].GetType() != "A" {
		t.Errorf("the instructions are %v", records)
	}

	set, err := s.sites.SetPrimaryDomain(ctx, &lifecyclev1.SetPrimaryDomainRequest{SiteId: siteID, DomainId: d.GetDomainId()})
	s.must(err)
	if p := set.GetSite().GetPrimaryDomain(); p.GetDomainId() != d.GetDomainId() || !p.GetPrimary() || len(p.GetInstructions()) != 2 {
		t.Errorf("the primary is %v", p)
	}
	_, err = s.domains.RemoveDomain(ctx, &lifecyclev1.RemoveDomainRequest{DomainId: d.GetDomainId()})
	wantError(t, err, codes.FailedPrecondition, "PRECONDITION")

	list, err := s.domains.ListDomains(ctx, &lifecyclev1.ListDomainsRequest{SiteId: siteID})
	s.must(err)
	if len(list.GetDomains()) != 2 || list.GetDomains()[0].GetDomainId() != d.GetDomainId() {
		t.Fatalf("listed %v", list)
	}
	platform := list.GetDomains()[1].GetDomainId()
	removed, err := s.domains.RemoveDomain(ctx, &lifecyclev1.RemoveDomainRequest{DomainId: d.GetDomainId(), NewPrimaryDomainId: platform})
	s.must(err)
	if removed.GetDomain().GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASING || removed.GetOperation().GetKind() != "release_domain" || removed.GetDomain().GetPrimary() {
		t.Errorf("removed %v", removed)
	}
	s.world.Settle()
	again, err := s.domains.RemoveDomain(ctx, &lifecyclev1.RemoveDomainRequest{DomainId: d.GetDomainId()})
	if err != nil || again.GetDomain().GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASED || again.GetOperation() != nil {
		t.Errorf("removed again %v, %v", again, err)
	}
}

func TestDomainService_tenants(t *testing.T) {
	s := setup(t)
	siteID := s.create("Shop")
	domainID := s.add(siteID, "shop.test").GetDomainId()
	stranger := as(t, s.key(s.world.NewTenant("other"), auth.PlatformAdmin))
	for name, call := range domainMethods {
		t.Run(name+" of another tenant's is as of none", func(t *testing.T) {
			wantError(t, call(stranger, s, siteID, domainID), codes.NotFound, "NOT_FOUND")
			wantError(t, call(stranger, s, string(id.NewSite()), string(id.NewDomain())), codes.NotFound, "NOT_FOUND")
			wantError(t, call(stranger, s, "' OR 1=1 --", "' OR 1=1 --"), codes.NotFound, "NOT_FOUND")
		})
	}
	t.Run("every RPC is among them", func(t *testing.T) {
		for _, m := range lifecyclev1.DomainService_ServiceDesc.Methods {
			if _, ok := domainMethods[m.MethodName]; !ok {
				t.Errorf("%s is not tried as another tenant", m.MethodName)
			}
		}
	})
	t.Run("naming one's own beside it does not help", func(t *testing.T) {
		created, err := s.sites.CreateSite(stranger, newSite("Theirs"))
		s.must(err)
		own, err := s.domains.AddDomain(stranger, &lifecyclev1.AddDomainRequest{SiteId: created.GetSite().GetSiteId(), Hostname: "theirs.test"})
		s.must(err)
		_, err = s.domains.RemoveDomain(stranger, &lifecyclev1.RemoveDomainRequest{DomainId: own.GetDomain().GetDomainId(), NewPrimaryDomainId: domainID})
		wantError(t, err, codes.NotFound, "NOT_FOUND")
		wantError(t, domainMethods["SetPrimaryDomain"](stranger, s, created.GetSite().GetSiteId(), domainID), codes.NotFound, "NOT_FOUND")
		wantError(t, domainMethods["SetPrimaryDomain"](stranger, s, siteID, own.GetDomain().GetDomainId()), codes.NotFound, "NOT_FOUND")
	})
	t.Run("lists hold one's own only, with any page token", func(t *testing.T) {
		page, err := s.domains.ListDomains(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.ListDomainsRequest{PageSize: 1})
		s.must(err)
		for _, token := range []string{"", page.GetNextPageToken()} {
			list, err := s.domains.ListDomains(stranger, &lifecyclev1.ListDomainsRequest{PageToken: token})
			s.must(err)
			for _, d := range list.GetDomains() {
				if !strings.Contains(d.GetHostname(), "theirs") {
					t.Errorf("listed %v", d)
				}
			}
		}
	})
	got, err := s.domains.GetDomain(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.GetDomainRequest{DomainId: domainID})
	if err != nil || got.GetDomain().GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_PENDING_DNS {
		t.Errorf("after all that it is %v, %v", got, err)
	}
}

func TestDomainService_roles(t *testing.T) {
	s := setup(t)
	siteID := s.create("Shop")
	domainID := s.add(siteID, "shop.test").GetDomainId()
	viewer := as(t, s.keyOf[auth.Viewer])
	for name, call := range domainMethods {
		t.Run(name, func(t *testing.T) {
			if err := call(viewer, s, siteID, domainID); name == "GetDomain" || name == "ListDomains" {
				s.must(err)
			} else {
				wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
			}
		})
	}
}

func TestDomainService_bad_input(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	siteID := s.create("Shop")
	for hostname, reason := range map[string]string{
		"two words":               "NAME_INVALID",
		"https://shop.test/":      "NAME_INVALID",
		"192.0.2.1":               "NAME_INVALID",
		strings.Repeat("a.", 300): "NAME_INVALID",
		"xn--a.test":              "NAME_IDN",
		"co.uk":                   "NAME_PUBLIC_SUFFIX",
		"elsewhere.sites.example": "DOMAIN_PARENT_TAKEN",
		"sites.example":           "DOMAIN_PARENT_TAKEN",
		strings.Repeat("a", 1025): "", // the rule of the proto
		"":                        "",
	} {
		t.Run(fmt.Sprintf("%.30q is %s", hostname, reason), func(t *testing.T) {
			_, err := s.domains.AddDomain(ctx, &lifecyclev1.AddDomainRequest{SiteId: siteID, Hostname: hostname})
			wantViolation(t, err, "hostname", reason)
			if hostname == "" {
				return
			}
			req := newSite("Second")
			req.PrimaryHostname = hostname
			_, err = s.sites.CreateSite(ctx, req)
			wantViolation(t, err, "primary_hostname", reason)
		})
	}
	t.Run("empty and long ids are named", func(t *testing.T) {
		for _, name := range []string{"GetDomain", "CheckDomain", "RemoveDomain", "SetPrimaryDomain"} {
			wantViolation(t, domainMethods[name](ctx, s, siteID, ""), "domain_id", "")
		}
		wantViolation(t, domainMethods["AddDomain"](ctx, s, "", ""), "site_id", "")
		_, err := s.domains.AddDomain(ctx, &lifecyclev1.AddDomainRequest{SiteId: siteID, Hostname: "a.test", RequestId: strings.Repeat("a", 65)})
		wantViolation(t, err, "request_id", "")
	})
	t.Run("bad pages are named", func(t *testing.T) {
		s.create("Second")
		sites, err := s.sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{PageSize: 1})
		s.must(err)
		for field, reqs := range map[string][]*lifecyclev1.ListDomainsRequest{
			"page_size":  {{PageSize: 1001}, {PageSize: -1}},
			"page_token": {{PageToken: "x"}, {PageToken: sites.GetNextPageToken()}},
		} {
			for _, req := range reqs {
				_, err := s.domains.ListDomains(ctx, req)
				wantViolation(t, err, field, "")
			}
		}
	})
	t.Run("a new primary that is the domain itself is named", func(t *testing.T) {
		d := s.add(siteID, "shop.test").GetDomainId()
		_, err := s.domains.RemoveDomain(ctx, &lifecyclev1.RemoveDomainRequest{DomainId: d, NewPrimaryDomainId: d})
		wantViolation(t, err, "new_primary_domain_id", "")
	})
}

func wantViolation(t *testing.T, err error, field, reason string) {
	t.Helper()
	wantError(t, err, codes.InvalidArgument, "INVALID_FIELDS")
	if v := rpcerr.Violations(err); len(v) != 1 || v[0].Field != field || v[0].Reason != reason || v[0].Description == "" {
		t.Errorf("violations are %+v, want %q for %s", v, reason, field)
	}
}

func TestDomainService_conflicts(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	siteID := s.create("Shop")
	add := func(hostname, request string) (*lifecyclev1.AddDomainResponse, error) {
		return s.domains.AddDomain(ctx, &lifecyclev1.AddDomainRequest{SiteId: siteID, Hostname: hostname, RequestId: request})
	}
	first, err := add("shop.test", "1")
	s.must(err)
	t.Run("a request id gives its first answer", func(t *testing.T) {
		again, err := add("shop.test", "1")
		if err != nil || again.GetDomain().GetDomainId() != first.GetDomain().GetDomainId() {
			t.Errorf("got %v, %v", again, err)
		}
	})
	t.Run("but not to another request", func(t *testing.T) {
		_, err := add("other.test", "1")
		wantError(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
	})
	t.Run("a hostname is claimed once", func(t *testing.T) {
		_, err := add("SHOP.test", "2")
		wantError(t, err, codes.AlreadyExists, "NAME_TAKEN")
	})
	t.Run("what stands in the way is told", func(t *testing.T) {
		s.world.Run()
		got, err := s.sites.GetSite(ctx, &lifecyclev1.GetSiteRequest{SiteId: siteID})
		s.must(err)
		platform := got.GetSite().GetPrimaryDomain().GetDomainId()
		wantError(t, domainMethods["RemoveDomain"](ctx, s, "", platform), codes.FailedPrecondition, "PRECONDITION")
		wantError(t, domainMethods["SetPrimaryDomain"](ctx, s, siteID, first.GetDomain().GetDomainId()), codes.FailedPrecondition, "PRECONDITION")
		_, err = s.sites.DeleteSite(ctx, &lifecyclev1.DeleteSiteRequest{SiteId: siteID})
		s.must(err)
		_, err = add("late.test", "")
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
		wantError(t, domainMethods["CheckDomain"](ctx, s, "", platform), codes.FailedPrecondition, "PRECONDITION")
	})
}

func TestDomainService_ListDomains(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Viewer])
	siteID := s.create("Shop")
	s.add(s.create("Second"), "second.test")
	list, err := s.domains.ListDomains(ctx, &lifecyclev1.ListDomainsRequest{SiteId: siteID})
	s.must(err)
	want := []string{list.GetDomains()[0].GetDomainId()}
	for i := range 4 {
		want = append(want, s.add(siteID, fmt.Sprint("d", i, ".test")).GetDomainId())
	}
	slices.Reverse(want)
	for _, size := range []int32{0, 1, 2, 4, 5, 6} {
		var got []string
		var pages int
		req := &lifecyclev1.ListDomainsRequest{SiteId: siteID, PageSize: size}
		for {
			list, err := s.domains.ListDomains(ctx, req)
			s.must(err)
			pages++
			for _, d := range list.GetDomains() {
				got = append(got, d.GetDomainId())
			}
			if req.PageToken = list.GetNextPageToken(); req.PageToken == "" {
				break
			}
		}
		if wanted := (5 + int(max(size, 1)) - 1) / int(max(size, 1)); !slices.Equal(got, want) || size > 0 && pages != wanted {
			t.Errorf("%d pages of %d give %v, want %d of %v", pages, size, got, wanted, want)
		}
	}
	all, err := s.domains.ListDomains(ctx, &lifecyclev1.ListDomainsRequest{})
	if err != nil || len(all.GetDomains()) != 7 {
		t.Errorf("of all sites: %v, %v", all, err)
	}
}

func TestCreateSite_primary_hostname(t *testing.T) {
	s := setup(t)
	req := newSite("Shop")
	req.PrimaryHostname, req.Direct = "Shop.test", true
	created, err := s.sites.CreateSite(as(t, s.keyOf[auth.Operator]), req)
	s.must(err)
	p := created.GetSite().GetPrimaryDomain()
	if p.GetHostname() != "shop.test" || !p.GetDirect() || !p.GetPrimary() || p.GetKind() != lifecyclev1.DomainKind_DOMAIN_KIND_CUSTOM || len(p.GetInstructions()) != 1 {
		t.Errorf("the primary is %v", p)
	}
}

func TestREST_lives_through_a_domain(t *testing.T) {
	s := setup(t)
	key := s.keyOf[auth.Operator]
	siteID := s.call("POST", "/v1/sites", key, shop).at("site", "siteId")
	s.world.Settle()
	added := s.call("POST", "/v1/sites/"+siteID+"/domains", key, `{"hostname": "Shop.test", "direct": true, "requestId": "1"}`)
	domainID := added.at("domain", "domainId")
	if added.code != http.StatusOK || added.at("domain", "hostname") != "shop.test" || added.at("domain", "direct") != "true" ||
		added.at("domain", "instructions", 0, "purpose") != "INSTRUCTION_PURPOSE_OWNERSHIP" {
		t.Fatalf("added %d %v", added.code, added.body)
	}
	s.world.DNS.SetTXT(added.at("domain", "instructions", 0, "name"), added.at("domain", "instructions", 0, "value"))
	if a := s.call("POST", "/v1/domains/"+domainID+":check", key, "{}"); a.code != http.StatusOK || a.at("domain", "domainId") != domainID {
		t.Errorf("checked %d %v", a.code, a.body)
	}
	s.world.Settle()
	if a := s.call("GET", "/v1/domains/"+domainID, key, nil); a.code != http.StatusOK || a.at("domain", "status") != "DOMAIN_STATUS_ACTIVE" {
		t.Errorf("got %d %v", a.code, a.body)
	}
	for _, path := range []string{"/v1/domains?page_size=1", "/v1/domains?site_id=" + siteID, "/v1/sites/" + siteID + "/domains"} {
		if a := s.call("GET", path, key, nil); a.code != http.StatusOK || a.at("domains", 0, "domainId") != domainID {
			t.Errorf("%s listed %d %v", path, a.code, a.body)
		}
	}
	platform := s.call("GET", "/v1/sites/"+siteID, key, nil).at("site", "primaryDomain", "domainId")
	if a := s.call("POST", "/v1/sites/"+siteID+":setPrimaryDomain", key, `{"domainId": "`+domainID+`"}`); a.code != http.StatusOK || a.at("site", "primaryDomain", "domainId") != domainID {
		t.Errorf("set %d %v", a.code, a.body)
	}
	wantRefused(t, s.call("DELETE", "/v1/domains/"+domainID, key, nil), http.StatusBadRequest, "9", "PRECONDITION")
	a := s.call("DELETE", "/v1/domains/"+domainID+"?new_primary_domain_id="+platform, key, nil)
	if a.code != http.StatusOK || a.at("domain", "status") != "DOMAIN_STATUS_RELEASING" || a.at("operation", "kind") != "release_domain" {
		t.Errorf("removed %d %v", a.code, a.body)
	}
}

func TestREST_hostname_violation(t *testing.T) {
	s := setup(t)
	key := s.keyOf[auth.Operator]
	siteID := s.call("POST", "/v1/sites", key, shop).at("site", "siteId")
	a := s.call("POST", "/v1/sites/"+siteID+"/domains", key, `{"hostname": "two words"}`)
	wantRefused(t, a, http.StatusBadRequest, "3", "INVALID_FIELDS")
	if v := a.at("details", 1, "fieldViolations", 0, "field"); v != "hostname" || a.at("details", 1, "fieldViolations", 0, "reason") != "NAME_INVALID" {
		t.Errorf("the violations are %v", a.body)
	}
}

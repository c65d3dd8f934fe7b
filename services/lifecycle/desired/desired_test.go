package desired_test

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func row(siteID id.Site, hostnames ...string) desired.Row {
	return desired.Row{
		SiteID: siteID, Wanted: site.Present, Revision: 3, Hostnames: hostnames,
		Spec: site.Spec{
			Origin: &site.Origin{Targets: []site.Target{{Address: "192.0.2.1:80"}}},
			Routes: []site.Route{
				{PathPrefix: "/a/", Origin: site.Origin{Targets: []site.Target{{Address: "192.0.2.2:80", Weight: 2}}}},
				{PathPrefix: "/longer/", StripPrefix: true, Origin: site.Origin{Targets: []site.Target{{Address: "192.0.2.3:80"}}}},
			},
			Options: site.Options{
				MaxBodyBytes: 1, ConnectTimeout: time.Second, ReadTimeout: time.Minute, Websocket: true,
				ResponseHeaders: []site.Header{{Name: "B", Value: "1"}, {Name: "A", Value: "2"}},
				RequestHeaders:  []site.Header{{Name: "C", Value: "3"}},
			},
		},
	}
}

func TestForEdge(t *testing.T) {
	t.Run("the same rows in any order give the same snapshot", func(t *testing.T) {
		rows := []desired.Row{row("site_1", "b.example", "a.example", "b.example"), row("site_2"), row("site_3", "c.example")}
		want := desired.ForEdge(rows)
		random := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			for _, r := range rows {
				random.Shuffle(len(r.Hostnames), func(i, j int) { r.Hostnames[i], r.Hostnames[j] = r.Hostnames[j], r.Hostnames[i] })
				slices.Reverse(r.Spec.Routes)
				slices.Reverse(r.Spec.Options.ResponseHeaders)
			}
			if diff := cmp.Diff(want, desired.ForEdge(rows)); diff != "" {
				t.Fatalf("another order, another snapshot (-want +got):\n%s", diff)
			}
		}
	})
	t.Run("hostnames are sorted and occur once", func(t *testing.T) {
		got := desired.ForEdge([]desired.Row{row("site_1", "b.example", "a.example", "b.example")})
		if want := []string{"a.example", "b.example"}; !slices.Equal(got[0].Hostnames, want) {
			t.Errorf("hostnames are %v, want %v", got[0].Hostnames, want)
		}
	})
	t.Run("the rows are left as they were", func(t *testing.T) {
		given := row("site_1", "b.example", "a.example")
		desired.ForEdge([]desired.Row{given})
		if diff := cmp.Diff(row("site_1", "b.example", "a.example"), given); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("what is not wanted PRESENT gives nothing, hostnames or not", func(t *testing.T) {
		for _, wanted := range []site.Wanted{site.Absent, ""} {
			gone := row("site_1", "a.example")
			gone.Wanted = wanted
			if got := desired.ForEdge([]desired.Row{gone}); len(got) != 0 {
				t.Errorf("wanted %q gives %v", wanted, got)
			}
		}
	})
	t.Run("no rows give nothing", func(t *testing.T) {
		if got := desired.ForEdge(nil); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

// A change of anything that an edge shall hold changes the sum.
func TestEdgeSite_Sum_covers_every_field(t *testing.T) {
	base := func() desired.EdgeSite { return desired.ForEdge([]desired.Row{row("site_1", "a.example")})[0] }
	if once, again := base().Sum(), base().Sum(); once != again {
		t.Fatal("the same site has two sums")
	}
	seen := map[[32]byte]string{base().Sum(): "nothing"}
	for name, change := range map[string]func(*desired.EdgeSite){
		"id":          func(s *desired.EdgeSite) { s.SiteID = "site_2" },
		"revision":    func(s *desired.EdgeSite) { s.Revision++ },
		"hostname":    func(s *desired.EdgeSite) { s.Hostnames[0] = "b.example" },
		"no hostname": func(s *desired.EdgeSite) { s.Hostnames = nil },
		"address":     func(s *desired.EdgeSite) { s.Spec.Origin.Targets[0].Address = "192.0.2.1:81" },
		"weight":      func(s *desired.EdgeSite) { s.Spec.Origin.Targets[0].Weight = 2 },
		"second target": func(s *desired.EdgeSite) {
			s.Spec.Origin.Targets = append(s.Spec.Origin.Targets, site.Target{Address: "192.0.2.9:80", Weight: 1})
		},
		"redirect": func(s *desired.EdgeSite) {
			s.Spec.Origin, s.Spec.Redirect = nil, &site.Redirect{BaseURL: "https://a.example", StatusCode: 308}
		},
		"another redirect": func(s *desired.EdgeSite) {
			s.Spec.Origin, s.Spec.Redirect = nil, &site.Redirect{BaseURL: "https://a.example", StatusCode: 302}
		},
		"route":           func(s *desired.EdgeSite) { s.Spec.Routes[0].PathPrefix = "/b/" },
		"strip":           func(s *desired.EdgeSite) { s.Spec.Routes[0].StripPrefix = false },
		"route's target":  func(s *desired.EdgeSite) { s.Spec.Routes[0].Origin.Targets[0].Weight = 9 },
		"fewer routes":    func(s *desired.EdgeSite) { s.Spec.Routes = s.Spec.Routes[:1] },
		"body limit":      func(s *desired.EdgeSite) { s.Spec.Options.MaxBodyBytes++ },
		"connect timeout": func(s *desired.EdgeSite) { s.Spec.Options.ConnectTimeout += time.Millisecond },
		"read timeout":    func(s *desired.EdgeSite) { s.Spec.Options.ReadTimeout += time.Millisecond },
		"websocket":       func(s *desired.EdgeSite) { s.Spec.Options.Websocket = false },
		"maintenance":     func(s *desired.EdgeSite) { s.Spec.Options.Maintenance = true },
		"compress":        func(s *desired.EdgeSite) { s.Spec.Options.Compress = true },
		"rate":            func(s *desired.EdgeSite) { s.Spec.Options.RequestsPerSecond = 50 },
		"another rate":    func(s *desired.EdgeSite) { s.Spec.Options.RequestsPerSecond = 100 },
		"response header": func(s *desired.EdgeSite) { s.Spec.Options.ResponseHeaders[0].Value = "x" },
		"request header":  func(s *desired.EdgeSite) { s.Spec.Options.RequestHeaders[0].Name = "X" },
		"header's way": func(s *desired.EdgeSite) {
			o := &s.Spec.Options
			o.RequestHeaders, o.ResponseHeaders = o.ResponseHeaders, o.RequestHeaders
		},
		"no request header": func(s *desired.EdgeSite) { s.Spec.Options.RequestHeaders = nil },
	} {
		s := base()
		change(&s)
		if other, taken := seen[s.Sum()]; taken {
			t.Errorf("a change of %s has the sum of a change of %s", name, other)
		}
		seen[s.Sum()] = name
	}
}

// The agent computes the same sums: both sides read the same vectors.
func TestEdgeSite_Sum_golden(t *testing.T) {
	const path = "../../../proto/siteplane/edge/v1/testdata/digest.json"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Site json.RawMessage `json:"site"`
		Sum  string          `json:"sum"`
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 5 {
		t.Fatalf("%s has %d vectors", path, len(vectors))
	}
	for _, v := range vectors {
		var wire edgev1.Site
		if err := protojson.Unmarshal(v.Site, &wire); err != nil {
			t.Fatal(err)
		}
		sum := siteOf(&wire).Sum()
		if got := hex.EncodeToString(sum[:]); got != v.Sum {
			t.Errorf("%s has the sum %s, want %s", wire.GetSiteId(), got, v.Sum)
		}
	}
}

// siteOf reads a site as the wire has it.
func siteOf(w *edgev1.Site) desired.EdgeSite {
	s := desired.EdgeSite{SiteID: id.Site(w.GetSiteId()), Revision: w.GetRevision(), Hostnames: w.GetHostnames()}
	if o := w.GetSpec().GetOrigin(); o != nil {
		s.Spec.Origin = &site.Origin{Targets: targetsOf(o)}
	}
	if r := w.GetSpec().GetRedirect(); r != nil {
		s.Spec.Redirect = &site.Redirect{BaseURL: r.GetBaseUrl(), StatusCode: int(r.GetStatusCode())}
	}
	for _, r := range w.GetSpec().GetRoutes() {
		s.Spec.Routes = append(s.Spec.Routes, site.Route{
			PathPrefix: r.GetPathPrefix(), StripPrefix: r.GetStripPrefix(), Origin: site.Origin{Targets: targetsOf(r.GetOrigin())},
		})
	}
	o := w.GetSpec().GetOptions()
	s.Spec.Options = site.Options{
		MaxBodyBytes: o.GetMaxBodyBytes(), Websocket: o.GetWebsocket(),
		ConnectTimeout: time.Duration(o.GetConnectTimeoutMs()) * time.Millisecond,
		ReadTimeout:    time.Duration(o.GetReadTimeoutMs()) * time.Millisecond,
		RequestHeaders: headersOf(o.GetRequestHeaders()), ResponseHeaders: headersOf(o.GetResponseHeaders()),
		Maintenance: o.GetMaintenance(), Compress: o.GetCompress(), RequestsPerSecond: int(o.GetRequestsPerSecond()),
	}
	return s
}

func targetsOf(o *edgev1.Origin) (targets []site.Target) {
	for _, t := range o.GetTargets() {
		targets = append(targets, site.Target{Address: t.GetAddress(), Weight: int(t.GetWeight())})
	}
	return targets
}

func headersOf(wire []*edgev1.Header) (headers []site.Header) {
	for _, h := range wire {
		headers = append(headers, site.Header{Name: h.GetName(), Value: h.GetValue()})
	}
	return headers
}

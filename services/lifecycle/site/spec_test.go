package site_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func TestSpec_Normalize(t *testing.T) {
	t.Run("specs that mean the same are equal", func(t *testing.T) {
		one := site.Spec{
			Origin: origin("1.1.1.1:80"),
			Routes: []site.Route{{PathPrefix: "/a/", Origin: *origin("1.1.1.1:81")}, {PathPrefix: "/longer/", Origin: *origin("1.1.1.1:82")}, {PathPrefix: "/b/", Origin: *origin("1.1.1.1:83")}},
			Options: site.Options{
				ResponseHeaders: []site.Header{{Name: "B", Value: "1"}, {Name: "A", Value: "2"}},
				RequestHeaders:  []site.Header{{Name: "D", Value: "3"}, {Name: "C", Value: "4"}},
			},
		}
		other := site.Spec{
			Origin: &site.Origin{Targets: []site.Target{{Address: "1.1.1.1:80", Weight: 1}}},
			Routes: []site.Route{{PathPrefix: "/b/", Origin: *origin("1.1.1.1:83")}, {PathPrefix: "/longer/", Origin: *origin("1.1.1.1:82")}, {PathPrefix: "/a/", Origin: *origin("1.1.1.1:81")}},
			Options: site.Options{
				ResponseHeaders: []site.Header{{Name: "A", Value: "2"}, {Name: "B", Value: "1"}},
				RequestHeaders:  []site.Header{{Name: "C", Value: "4"}, {Name: "D", Value: "3"}},
			},
		}
		if diff := cmp.Diff(one.Normalize(), other.Normalize()); diff != "" {
			t.Errorf("they differ:\n%s", diff)
		}
	})
	t.Run("defaults are filled in", func(t *testing.T) {
		got := site.Spec{Redirect: &site.Redirect{BaseURL: "https://a.example"}}.Normalize()
		if got.Redirect.StatusCode != 308 {
			t.Errorf("status code is %d", got.Redirect.StatusCode)
		}
	})
	t.Run("longer prefixes come first", func(t *testing.T) {
		s := site.Spec{Routes: []site.Route{{PathPrefix: "/a/"}, {PathPrefix: "/a/b/"}, {PathPrefix: "/c/"}}}.Normalize()
		if s.Routes[0].PathPrefix != "/a/b/" || s.Routes[1].PathPrefix != "/a/" || s.Routes[2].PathPrefix != "/c/" {
			t.Errorf("routes are %v", s.Routes)
		}
	})
	t.Run("twice is once, and what was given stays as it was", rapid.MakeCheck(func(t *rapid.T) {
		s := specs.Draw(t, "spec")
		given, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		normal := s.Normalize()
		if diff := cmp.Diff(normal, normal.Normalize()); diff != "" {
			t.Errorf("a second time changes it:\n%s", diff)
		}
		normal.Origin.Targets[0].Address = "changed"
		for i := range normal.Routes {
			normal.Routes[i].Origin.Targets[0].Address = "changed"
		}
		if now, err := json.Marshal(s); err != nil || string(now) != string(given) {
			t.Errorf("given was %s, now it is %s (%v)", given, now, err)
		}
	}))
}

var (
	target = rapid.Custom(func(t *rapid.T) site.Target {
		return site.Target{Address: rapid.SampledFrom([]string{"1.1.1.1:80", "1.1.1.2:80"}).Draw(t, "address"), Weight: rapid.IntRange(0, 3).Draw(t, "weight")}
	})
	header = rapid.Custom(func(t *rapid.T) site.Header {
		return site.Header{Name: rapid.StringMatching(`[A-C]`).Draw(t, "name"), Value: rapid.StringMatching(`[a-c]`).Draw(t, "value")}
	})
	specs = rapid.Custom(func(t *rapid.T) site.Spec {
		return site.Spec{
			Origin: &site.Origin{Targets: rapid.SliceOfN(target, 1, 3).Draw(t, "targets")},
			Routes: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) site.Route {
				return site.Route{PathPrefix: rapid.StringMatching(`/([a-c]/){1,2}`).Draw(t, "prefix"), Origin: site.Origin{Targets: rapid.SliceOfN(target, 1, 2).Draw(t, "targets")}}
			}), 0, 4).Draw(t, "routes"),
			Options: site.Options{ResponseHeaders: rapid.SliceOfN(header, 0, 4).Draw(t, "headers")},
		}
	})
)

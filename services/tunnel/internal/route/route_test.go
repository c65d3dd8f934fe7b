package route

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
)

const zone = "z1"

func routes() []Route {
	return []Route{
		{Hostname: "a.example", Kind: KindRecord, ZoneID: zone},
		{Hostname: "b.example", Kind: KindCustomHostname},
	}
}

// The vectors are those that lifecycle reads, too: both sides say the same.
func TestDigest(t *testing.T) {
	raw, err := os.ReadFile("../../../../proto/siteplane/tunnel/v1/testdata/digest.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Routes []struct {
			Hostname string
			Kind     string
			ZoneID   string `json:"zone_id"`
		}
		Digest string
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) < 5 {
		t.Fatalf("%d vectors, error %v", len(vectors), err)
	}
	kinds := map[string]Kind{KindRecord.String(): KindRecord, KindCustomHostname.String(): KindCustomHostname}
	for _, v := range vectors {
		var routes []Route
		for _, r := range v.Routes {
			routes = append(routes, Route{Hostname: r.Hostname, Kind: kinds[r.Kind], ZoneID: r.ZoneID})
		}
		if got := Digest(routes); got != v.Digest {
			t.Errorf("digest of %v is %s, want %s", routes, got, v.Digest)
		}
	}
}

func TestDigest_tells_apart(t *testing.T) {
	seen := map[string][]Route{}
	for _, rs := range [][]Route{
		nil, routes(), routes()[:1], {routes()[1], routes()[0]},
		{{Hostname: "a.example", Kind: KindCustomHostname, ZoneID: zone}},
		{{Hostname: "a.example", Kind: KindRecord, ZoneID: "z2"}},
	} {
		if other, twice := seen[Digest(rs)]; twice {
			t.Errorf("%v and %v have the same digest", rs, other)
		}
		seen[Digest(rs)] = rs
	}
}

func TestSnapshot_Check(t *testing.T) {
	a, b := routes()[0], routes()[1]
	for _, tt := range []struct {
		name   string
		routes []Route
		digest string // "": the right one
		field  string // "": no problem
	}{
		{"none", nil, "", ""},
		{"two", routes(), "", ""},
		{"another digest", routes(), Digest(nil), "digest"},
		{"not sorted", []Route{b, a}, "", "routes[1].hostname"},
		{"twice", []Route{a, a}, "", "routes[1].hostname"},
		{"no hostname", []Route{{Kind: KindRecord, ZoneID: zone}}, "", "routes[0].hostname"},
		{"a wildcard", []Route{{Hostname: "*.example.com", Kind: KindRecord, ZoneID: zone}}, "", "routes[0].hostname"},
		{"JSON for a hostname", []Route{{Hostname: `a","service":"x`, Kind: KindRecord, ZoneID: zone}}, "", "routes[0].hostname"},
		{"upper case", []Route{{Hostname: "A.example", Kind: KindRecord, ZoneID: zone}}, "", "routes[0].hostname"},
		{"no kind", []Route{{Hostname: "a.example", ZoneID: zone}}, "", "routes[0].kind"},
		{"a record without zone", []Route{{Hostname: "a.example", Kind: KindRecord}}, "", "routes[0].zone_id"},
		{"a custom hostname with zone", []Route{{Hostname: "a.example", Kind: KindCustomHostname, ZoneID: zone}}, "", "routes[0].zone_id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.digest == "" {
				tt.digest = Digest(tt.routes)
			}
			err := Snapshot{Routes: tt.routes, Digest: tt.digest}.Check()
			var wrong *fault.Invalid
			if tt.field == "" && err != nil || tt.field != "" && (!errors.As(err, &wrong) || wrong.Field != tt.field) {
				t.Errorf("error is %v, want one for %q", err, tt.field)
			}
		})
	}
}

package id_test

import (
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

func TestNew(t *testing.T) {
	for prefix, generate := range map[string]func() string{
		"ten_":  func() string { return string(id.NewTenant()) },
		"key_":  func() string { return string(id.NewKey()) },
		"site_": func() string { return string(id.NewSite()) },
		"dom_":  func() string { return string(id.NewDomain()) },
		"edge_": func() string { return string(id.NewEdge()) },
		"op_":   func() string { return string(id.NewOperation()) },
	} {
		t.Run(prefix+" ids have their prefix and rise", func(t *testing.T) {
			last := ""
			for range 10_000 {
				next := generate()
				if suffix, ok := strings.CutPrefix(next, prefix); !ok || len(suffix) != 26 {
					t.Fatalf("got %q", next)
				}
				if next <= last {
					t.Fatalf("%q does not sort after %q", next, last)
				}
				last = next
			}
		})
	}
}

func TestParse(t *testing.T) {
	const suffix = "01h455vb4pex5vsknk084sn02q"
	for text, valid := range map[string]bool{
		"site_" + suffix:                  true,
		"edge_" + suffix:                  false,
		suffix:                            false,
		"site_":                           false,
		"":                                false,
		"site_" + strings.ToUpper(suffix): false,
		"site_" + suffix + "0":            false,
		"site_" + suffix[:25]:             false,
		"site_" + suffix[:25] + "u":       false, // not in the alphabet
		"site_" + suffix + "\n":           false,
		"site_../" + suffix:               false,
	} {
		if got, err := id.ParseSite(text); (err == nil) != valid || valid && string(got) != text {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	if _, err := id.ParseEdge("edge_" + suffix); err != nil {
		t.Error(err)
	}
	if _, err := id.ParseEdge("site_" + suffix); err == nil {
		t.Error("a site id is taken for an edge id")
	}
}

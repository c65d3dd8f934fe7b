package app_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// nginx puts names into hash tables, and warns of one that it cannot build, which
// refuses everything: many names of the greatest length must not do that to others.
func TestApply_many_long_names(t *testing.T) {
	e := startEdge(t)
	origin := startOrigin(t, "page")
	// Names that follow each other would not meet in the tables.
	long := func(number int) string {
		sum := sha256.Sum256([]byte{byte(number), byte(number >> 8)})
		label := hex.EncodeToString(sum[:])[:63]
		return fmt.Sprintf("%s.%s.%s.%s.com", label, label, label, label[:57])
	}
	var sites []*edgev1.Site
	for number := range 300 {
		sites = append(sites, newSite(number, origin, long(number)))
	}
	if len(long(7)) != 253 {
		t.Fatalf("the names have %d bytes", len(long(7)))
	}
	wantRejections(t, e.mustPut(1, sites...).GetRejected())
	e.wantStatus(long(299), "/", 200)
}

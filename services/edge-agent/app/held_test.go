package app_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"

	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// held lists what the edge holds, site to hostnames.
func (e *edge) held(sums [][]byte) (sites map[string]string, names int32, messages int) {
	e.t.Helper()
	stream, err := e.client.ListHeld(e.t.Context(), &edgev1.ListHeldRequest{BucketSums: sums})
	check(e.t, err)
	sites = map[string]string{}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return sites, names, messages
		}
		check(e.t, err)
		if messages++; messages == 1 {
			names = message.GetHostnameCount()
		}
		for _, site := range message.GetSites() {
			if _, twice := sites[site.GetSiteId()]; twice {
				e.t.Errorf("%s is there twice", site.GetSiteId())
			}
			sites[site.GetSiteId()] = strings.Join(site.GetHostnames(), " ")
		}
	}
}

func bucketSums(sites ...*edgev1.Site) [][]byte {
	set := digest.NewSet()
	for _, site := range sites {
		set.Put(site.GetSiteId(), snapshot.Sum(site))
	}
	sums := make([][]byte, 0, digest.Buckets)
	for bucket := range digest.Buckets {
		sum := set.Bucket(bucket)
		sums = append(sums, sum[:])
	}
	return sums
}

func TestListHeld(t *testing.T) {
	e := startEdge(t)
	e.sub("an edge that received nothing holds nothing", func(t *testing.T) {
		if sites, names, messages := e.held(nil); len(sites) != 0 || names != 0 || messages != 1 {
			t.Errorf("%d sites, %d names, %d messages", len(sites), names, messages)
		}
	})
	const many = 1200
	var sites []*edgev1.Site
	for number := range many {
		sites = append(sites, newSite(number, "127.0.0.1:9"))
	}
	sites[7].Hostnames = []string{"a.example.com", "b.example.com"}
	e.mustPut(1, sites...)
	e.sub("everything, without sums", func(t *testing.T) {
		held, names, messages := e.held(nil)
		if len(held) != many || held[siteID(7)] != "a.example.com b.example.com" || names != many+2 || messages != 3 {
			t.Errorf("%d sites, %d names, %d messages; site 7 has %s", len(held), names, messages, held[siteID(7)])
		}
	})
	e.sub("nothing, when all buckets are equal", func(t *testing.T) {
		if held, names, messages := e.held(bucketSums(sites...)); len(held) != 0 || names != many+2 || messages != 1 {
			t.Errorf("%d sites, %d names, %d messages", len(held), names, messages)
		}
	})
	e.sub("the bucket of a site that the caller lacks", func(t *testing.T) {
		held, _, _ := e.held(bucketSums(append(sites[:7:7], sites[8:]...)...))
		for id := range held {
			if digest.BucketOf(id) != digest.BucketOf(siteID(7)) {
				t.Errorf("%s is in another bucket", id)
			}
		}
		if held[siteID(7)] == "" {
			t.Errorf("listed are %v", held)
		}
	})
	e.sub("refuses another number of sums", func(t *testing.T) {
		stream, err := e.client.ListHeld(t.Context(), &edgev1.ListHeldRequest{BucketSums: make([][]byte, 3)})
		check(t, err)
		_, err = stream.Recv()
		wantReason(t, err, "InvalidArgument", "INVALID_FIELDS", "1024")
	})
}

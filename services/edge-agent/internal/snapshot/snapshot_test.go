package snapshot_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"

	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// vectors are shared with lifecycle, whose digests must be the same.
const vectors = "../../../../proto/siteplane/edge/v1/testdata/digest.json"

var update = flag.Bool("update", false, "write the sums of the vectors anew")

type vector struct {
	Site json.RawMessage `json:"site"`
	Sum  string          `json:"sum"`
}

func readVectors(t *testing.T) ([]vector, []*edgev1.Site) {
	t.Helper()
	data, err := os.ReadFile(vectors)
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	var sites []*edgev1.Site
	for _, vector := range list {
		site := new(edgev1.Site)
		if err := protojson.Unmarshal(vector.Site, site); err != nil {
			t.Fatal(err)
		}
		sites = append(sites, site)
	}
	return list, sites
}

func TestSum_vectors(t *testing.T) {
	list, sites := readVectors(t)
	if len(list) < 4 {
		t.Fatalf("%d vectors", len(list))
	}
	seen := map[string]bool{}
	for i := range list {
		sum := snapshot.Sum(sites[i])
		got := hex.EncodeToString(sum[:])
		if *update {
			list[i].Sum = got
		}
		if got != list[i].Sum {
			t.Errorf("vector %d: %s, want %s", i, got, list[i].Sum)
		}
		if seen[got] {
			t.Errorf("vector %d has the sum of another", i)
		}
		seen[got] = true
	}
	if *update {
		data, err := json.MarshalIndent(list, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectors, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func whole(t *testing.T, sites []*edgev1.Site) *snapshot.Snapshot {
	t.Helper()
	change := snapshot.Change{Fence: snapshot.Fence{Era: 1, Epoch: 2, Generation: 3}, Whole: true, Sites: sites, Digest: digestOf(sites)}
	made, err := snapshot.Next(nil, change)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestNext_deltas_lead_to_the_same_digest(t *testing.T) {
	_, sites := readVectors(t)
	base := whole(t, sites[:2])
	next, err := snapshot.Next(base, snapshot.Change{
		Removed: []string{sites[0].GetSiteId(), "site_unknown"}, Sites: sites[2:], Digest: digestOf(sites[1:]),
	})
	if err != nil {
		t.Fatal(err)
	}
	if next.Len() != len(sites)-1 || next.Digest() != whole(t, sites[1:]).Digest() {
		t.Errorf("%d sites, digest %s", next.Len(), next.Digest())
	}
	if base.Len() != 2 || base.Digest() != digestOf(sites[:2]) {
		t.Error("the base changed")
	}
}

func TestNext_asks_for_the_whole(t *testing.T) {
	_, sites := readVectors(t)
	if _, err := snapshot.Next(nil, snapshot.Change{Digest: snapshot.Empty().Digest()}); !errors.Is(err, snapshot.ErrNeeded) {
		t.Errorf("a delta without a base: %v", err)
	}
	if _, err := snapshot.Next(nil, snapshot.Change{Whole: true, Sites: sites, Digest: digestOf(sites[1:])}); !errors.Is(err, snapshot.ErrNeeded) {
		t.Errorf("another digest: %v", err)
	}
}

func TestFence_Compare(t *testing.T) {
	f := func(era, epoch, generation uint64) snapshot.Fence {
		return snapshot.Fence{Era: era, Epoch: epoch, Generation: generation}
	}
	ordered := []snapshot.Fence{f(0, 0, 0), f(0, 0, 9), f(0, 1, 0), f(0, 2, 1), f(1, 0, 0), f(1, 0, 1), f(1, 1, 0), f(2, 0, 0)}
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%s to %s: %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestStore_keeps_the_last_good_snapshot(t *testing.T) {
	_, sites := readVectors(t)
	store, err := snapshot.NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if loaded, err := store.Load(); loaded.Snapshot != nil || err != nil {
		t.Fatalf("empty store: %v, %v", loaded, err)
	}
	saved := whole(t, sites)
	rejected := []snapshot.Rejection{{SiteID: "site_1", Revision: 7, Message: "no", Kept: 6}, {SiteID: "site_2", Revision: 1}}
	for _, rejected := range [][]snapshot.Rejection{rejected, nil} {
		if err := store.Save("edge_1", snapshot.Proved{Snapshot: saved, Rejected: rejected}); err != nil {
			t.Fatal(err)
		}
		loaded, err := store.Load()
		if err != nil || loaded.At.IsZero() {
			t.Fatal(loaded.At, err)
		}
		if loaded.Snapshot.Fence() != saved.Fence() || loaded.Snapshot.Digest() != saved.Digest() || !slices.Equal(loaded.Rejected, rejected) {
			t.Errorf("loaded %v %s %v", loaded.Snapshot.Fence(), loaded.Snapshot.Digest(), loaded.Rejected)
		}
		for i, site := range loaded.Snapshot.Sites() {
			if !proto.Equal(site, saved.Sites()[i]) {
				t.Errorf("site %d is %v", i, site)
			}
		}
	}
}

// An agent without rejections reads requests only: what comes after them must be
// one without a part.
func TestStore_is_read_by_agents_that_know_no_rejections(t *testing.T) {
	_, sites := readVectors(t)
	dir := t.TempDir()
	store, err := snapshot.NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	rejected := []snapshot.Rejection{{SiteID: "site_1", Revision: 7, Message: "no", Kept: 6}}
	if err := store.Save("edge_1", snapshot.Proved{Snapshot: whole(t, sites), Rejected: rejected}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "last_good.pb"))
	if err != nil {
		t.Fatal(err)
	}
	reader, parts := bytes.NewReader(data), []string{}
	for reader.Len() > 0 {
		var message edgev1.ApplyRequest
		if err := protodelim.UnmarshalFrom(reader, &message); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, fmt.Sprintf("%T", message.GetPart()))
	}
	if got := strings.Join(parts, " "); got != "*edgev1.ApplyRequest_Header *edgev1.ApplyRequest_Sites <nil>" {
		t.Errorf("the file holds %s", got)
	}
}

func TestSnapshot_With(t *testing.T) {
	_, sites := readVectors(t)
	base := whole(t, sites[:3])
	other := proto.CloneOf(sites[1])
	other.Revision += 5
	next := base.With(map[string]*edgev1.Site{sites[0].GetSiteId(): nil, other.GetSiteId(): other, sites[3].GetSiteId(): sites[3]})
	if want := digestOf([]*edgev1.Site{other, sites[2], sites[3]}); next.Digest() != want || next.Len() != 3 || next.Fence() != base.Fence() {
		t.Errorf("%d sites, fence %s, digest %s, want %s", next.Len(), next.Fence(), next.Digest(), want)
	}
	if base.Digest() != digestOf(sites[:3]) || base.Site(other.GetSiteId()) != sites[1] {
		t.Error("the base changed")
	}
	want := []string{other.GetSiteId(), sites[3].GetSiteId()}
	slices.Sort(want)
	if changed := next.Changed(base); !slices.Equal(changed, want) {
		t.Errorf("changed are %v, want %v", changed, want)
	}
}

func TestSnapshot_Differing(t *testing.T) {
	_, sites := readVectors(t)
	held, ours := whole(t, sites), digest.NewSet()
	for _, site := range sites[1:] {
		ours.Put(site.GetSiteId(), snapshot.Sum(site))
	}
	var sums [][]byte
	for bucket := range digest.Buckets {
		sum := ours.Bucket(bucket)
		sums = append(sums, sum[:])
	}
	if got := held.Differing(sums); len(got) != 1 || got[0] != sites[0] {
		t.Errorf("differing are %v, want the one that the sums lack", got)
	}
	if got := held.Differing(nil); len(got) != len(sites) {
		t.Errorf("without sums %d sites, want %d", len(got), len(sites))
	}
}

func TestStore_remembers_a_higher_caller(t *testing.T) {
	store, err := snapshot.NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct{ before, raise, want snapshot.Fence }{
		{snapshot.Fence{}, snapshot.Fence{Epoch: 4, Generation: 9}, snapshot.Fence{Epoch: 4, Generation: 9}},
		// The same caller: the last good snapshot remembers its generations.
		{snapshot.Fence{Epoch: 4, Generation: 9}, snapshot.Fence{Epoch: 4, Generation: 10}, snapshot.Fence{Epoch: 4, Generation: 9}},
		{snapshot.Fence{Epoch: 4, Generation: 10}, snapshot.Fence{Era: 1}, snapshot.Fence{Era: 1}},
	}
	for _, step := range steps {
		if err := store.Raise(step.before, step.raise); err != nil {
			t.Fatal(err)
		}
		if seen, err := store.Seen(); seen != step.want || err != nil {
			t.Errorf("after %s: %s, %v, want %s", step.raise, seen, err, step.want)
		}
	}
}

func digestOf(sites []*edgev1.Site) string {
	set := digest.NewSet()
	for _, site := range sites {
		set.Put(site.GetSiteId(), snapshot.Sum(site))
	}
	return set.Digest()
}

package apply

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

func siteID(number int) string { return fmt.Sprintf("site_01h455vb4pex5vsknk084s%04d", number) }

// siteAt is a site at a revision, with a hostname of its own unless others are
// given.
func siteAt(number int, revision int64, hostnames ...string) *edgev1.Site {
	if hostnames == nil {
		hostnames = []string{fmt.Sprintf("s%d.example.com", number)}
	}
	return &edgev1.Site{SiteId: siteID(number), Revision: revision, Hostnames: hostnames, Spec: &edgev1.Spec{
		Backend: &edgev1.Spec_Origin{Origin: &edgev1.Origin{Targets: []*edgev1.Target{{Address: fmt.Sprintf("127.0.0.1:%d", revision)}}}},
	}}
}

func snapshotOf(t *testing.T, sites ...*edgev1.Site) *snapshot.Snapshot {
	t.Helper()
	set := digest.NewSet()
	for _, site := range sites {
		set.Put(site.GetSiteId(), snapshot.Sum(site))
	}
	made, err := snapshot.Next(nil, snapshot.Change{Whole: true, Sites: sites, Digest: set.Digest()})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// manySites are n sites at a revision.
func manySites(n int, revision int64) []*edgev1.Site {
	sites := make([]*edgev1.Site, 0, n)
	for number := range n {
		sites = append(sites, siteAt(number, revision))
	}
	return sites
}

// judge refuses snapshots that hold every site of one of its sets at revision 2,
// as nginx does when two sites do not go together.
type judge struct {
	sets  [][]int
	tests int
}

func (j *judge) test(next *snapshot.Snapshot) error {
	j.tests++
	for _, set := range j.sets {
		if !slices.ContainsFunc(set, func(number int) bool { return next.Site(siteID(number)).GetRevision() != 2 }) {
			return &nginx.RejectedError{Reason: "[emerg] no in /etc/x:3"}
		}
	}
	return nil
}

func describe(t *trial) string {
	var texts []string
	for _, r := range t.rejected {
		texts = append(texts, fmt.Sprintf("%s@%d>%d", strings.TrimLeft(r.SiteID[len(r.SiteID)-4:], "0"), r.Revision, r.Kept))
	}
	return strings.Join(texts, " ")
}

func TestTrial_isolate(t *testing.T) {
	refusal := &nginx.RejectedError{Reason: "[emerg] no"}
	t.Run("keeps the revision of before, leaves a new site out, takes the others", func(t *testing.T) {
		held := snapshotOf(t, manySites(6, 1)...)
		trial := newTrial(held, snapshotOf(t, manySites(9, 2)...))
		if err := trial.isolate(refusal, (&judge{sets: [][]int{{3}, {7}}}).test); err != nil {
			t.Fatal(err)
		}
		if got := describe(trial); got != "3@2>1 7@2>0" {
			t.Errorf("rejected are %s", got)
		}
		for number := range 9 {
			want := map[int]int64{3: 1, 7: 0}
			revision, special := want[number]
			if !special {
				revision = 2
			}
			if got := trial.next.Site(siteID(number)).GetRevision(); got != revision {
				t.Errorf("site %d has revision %d, want %d", number, got, revision)
			}
		}
		if why := trial.rejected[0].Message; why != "nginx refuses it: no" {
			t.Errorf("the message is %q", why)
		}
	})
	t.Run("keeps the old spec under the hostnames of now", func(t *testing.T) {
		trial := newTrial(snapshotOf(t, siteAt(1, 1, "moves.example.com"), siteAt(2, 1)),
			snapshotOf(t, siteAt(1, 2, "new.example.com"), siteAt(2, 1, "moves.example.com")))
		if err := trial.isolate(refusal, (&judge{sets: [][]int{{1}}}).test); err != nil {
			t.Fatal(err)
		}
		if site := trial.next.Site(siteID(1)); site.GetRevision() != 1 || !slices.Equal(site.GetHostnames(), []string{"new.example.com"}) {
			t.Errorf("held is %v", site)
		}
		if site := trial.next.Site(siteID(2)); !slices.Equal(site.GetHostnames(), []string{"moves.example.com"}) {
			t.Errorf("the name did not move: %v", site)
		}
	})
	t.Run("blames the later of two that are refused together", func(t *testing.T) {
		trial := newTrial(snapshotOf(t), snapshotOf(t, manySites(20, 2)...))
		if err := trial.isolate(refusal, (&judge{sets: [][]int{{4, 13}}}).test); err != nil {
			t.Fatal(err)
		}
		if got := describe(trial); got != "13@2>0" {
			t.Errorf("rejected are %s", got)
		}
	})
	t.Run("blames nobody when what was held is refused too", func(t *testing.T) {
		next := snapshotOf(t, manySites(3, 2)...)
		trial := newTrial(snapshotOf(t, manySites(3, 1)...), next)
		err := trial.isolate(refusal, func(*snapshot.Snapshot) error { return refusal })
		if !errors.Is(err, refusal) || len(trial.rejected) > 0 || trial.next != next {
			t.Errorf("got %v, rejected %v", err, trial.rejected)
		}
	})
	t.Run("blames nobody when nginx could not judge", func(t *testing.T) {
		judge := &judge{sets: [][]int{{5}}}
		trial := newTrial(snapshotOf(t), snapshotOf(t, manySites(9, 2)...))
		err := trial.isolate(refusal, func(next *snapshot.Snapshot) error {
			if err := judge.test(next); judge.tests < 3 {
				return err
			}
			return &nginx.UntestedError{Reason: "no space left"}
		})
		if untested := new(nginx.UntestedError); !errors.As(err, &untested) || len(trial.rejected) > 0 {
			t.Errorf("got %v, rejected %v", err, trial.rejected)
		}
	})
	t.Run("blames nobody when the sites pass the second time", func(t *testing.T) {
		trial := newTrial(snapshotOf(t, manySites(3, 1)...), snapshotOf(t, manySites(3, 1)...))
		if err := trial.isolate(refusal, (&judge{}).test); err != nil || len(trial.rejected) > 0 {
			t.Errorf("got %v, rejected %v", err, trial.rejected)
		}
	})
}

// F33: whoever is to blame is found in few tests, and nobody else is.
func TestTrial_isolate_finds_any_sites(t *testing.T) {
	for range 200 {
		n, held := 1+rand.IntN(200), snapshotOf(t, manySites(rand.IntN(50), 1)...)
		bad := rand.Perm(n)[:min(n, 1+rand.IntN(5))]
		slices.Sort(bad)
		judge := &judge{}
		var want []string
		for _, number := range bad {
			judge.sets = append(judge.sets, []int{number})
			kept := int64(0)
			if held.Site(siteID(number)) != nil {
				kept = 1
			}
			want = append(want, fmt.Sprintf("%s@2>%d", strings.TrimLeft(fmt.Sprintf("%04d", number), "0"), kept))
		}
		trial := newTrial(held, snapshotOf(t, manySites(n, 2)...))
		if err := trial.isolate(&nginx.RejectedError{}, judge.test); err != nil {
			t.Fatal(err)
		}
		if got := describe(trial); got != strings.Join(want, " ") {
			t.Fatalf("rejected are %s, want %s", got, want)
		}
		if most := len(bad)*(bits.Len(uint(n-1))+1) + 1; judge.tests > most {
			t.Errorf("%d tests for %d of %d, want at most %d", judge.tests, len(bad), n, most)
		}
		if err := judge.test(trial.next); err != nil {
			t.Errorf("what is left is refused: %v", err)
		}
	}
}

func TestTrial_isolate_stops_when_its_tests_are_spent(t *testing.T) {
	next, judge := snapshotOf(t, manySites(1000, 2)...), &judge{}
	for number := range 1000 {
		if number%20 == 7 {
			judge.sets = append(judge.sets, []int{number})
		}
	}
	held, known := snapshotOf(t, manySites(1000, 1)...), map[string]bool{}
	for applies := 1; ; applies++ {
		trial := newTrial(held, next)
		judge.tests = 0
		if err := trial.isolate(&nginx.RejectedError{}, judge.test); err != nil {
			t.Fatal(err)
		}
		if judge.tests > mostTests || judge.test(trial.next) != nil {
			t.Fatalf("%d tests, and then %v", judge.tests, judge.test(trial.next))
		}
		for _, rejection := range trial.rejected {
			known[rejection.SiteID] = true
		}
		// Whoever sends learns what is rejected, and sends it no more.
		held = trial.next
		for id := range known {
			next = next.With(map[string]*edgev1.Site{id: held.Site(id)})
		}
		if held.Digest() == next.Digest() {
			break
		}
		if applies > 20 {
			t.Fatal("it does not come to an end")
		}
	}
	if len(known) != len(judge.sets) {
		t.Errorf("%d sites were rejected, want %d", len(known), len(judge.sets))
	}
}

func TestTrial_settle(t *testing.T) {
	held := snapshotOf(t, siteAt(1, 1, "a.example.com"), siteAt(5, 1, "b.example.com", "c.example.com"))
	for name, c := range map[string]struct {
		next []*edgev1.Site
		want string
		// names are those that site 1 and site 5 hold afterwards.
		names [2]string
	}{
		"a new site takes a name that is held": {
			[]*edgev1.Site{siteAt(0, 1, "b.example.com"), siteAt(1, 2, "a.example.com"), siteAt(5, 2, "b.example.com", "c.example.com")},
			"@1>0", [2]string{"a.example.com", "b.example.com c.example.com"},
		},
		"two sites take a new name": {
			[]*edgev1.Site{siteAt(1, 2, "a.example.com", "n.example.com"), siteAt(5, 2, "b.example.com", "n.example.com")},
			"5@2>1", [2]string{"a.example.com n.example.com", "b.example.com"},
		},
		"a name moves while its taker is invalid otherwise": {
			[]*edgev1.Site{siteAt(1, 2, "a.example.com", "b.example.com", "x;y"), siteAt(5, 2, "c.example.com")},
			"1@2>1", [2]string{"a.example.com b.example.com", "c.example.com"},
		},
		"all is well": {
			[]*edgev1.Site{siteAt(1, 2, "b.example.com"), siteAt(5, 2, "a.example.com")}, "", [2]string{"b.example.com", "a.example.com"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			trial := newTrial(held, snapshotOf(t, c.next...))
			if trial.settle() != (c.want != "") || describe(trial) != c.want {
				t.Errorf("rejected are %s, want %s", describe(trial), c.want)
			}
			for i, number := range []int{1, 5} {
				if got := strings.Join(trial.next.Site(siteID(number)).GetHostnames(), " "); got != c.names[i] {
					t.Errorf("site %d holds %s, want %s", number, got, c.names[i])
				}
			}
			for _, rejection := range trial.rejected {
				if strings.Contains(rejection.Message, "example.com") || strings.Contains(rejection.Message, "site_") || strings.Contains(rejection.Message, "x;y") {
					t.Errorf("message %q names somebody's values", rejection.Message)
				}
			}
		})
	}
}

// weedAll weeds until nothing is found.
func weedAll(t *testing.T, trial *trial, test func(*snapshot.Snapshot) error) {
	t.Helper()
	for found := true; found; {
		var err error
		if found, err = trial.weed(test); err != nil {
			t.Fatal(err)
		}
	}
}

// F33: sites that are refused alone are found without a test of everything.
func TestTrial_weed(t *testing.T) {
	held := snapshotOf(t, manySites(5, 1)...)
	t.Run("finds each that is refused alone, in small tests", func(t *testing.T) {
		judge, asked := &judge{sets: [][]int{{3}, {777}}}, 0
		trial := newTrial(held, snapshotOf(t, manySites(1000, 2)...))
		weedAll(t, trial, func(next *snapshot.Snapshot) error {
			asked += next.Len()
			return judge.test(next)
		})
		if got := describe(trial); got != "3@2>1 777@2>0" {
			t.Errorf("rejected are %s", got)
		}
		if asked > 3*1000 || trial.next.Len() != 999 {
			t.Errorf("%d sites were asked about, %d are left", asked, trial.next.Len())
		}
	})
	for name, c := range map[string]struct{ bad, most int }{
		"asks first about sites with other options than before": {777, 4},
		"and about all where the likely ones are not to blame":  {500, 14},
	} {
		t.Run(name, func(t *testing.T) {
			judge := &judge{sets: [][]int{{c.bad}}}
			sites := manySites(1000, 2)
			sites[777].Spec.Options = &edgev1.Options{Websocket: true}
			trial := newTrial(snapshotOf(t, manySites(1000, 1)...), snapshotOf(t, sites...))
			found, err := trial.weed(judge.test)
			if want := fmt.Sprintf("%d@2>1", c.bad); err != nil || !found || describe(trial) != want {
				t.Fatalf("rejected are %s, %v, want %s", describe(trial), err, want)
			}
			if judge.tests > c.most {
				t.Errorf("%d tests, at most %d should be", judge.tests, c.most)
			}
		})
	}
	for name, sets := range map[string][][]int{
		"leaves those that are refused together": {{3, 4}, {4, 800}},
		"blames nobody who is not refused":       {},
	} {
		t.Run(name, func(t *testing.T) {
			trial := newTrial(held, snapshotOf(t, manySites(1000, 2)...))
			weedAll(t, trial, (&judge{sets: sets}).test)
			if len(trial.rejected) > 0 || trial.next.Len() != 1000 {
				t.Errorf("rejected are %s", describe(trial))
			}
		})
	}
	t.Run("blames nobody when nginx refuses whatever it is", func(t *testing.T) {
		trial := newTrial(held, snapshotOf(t, manySites(1000, 2)...))
		weedAll(t, trial, func(*snapshot.Snapshot) error { return &nginx.RejectedError{} })
		if len(trial.rejected) > 0 {
			t.Errorf("rejected are %s", describe(trial))
		}
	})
	t.Run("leaves tests for the rest of the search", func(t *testing.T) {
		judge := &judge{}
		for number := range 1000 {
			judge.sets = append(judge.sets, []int{number})
		}
		trial := newTrial(held, snapshotOf(t, manySites(1000, 2)...))
		weedAll(t, trial, judge.test)
		if len(trial.rejected) == 0 || judge.tests > mostWeeding {
			t.Errorf("%d rejected in %d tests", len(trial.rejected), judge.tests)
		}
	})
	t.Run("blames nobody when nginx could not judge", func(t *testing.T) {
		trial := newTrial(held, snapshotOf(t, manySites(9, 2)...))
		found, err := trial.weed(func(*snapshot.Snapshot) error { return &nginx.UntestedError{Reason: "no space left"} })
		if untested := new(nginx.UntestedError); found || !errors.As(err, &untested) || len(trial.rejected) > 0 {
			t.Errorf("got %t, %v", found, err)
		}
	})
}

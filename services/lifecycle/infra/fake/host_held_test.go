package fake_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// Ten sites with two names each: a hostname and the internal one.
func ten() (sites []desired.EdgeSite) {
	for i := range 10 {
		sites = append(sites, edgeSite(id.Site(fmt.Sprintf("site_%d", i)), 1, "Good", fmt.Sprintf("n%d.example", i)))
	}
	return sites
}

func TestHost_guard(t *testing.T) {
	all := ten()
	op := map[id.Site]string{"site_9": "op_9"}
	for name, tt := range map[string]struct {
		change func(s *sender) infra.EdgeUpdate
		held   []string
	}{
		"two sites with four names go unexplained": {func(s *sender) infra.EdgeUpdate { return s.update(all[:8]...) }, nil},
		"three sites with six names are held": {func(s *sender) infra.EdgeUpdate { return s.update(all[:7]...) }, []string{
			"n7.example", "n8.example", "n9.example", "site_7.site.internal", "site_8.site.internal", "site_9.site.internal",
		}},
		"one of three is explained": {func(s *sender) infra.EdgeUpdate {
			update := s.update(all[:7]...)
			update.Explanations = op
			return update
		}, nil},
		"one of three has no operation": {func(s *sender) infra.EdgeUpdate {
			update := s.update(all[:7]...)
			update.Explanations = map[id.Site]string{"site_9": ""}
			return update
		}, []string{"n7.example", "n8.example", "n9.example", "site_7.site.internal", "site_8.site.internal", "site_9.site.internal"}},
		"a delta says why": {func(s *sender) infra.EdgeUpdate {
			update := s.update(all[:9]...)
			update.Whole, update.Sites, update.Removals = false, nil, op
			return update
		}, nil},
		"a delta that removes three does not": {func(s *sender) infra.EdgeUpdate {
			update := s.update(all[:7]...)
			update.Whole, update.Sites, update.Removals = false, nil, map[id.Site]string{"site_7": "", "site_8": "", "site_9": "op_9"}
			return update
		}, nil},
		"hostnames that move to another site do not go": {func(s *sender) infra.EdgeUpdate {
			moved := slices.Clone(all)
			for i := range moved {
				moved[i].Hostnames = all[9-i].Hostnames
			}
			return s.update(moved...)
		}, nil},
		"six sites that lose their hostnames are held": {func(s *sender) infra.EdgeUpdate {
			bare := slices.Clone(all)
			for i := range 6 {
				bare[i].Hostnames = nil
			}
			return s.update(bare...)
		}, []string{"n0.example", "n1.example", "n2.example", "n3.example", "n4.example", "n5.example"}},
		"everything at once, and all but one explained": {func(s *sender) infra.EdgeUpdate {
			update := s.update()
			update.Explanations = map[id.Site]string{}
			for _, one := range all[1:] {
				update.Explanations[one.SiteID] = "op_1"
			}
			return update
		}, []string{"n0.example", "site_0.site.internal"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(t)
			s.must(all...)
			update := tt.change(s)
			_, err := s.send(update)
			var held *infra.HeldError
			if errors.As(err, &held) != (tt.held != nil) || err != nil && tt.held == nil {
				t.Fatalf("got %v", err)
			}
			if tt.held == nil {
				return
			}
			if diff := cmp.Diff(tt.held, held.Names); diff != "" || held.Held != 20 || held.Message == "" || s.state().Digest != setOf(all...).Digest() {
				t.Errorf("got %+v (-want +got):\n%s", held, diff)
			}
			update.ConfirmedHold = "hold_1"
			if _, err := s.send(update); !errors.As(err, &held) {
				t.Errorf("another hold confirms it: %v", err)
			}
			update.ConfirmedHold = held.ID
			if _, err := s.send(update); err != nil || s.state().Digest != update.Digest {
				t.Errorf("confirmed, and still: %v", err)
			}
		})
	}
	t.Run("a site that is refused does not go", func(t *testing.T) {
		s := newSender(t)
		s.must(all...)
		s.Reject("Poison", "too long")
		worse := slices.Clone(all)
		for i := range worse {
			worse[i] = edgeSite(all[i].SiteID, 2, "Poison", all[i].Hostnames...)
		}
		if proof := s.must(worse...); len(proof.Rejected) != 10 || proof.Digest != setOf(all...).Digest() {
			t.Errorf("proved %+v", proof)
		}
	})
}

func TestEdges_ListHeld(t *testing.T) {
	all := ten()
	s := newSender(t)
	s.must(all...)
	sums := func(sites ...desired.EdgeSite) (out [][]byte) {
		set := setOf(sites...)
		for i := range digest.Buckets {
			sum := set.Bucket(i)
			out = append(out, sum[:])
		}
		return out
	}
	changed := slices.Clone(all)
	changed[3].Revision++
	for name, tt := range map[string]struct {
		sums [][]byte
		want []id.Site
	}{
		"all of it without sums":        {nil, []id.Site{"site_0", "site_1", "site_2", "site_3", "site_4", "site_5", "site_6", "site_7", "site_8", "site_9"}},
		"nothing where nothing differs": {sums(all...), nil},
		"what the caller lacks":         {sums(all[:8]...), []id.Site{"site_8", "site_9"}},
		"what the caller has otherwise": {sums(changed...), []id.Site{"site_3"}},
	} {
		t.Run(name, func(t *testing.T) {
			held, err := s.edges.ListHeld(t.Context(), edgeID, tt.sums)
			if got := slices.Sorted(maps.Keys(held.Sites)); err != nil || !slices.Equal(got, tt.want) || held.Hostnames != 20 {
				t.Errorf("got %v of %d, %v", got, held.Hostnames, err)
			}
			for siteID, hostnames := range held.Sites {
				if want := []string{"n" + string(siteID)[5:] + ".example"}; !slices.Equal(hostnames, want) {
					t.Errorf("%s has %v", siteID, hostnames)
				}
			}
		})
	}
	t.Run("a host that never received anything holds nothing", func(t *testing.T) {
		if held, err := newSender(t).edges.ListHeld(t.Context(), edgeID, nil); err != nil || len(held.Sites) != 0 || held.Hostnames != 0 {
			t.Errorf("got %+v, %v", held, err)
		}
	})
	t.Run("an edge that is away, and sums of something else, give no answer", func(t *testing.T) {
		if _, err := s.edges.ListHeld(t.Context(), edgeID, sums()[:5]); !down(err) {
			t.Errorf("five sums: %v", err)
		}
		s.SetDown(true)
		if held, err := s.edges.ListHeld(t.Context(), edgeID, nil); !down(err) || held.Sites != nil {
			t.Errorf("down: %+v, %v", held, err)
		}
	})
}

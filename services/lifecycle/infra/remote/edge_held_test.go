package remote_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

func TestEdges_ListHeld(t *testing.T) {
	t.Run("collects what comes in several messages", func(t *testing.T) {
		a := &agent{held: []*edgev1.ListHeldResponse{
			{HostnameCount: 12, Sites: []*edgev1.HeldSite{{SiteId: "site_1", Hostnames: []string{"a.example", "b.example"}}}},
			{Sites: []*edgev1.HeldSite{{SiteId: "site_2"}}},
		}}
		sums := [][]byte{{1}, {2}}
		got, err := setup(t, a).ListHeld(t.Context(), edgeID, sums)
		want := infra.Held{Sites: map[id.Site][]string{"site_1": {"a.example", "b.example"}, "site_2": nil}, Hostnames: 12}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff(sums, a.sums); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
	})
	t.Run("a list that breaks off is none", func(t *testing.T) {
		for err, after := range map[error]time.Duration{
			status.Error(codes.Unavailable, "x"):                                              0,
			rpcerr.New(codes.ResourceExhausted, "NEW", "x", rpcerr.RetryAfter(3*time.Second)): 3 * time.Second,
		} {
			a := &agent{held: []*edgev1.ListHeldResponse{{HostnameCount: 2, Sites: []*edgev1.HeldSite{{SiteId: "site_1"}}}}, err: err}
			if got, err := setup(t, a).ListHeld(t.Context(), edgeID, nil); !unavailable(after)(err) || got.Sites != nil || got.Hostnames != 0 {
				t.Errorf("got %+v, %v", got, err)
			}
		}
	})
	t.Run("a list without end is cut", func(t *testing.T) {
		a := &agent{}
		many := make([]string, 20_000)
		for i := range many {
			many[i] = fmt.Sprintf("n%d.example", i)
		}
		for range 51 {
			a.held = append(a.held, &edgev1.ListHeldResponse{Sites: []*edgev1.HeldSite{{SiteId: "site_1", Hostnames: many}}})
		}
		_, err := setup(t, a).ListHeld(t.Context(), edgeID, nil)
		var e *infra.UnavailableError
		if !errors.As(err, &e) || e.Err.Error() != "its list names more than 1000000 sites and hostnames" {
			t.Errorf("got %v", err)
		}
	})
}

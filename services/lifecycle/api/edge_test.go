package api_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

func TestInfrastructureService_GetEdge(t *testing.T) {
	s, edgeID, _ := troubled(t)
	ctx := as(t, s.keyOf[auth.PlatformAdmin])
	joined, ends := s.world.Clock.Now().Add(-time.Hour), s.world.Clock.Now().Add(time.Hour)
	s.world.Update(func(ctx context.Context, tx store.Tx) error {
		e, err := tx.GetEdge(ctx, s.world.EdgeIDs()[0])
		if err != nil {
			return err
		}
		e.Labels, e.Certificate = edge.Labels{"region": "eu"}, edge.Certificate{Serial: "1", JoinedAt: joined, ExpiresAt: ends}
		return tx.DescribeEdge(ctx, e)
	})
	s.world.Host().Hurt("the master was gone")
	get := func() *lifecyclev1.GetEdgeResponse {
		t.Helper()
		got, err := s.infra.GetEdge(ctx, &lifecyclev1.GetEdgeRequest{EdgeId: edgeID})
		s.must(err)
		return got
	}
	t.Run("shows all of it", func(t *testing.T) {
		got := get()
		e, look := got.GetEdge(), got.GetLook()
		if e.GetEdgeId() != edgeID || e.GetLabels()["region"] != "eu" || e.GetState() != lifecyclev1.EdgeState_EDGE_STATE_JOINED || !e.GetJoinTime().AsTime().Equal(joined) ||
			!e.GetCertificateExpireTime().AsTime().Equal(ends) || e.GetEvictTime() != nil || e.GetRendererVersion() == "" || len(e.GetPins()) != 1 {
			t.Errorf("the edge is %v", e)
		}
		if look.GetUnreachable() != "" || look.GetRunningGeneration() != e.GetGeneration() || !look.GetIntact() || look.GetSiteCount() != 1 {
			t.Errorf("the look is %v", look)
		}
		if i := look.GetIncidents(); len(i) != 1 || i[0].GetKind() == "" || i[0].GetDetail() != "the master was gone" || i[0].GetTime() == nil {
			t.Errorf("the incidents are %v", i)
		}
	})
	t.Run("says why a host could not be asked", func(t *testing.T) {
		s.world.Host().SetDown(true)
		defer s.world.Host().SetDown(false)
		if got := get(); got.GetLook().GetUnreachable() == "" || got.GetEdge().GetEdgeId() != edgeID {
			t.Errorf("got %v", got)
		}
	})
	t.Run("knows no other", func(t *testing.T) {
		_, err := s.infra.GetEdge(ctx, &lifecyclev1.GetEdgeRequest{EdgeId: "edge_unknown"})
		wantError(t, err, codes.NotFound, "NOT_FOUND")
	})
	t.Run("shows an evicted one without a look", func(t *testing.T) {
		s.world.Evict(s.world.EdgeIDs()[0])
		if got := get(); got.GetLook() != nil || got.GetEdge().GetState() != lifecyclev1.EdgeState_EDGE_STATE_EVICTED || got.GetEdge().GetEvictTime() == nil {
			t.Errorf("got %v", got)
		}
		_, err := s.infra.PreviewEdge(ctx, &lifecyclev1.PreviewEdgeRequest{EdgeId: edgeID})
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
		_, err = s.infra.RebuildEdge(ctx, &lifecyclev1.RebuildEdgeRequest{EdgeId: edgeID})
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
	})
}

func TestInfrastructureService_PreviewEdge_and_RebuildEdge(t *testing.T) {
	s := setup(t)
	s.create("Shop")
	s.world.Settle()
	ctx := as(t, s.keyOf[auth.PlatformAdmin])
	edgeID := string(s.world.EdgeIDs()[0])
	preview := func() *lifecyclev1.PreviewEdgeResponse {
		t.Helper()
		got, err := s.infra.PreviewEdge(ctx, &lifecyclev1.PreviewEdgeRequest{EdgeId: edgeID})
		s.must(err)
		return got
	}
	if got := preview(); len(got.GetFiles()) != 0 || got.GetSiteCount() != 0 {
		t.Errorf("nothing waits, and the preview is %v", got)
	}
	_, err := s.infra.RebuildEdge(ctx, &lifecyclev1.RebuildEdgeRequest{EdgeId: edgeID})
	s.must(err)
	got := preview()
	if f := got.GetFiles(); len(f) != 1 || f[0].GetPath() != "generation" || f[0].GetDiff() == "" || f[0].GetAdded() != 1 || f[0].GetRemoved() != 1 || f[0].GetTruncated() ||
		got.GetSiteCount() != 1 || len(got.GetSiteIds()) != 1 {
		t.Errorf("the preview is %v", got)
	}
	s.world.Settle()
	if got := preview(); len(got.GetFiles()) != 0 {
		t.Errorf("it was rebuilt, and the preview is %v", got)
	}
	s.world.Host().SetDown(true)
	_, err = s.infra.PreviewEdge(ctx, &lifecyclev1.PreviewEdgeRequest{EdgeId: edgeID})
	wantError(t, err, codes.Unavailable, "UNAVAILABLE")
}

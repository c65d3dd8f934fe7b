package api_test

import (
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

func TestSiteService_RollbackSite(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	siteID := s.create("Shop")
	s.world.Settle()
	first := s.got(siteID)
	_, err := s.sites.UpdateSite(ctx, masked(&lifecyclev1.Site{SiteId: siteID, Spec: websocketSpec()}, "spec"))
	s.must(err)
	s.world.Settle()
	t.Run("not of a version that was seen before", func(t *testing.T) {
		before := s.changes()
		for _, etag := range []string{first.GetEtag(), "0", "-1", "no etag", "zz"} {
			_, err := s.sites.RollbackSite(ctx, &lifecyclev1.RollbackSiteRequest{SiteId: siteID, Revision: 1, Etag: etag})
			wantError(t, err, codes.Aborted, "LOST_RACE")
		}
		wantRefused(t, s.call("POST", "/v1/sites/"+siteID+":rollback", s.keyOf[auth.Operator], `{"revision": "1", "etag": "zz"}`), http.StatusConflict, "10", "LOST_RACE")
		if after := s.changes(); after != before {
			t.Errorf("before there were %+v, then %+v", before, after)
		}
	})
	t.Run("not to what never was", func(t *testing.T) {
		_, err := s.sites.RollbackSite(ctx, &lifecyclev1.RollbackSiteRequest{SiteId: siteID, Revision: 7})
		wantError(t, err, codes.NotFound, "NOT_FOUND")
		_, err = s.sites.RollbackSite(ctx, &lifecyclev1.RollbackSiteRequest{SiteId: siteID})
		wantViolation(t, err, "revision", "")
	})
	t.Run("as a new revision", func(t *testing.T) {
		back, err := s.sites.RollbackSite(ctx, &lifecyclev1.RollbackSiteRequest{SiteId: siteID, Revision: 1, Etag: s.got(siteID).GetEtag()})
		s.must(err)
		if got := back.GetSite(); got.GetRevision() != 3 || !proto.Equal(got.GetSpec(), first.GetSpec()) || back.GetOperation().GetKind() != "update_site" {
			t.Errorf("rolled back %v", back)
		}
		s.world.Settle()
		if got := s.got(siteID); got.GetConfirmedRevision() != 3 {
			t.Errorf("the site is %v", got)
		}
	})
	t.Run("that is listed with the others", func(t *testing.T) {
		list, err := s.sites.ListSiteRevisions(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.ListSiteRevisionsRequest{SiteId: siteID, PageSize: 2})
		s.must(err)
		r := list.GetRevisions()
		if len(r) != 2 || r[0].GetNumber() != 3 || r[0].GetRollbackOf() != 1 || !r[0].GetWanted() || !r[0].GetConfirmed() || r[0].GetActor() != keyIDOf(s.keyOf[auth.Operator]) ||
			r[0].GetCreateTime() == nil || !proto.Equal(r[0].GetSpec(), first.GetSpec()) || r[1].GetNumber() != 2 || r[1].GetWanted() || list.GetNextPageToken() == "" {
			t.Fatalf("listed %v", list)
		}
		list, err = s.sites.ListSiteRevisions(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.ListSiteRevisionsRequest{SiteId: siteID, PageSize: 2, PageToken: list.GetNextPageToken()})
		if s.must(err); len(list.GetRevisions()) != 1 || list.GetRevisions()[0].GetNumber() != 1 || list.GetNextPageToken() != "" {
			t.Errorf("listed %v", list)
		}
	})
	t.Run("not of one that is gone", func(t *testing.T) {
		_, err := s.sites.DeleteSite(ctx, &lifecyclev1.DeleteSiteRequest{SiteId: siteID})
		s.must(err)
		for _, when := range []string{"on its way", "deleted"} {
			_, err = s.sites.RollbackSite(ctx, &lifecyclev1.RollbackSiteRequest{SiteId: siteID, Revision: 1})
			wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
			if t.Failed() {
				t.Log(when)
			}
			s.world.Settle()
		}
	})
}

package api

import (
	"context"
	"strconv"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// RollbackSite implements the RPC.
func (s *siteService) RollbackSite(ctx context.Context, req *lifecyclev1.RollbackSiteRequest) (*lifecyclev1.RollbackSiteResponse, error) {
	view, err := s.cp.RollbackSite(ctx, callerOf(ctx), id.Site(req.GetSiteId()), req.GetRevision(), versionOf(req.GetEtag()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.RollbackSiteResponse{Site: wireSite(view), Operation: s.operation(view)}, nil
}

// ListSiteRevisions implements the RPC.
func (s *siteService) ListSiteRevisions(ctx context.Context, req *lifecyclev1.ListSiteRevisionsRequest) (*lifecyclev1.ListSiteRevisionsResponse, error) {
	list, err := listOf(req, nil, anyNumber)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	before, _ := strconv.ParseInt(list.last, 10, 64) // 0 for the first page
	views, err := s.cp.ListRevisions(ctx, callerOf(ctx), id.Site(req.GetSiteId()), before, list.size+1)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	revisions, next := pageOf(list, views, wireRevision, func(v app.RevisionView) string {
		return strconv.FormatInt(v.Revision.Number, 10)
	})
	return &lifecyclev1.ListSiteRevisionsResponse{Revisions: revisions, NextPageToken: next}, nil
}

func wireRevision(view app.RevisionView) *lifecyclev1.SiteRevision {
	r := view.Revision
	return &lifecyclev1.SiteRevision{
		Number: r.Number, Spec: wireSpec(r.Spec), RollbackOf: r.RollbackOf, Actor: r.Actor, CreateTime: wireTime(r.CreatedAt),
		Wanted: view.Wanted, Confirmed: view.Confirmed,
	}
}

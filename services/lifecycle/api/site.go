package api

import (
	"context"
	"log/slog"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// siteService implements lifecyclev1.SiteServiceServer.
type siteService struct {
	lifecyclev1.UnimplementedSiteServiceServer

	cp     *app.ControlPlane
	logger *slog.Logger
}

// CreateSite implements the RPC.
func (s *siteService) CreateSite(ctx context.Context, req *lifecyclev1.CreateSiteRequest) (*lifecyclev1.CreateSiteResponse, error) {
	in := app.NewSite{
		Name: req.GetSite().GetName(), Slug: req.GetSite().GetSlug(), Spec: specOf(req.GetSite().GetSpec()),
		PrimaryHostname: req.GetPrimaryHostname(), Direct: req.GetDirect(), Placement: req.GetSite().GetPlacement(),
	}
	view, err := s.cp.CreateSite(ctx, callerOf(ctx), in, app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.CreateSiteResponse{Site: wireSite(view), Operation: s.operation(view)}, nil
}

// operation shows what works on a site, nil when nothing does.
func (s *siteService) operation(view app.SiteView) *lifecyclev1.Operation {
	return activeOperation(s.cp, view.Operation)
}

// GetSite implements the RPC.
func (s *siteService) GetSite(ctx context.Context, req *lifecyclev1.GetSiteRequest) (*lifecyclev1.GetSiteResponse, error) {
	view, err := s.cp.GetSite(ctx, callerOf(ctx), id.Site(req.GetSiteId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.GetSiteResponse{Site: wireSite(view), Operation: s.operation(view)}, nil
}

// ListSites implements the RPC.
func (s *siteService) ListSites(ctx context.Context, req *lifecyclev1.ListSitesRequest) (*lifecyclev1.ListSitesResponse, error) {
	list, err := listOf(req, siteFields, id.ParseSite)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	views, err := s.cp.ListSites(ctx, callerOf(ctx), site.Page{
		Last: list.last, Limit: list.size + 1, OldestFirst: list.oldestFirst, Filter: list.filter,
	})
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	sites, next := pageOf(list, views, wireSite, func(v app.SiteView) id.Site { return v.Site.ID })
	return &lifecyclev1.ListSitesResponse{Sites: sites, NextPageToken: next}, nil
}

// DeleteSite implements the RPC.
func (s *siteService) DeleteSite(ctx context.Context, req *lifecyclev1.DeleteSiteRequest) (*lifecyclev1.DeleteSiteResponse, error) {
	view, err := s.cp.DeleteSite(ctx, callerOf(ctx), id.Site(req.GetSiteId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.DeleteSiteResponse{Site: wireSite(view), Operation: s.operation(view)}, nil
}

// RetrySite implements the RPC.
func (s *siteService) RetrySite(ctx context.Context, req *lifecyclev1.RetrySiteRequest) (*lifecyclev1.RetrySiteResponse, error) {
	view, err := s.cp.RetrySite(ctx, callerOf(ctx), id.Site(req.GetSiteId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.RetrySiteResponse{Site: wireSite(view), Operation: s.operation(view)}, nil
}

// SetPrimaryDomain implements the RPC.
func (s *siteService) SetPrimaryDomain(ctx context.Context, req *lifecyclev1.SetPrimaryDomainRequest) (*lifecyclev1.SetPrimaryDomainResponse, error) {
	view, err := s.cp.SetPrimaryDomain(ctx, callerOf(ctx), id.Site(req.GetSiteId()), id.Domain(req.GetDomainId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.SetPrimaryDomainResponse{Site: wireSite(view)}, nil
}

// GetSiteTimeline implements the RPC.
func (s *siteService) GetSiteTimeline(ctx context.Context, req *lifecyclev1.GetSiteTimelineRequest) (*lifecyclev1.GetSiteTimelineResponse, error) {
	moments, err := s.cp.Timeline(ctx, callerOf(ctx), id.Site(req.GetSiteId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.GetSiteTimelineResponse{}
	for _, m := range moments {
		out.Entries = append(out.Entries, wireMoment(m))
	}
	return out, nil
}

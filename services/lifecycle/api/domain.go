package api

import (
	"context"
	"log/slog"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// domainService implements lifecyclev1.DomainServiceServer.
type domainService struct {
	lifecyclev1.UnimplementedDomainServiceServer

	cp     *app.ControlPlane
	logger *slog.Logger
}

// AddDomain implements the RPC.
func (s *domainService) AddDomain(ctx context.Context, req *lifecyclev1.AddDomainRequest) (*lifecyclev1.AddDomainResponse, error) {
	in := app.NewDomain{Hostname: req.GetHostname(), Direct: req.GetDirect()}
	view, err := s.cp.AddDomain(ctx, callerOf(ctx), id.Site(req.GetSiteId()), in, app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.AddDomainResponse{Domain: wireDomain(view)}, nil
}

// GetDomain implements the RPC.
func (s *domainService) GetDomain(ctx context.Context, req *lifecyclev1.GetDomainRequest) (*lifecyclev1.GetDomainResponse, error) {
	view, err := s.cp.GetDomain(ctx, callerOf(ctx), id.Domain(req.GetDomainId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.GetDomainResponse{Domain: wireDomain(view), Operation: activeOperation(s.cp, view.Operation)}, nil
}

// ListDomains implements the RPC.
func (s *domainService) ListDomains(ctx context.Context, req *lifecyclev1.ListDomainsRequest) (*lifecyclev1.ListDomainsResponse, error) {
	list, err := listOf(req, domainFields, id.ParseDomain)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	views, err := s.cp.ListDomains(ctx, callerOf(ctx), network.Page{
		SiteID: id.Site(req.GetSiteId()), Last: list.last, Limit: list.size + 1, OldestFirst: list.oldestFirst, Filter: list.filter,
	})
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	domains, next := pageOf(list, views, wireDomain, func(v app.DomainView) id.Domain { return v.Domain.ID })
	return &lifecyclev1.ListDomainsResponse{Domains: domains, NextPageToken: next}, nil
}

// CheckDomain implements the RPC.
func (s *domainService) CheckDomain(ctx context.Context, req *lifecyclev1.CheckDomainRequest) (*lifecyclev1.CheckDomainResponse, error) {
	view, err := s.cp.CheckDomain(ctx, callerOf(ctx), id.Domain(req.GetDomainId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.CheckDomainResponse{Domain: wireDomain(view)}, nil
}

// RemoveDomain implements the RPC.
func (s *domainService) RemoveDomain(ctx context.Context, req *lifecyclev1.RemoveDomainRequest) (*lifecyclev1.RemoveDomainResponse, error) {
	view, err := s.cp.RemoveDomain(ctx, callerOf(ctx), id.Domain(req.GetDomainId()), id.Domain(req.GetNewPrimaryDomainId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.RemoveDomainResponse{Domain: wireDomain(view), Operation: activeOperation(s.cp, view.Operation)}, nil
}

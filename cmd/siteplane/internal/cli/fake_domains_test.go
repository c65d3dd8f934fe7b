package cli_test

import (
	"context"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// fakeDomains is a DomainService that answers what a test told it. It notes
// requests, and fails, together with the fakeSites beside it.
type fakeDomains struct {
	lifecyclev1.UnimplementedDomainServiceServer

	beside *fakeSites
	// listFails is the answer to ListDomains, if set.
	listFails error
	// begun is the answer to calls that set a domain in motion.
	begun *lifecyclev1.GetDomainResponse
	// looks are the answers to GetDomain, one after the other; the last one stays.
	looks []domainLook
	// pages are the answers to ListDomains by page token.
	pages map[string]*lifecyclev1.ListDomainsResponse
}

// domainLook is one answer to GetDomain.
type domainLook = answer[*lifecyclev1.GetDomainResponse]

func (f *fakeDomains) AddDomain(ctx context.Context, request *lifecyclev1.AddDomainRequest) (*lifecyclev1.AddDomainResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.AddDomainResponse{Domain: f.begun.GetDomain()}, nil
}

func (f *fakeDomains) GetDomain(ctx context.Context, request *lifecyclev1.GetDomainRequest) (*lifecyclev1.GetDomainResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	f.beside.mu.Lock()
	defer f.beside.mu.Unlock()
	return nextAnswer(&f.looks)
}

func (f *fakeDomains) ListDomains(ctx context.Context, request *lifecyclev1.ListDomainsRequest) (*lifecyclev1.ListDomainsResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	if f.listFails != nil {
		return nil, f.listFails
	}
	if page, known := f.pages[request.GetPageToken()]; known {
		return page, nil
	}
	return &lifecyclev1.ListDomainsResponse{}, nil
}

func (f *fakeDomains) CheckDomain(ctx context.Context, request *lifecyclev1.CheckDomainRequest) (*lifecyclev1.CheckDomainResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.CheckDomainResponse{Domain: f.begun.GetDomain()}, nil
}

func (f *fakeDomains) RemoveDomain(ctx context.Context, request *lifecyclev1.RemoveDomainRequest) (*lifecyclev1.RemoveDomainResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.RemoveDomainResponse{Domain: f.begun.GetDomain(), Operation: f.begun.GetOperation()}, nil
}

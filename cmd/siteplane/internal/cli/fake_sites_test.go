package cli_test

import (
	"context"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// fakeSites is a SiteService that answers what a test told it.
type fakeSites struct {
	lifecyclev1.UnimplementedSiteServiceServer

	mu sync.Mutex
	// fail is the answer to every call, if set, failChanges that to calls that change
	// something.
	fail, failChanges error
	// hang says that no call is answered before the caller has gone.
	hang bool
	answers

	credentials []string
	requests    []any
}

// answers are what each method answers.
type answers struct {
	// begun is the answer to calls that set a site in motion.
	begun *lifecyclev1.GetSiteResponse
	// looks are the answers to GetSite, one after the other; the last one stays.
	looks []look
	// pages are the answers to ListSites by page token.
	pages map[string]*lifecyclev1.ListSitesResponse
	// revisions are the answer to ListSiteRevisions.
	revisions []*lifecyclev1.SiteRevision
	// timeline is the answer to GetSiteTimeline.
	timeline *lifecyclev1.GetSiteTimelineResponse
}

// look is one answer to GetSite.
type look = answer[*lifecyclev1.GetSiteResponse]

// answer is one answer to a look at an object.
type answer[Response any] struct {
	found Response
	err   error
}

// nextAnswer takes the next answer; the last one stays.
func nextAnswer[Response any](answers *[]answer[Response]) (Response, error) {
	if len(*answers) == 0 {
		var none Response
		return none, status.Error(codes.Internal, "the test has no answer")
	}
	next := (*answers)[0]
	if len(*answers) > 1 {
		*answers = (*answers)[1:]
	}
	return next.found, next.err
}

func (f *fakeSites) note(ctx context.Context, request any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, request)
	incoming, _ := metadata.FromIncomingContext(ctx)
	f.credentials = append(f.credentials, incoming.Get("authorization")...)
	if f.hang {
		<-ctx.Done()
	}
	if f.failChanges != nil && changes(request) {
		return f.failChanges
	}
	return f.fail
}

// changes reports whether a request changes something: those have a request id.
func changes(request any) bool {
	return request.(proto.Message).ProtoReflect().Descriptor().Fields().ByName("request_id") != nil
}

func (f *fakeSites) CreateSite(ctx context.Context, request *lifecyclev1.CreateSiteRequest) (*lifecyclev1.CreateSiteResponse, error) {
	if err := f.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.CreateSiteResponse{Site: f.begun.GetSite(), Operation: f.begun.GetOperation()}, nil
}

func (f *fakeSites) GetSite(ctx context.Context, request *lifecyclev1.GetSiteRequest) (*lifecyclev1.GetSiteResponse, error) {
	if err := f.note(ctx, request); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return nextAnswer(&f.looks)
}

func (f *fakeSites) ListSites(ctx context.Context, request *lifecyclev1.ListSitesRequest) (*lifecyclev1.ListSitesResponse, error) {
	if err := f.note(ctx, request); err != nil {
		return nil, err
	}
	return f.pages[request.GetPageToken()], nil
}

func (f *fakeSites) UpdateSite(ctx context.Context, request *lifecyclev1.UpdateSiteRequest) (*lifecyclev1.UpdateSiteResponse, error) {
	if err := f.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.UpdateSiteResponse{Site: f.begun.GetSite(), Operation: f.begun.GetOperation()}, nil
}

func (f *fakeSites) RollbackSite(ctx context.Context, request *lifecyclev1.RollbackSiteRequest) (*lifecyclev1.RollbackSiteResponse, error) {
	if err := f.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.RollbackSiteResponse{Site: f.begun.GetSite(), Operation: f.begun.GetOperation()}, nil
}

func (f *fakeSites) ListSiteRevisions(ctx context.Context, request *lifecyclev1.ListSiteRevisionsRequest) (*lifecyclev1.ListSiteRevisionsResponse, error) {
	if err := f.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListSiteRevisionsResponse{Revisions: f.revisions}, nil
}

func (f *fakeSites) DeleteSite(ctx context.Context, request *lifecyclev1.DeleteSiteRequest) (*lifecyclev1.DeleteSiteResponse, error) {
	if err := f.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.DeleteSiteResponse{Site: f.begun.GetSite(), Operation: f.begun.GetOperation()}, nil
}

func (f *fakeSites) RetrySite(ctx context.Context, request *lifecyclev1.RetrySiteRequest) (*lifecyclev1.RetrySiteResponse, error) {
	if err := f.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.RetrySiteResponse{Site: f.begun.GetSite(), Operation: f.begun.GetOperation()}, nil
}

func (f *fakeSites) GetSiteTimeline(ctx context.Context, request *lifecyclev1.GetSiteTimelineRequest) (*lifecyclev1.GetSiteTimelineResponse, error) {
	if err := f.note(ctx, request); err != nil {
		return nil, err
	}
	return f.timeline, nil
}

func (f *fakeSites) SetPrimaryDomain(ctx context.Context, request *lifecyclev1.SetPrimaryDomainRequest) (*lifecyclev1.SetPrimaryDomainResponse, error) {
	if err := f.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.SetPrimaryDomainResponse{Site: f.begun.GetSite()}, nil
}

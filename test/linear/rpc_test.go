package linear_test

import (
	"context"
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// header is the one of which respec writes the value.
const header = "X-Written"

// send asks a replica, and returns what an answer means; an answer that no call of
// these may have is an error.
func (r replica) send(ctx context.Context, a ask, request, origin string) (answer, error) {
	shown, err := r.ask(ctx, a, request, origin)
	if err != nil {
		v, err := verdictOf(a, err)
		return answer{verdict: v}, err
	}
	v, err := viewOf(shown)
	return answer{done, v}, err
}

// ask makes the call; no site is shown where find finds none.
func (r replica) ask(ctx context.Context, a ask, request, origin string) (*lifecyclev1.Site, error) {
	switch a.kind {
	case find:
		found, err := r.sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{Filter: "slug = " + strconv.Quote(a.slug)})
		if len(found.GetSites()) > 1 {
			return nil, fmt.Errorf("%s belongs to more than one: %s", a.slug, found)
		}
		if len(found.GetSites()) == 0 {
			return nil, err
		}
		return found.GetSites()[0], err
	case get:
		found, err := r.sites.GetSite(ctx, &lifecyclev1.GetSiteRequest{SiteId: a.siteID})
		return found.GetSite(), err
	case create:
		made, err := r.sites.CreateSite(ctx, &lifecyclev1.CreateSiteRequest{
			RequestId: request, Site: &lifecyclev1.Site{Name: a.value, Slug: a.slug, Spec: spec(origin, a.value)},
		})
		return made.GetSite(), err
	case remove:
		removed, err := r.sites.DeleteSite(ctx, &lifecyclev1.DeleteSiteRequest{SiteId: a.siteID, RequestId: request})
		return removed.GetSite(), err
	}
	change := &lifecyclev1.Site{SiteId: a.siteID}
	if a.etag != 0 {
		change.Etag = strconv.FormatInt(a.etag, 36)
	}
	if a.kind == rename {
		change.Name = a.value
	} else {
		change.Spec = spec(origin, a.value)
	}
	updated, err := r.sites.UpdateSite(ctx, &lifecyclev1.UpdateSiteRequest{RequestId: request, Site: change})
	return updated.GetSite(), err
}

func spec(origin, value string) *lifecyclev1.SiteSpec {
	return &lifecyclev1.SiteSpec{
		Backend: &lifecyclev1.SiteSpec_Origin{Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{{Address: origin}}}},
		Options: &lifecyclev1.SiteOptions{ResponseHeaders: []*lifecyclev1.Header{{Name: header, Value: value}}},
	}
}

// verdictOf is what a refusal means.
func verdictOf(a ask, err error) (verdict, error) {
	said, ok := status.FromError(err)
	if !ok {
		return unanswered, fmt.Errorf("%s: %w", a, err)
	}
	switch said.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return unanswered, nil
	}
	switch rpcerr.Reason(err) {
	case "":
		return unanswered, nil // of the connection, and not of a lifecycle
	case "LOST_RACE":
		return changed, nil
	case "REQUEST_IN_PROGRESS":
		return busy, nil
	case "PRECONDITION":
		return late, nil
	case "NAME_TAKEN":
		return taken, nil
	case "NOT_FOUND":
		return missing, nil
	}
	return unanswered, fmt.Errorf("%s: %w", a, err)
}

// viewOf is what an answer shows. Etags are of no meaning to callers; these look into
// them, for their order is that of the changes.
func viewOf(s *lifecyclev1.Site) (v view, err error) {
	if s == nil {
		return v, nil
	}
	v = view{siteID: s.GetSiteId(), name: s.GetName(), revision: s.GetRevision(), phase: phaseOf(s.GetStatus())}
	for _, h := range s.GetSpec().GetOptions().GetResponseHeaders() {
		v.header = h.GetValue()
	}
	v.version, err = strconv.ParseInt(s.GetEtag(), 36, 64)
	return v, err
}

func phaseOf(s lifecyclev1.SiteStatus) phase {
	switch s {
	case lifecyclev1.SiteStatus_SITE_STATUS_CREATED, lifecyclev1.SiteStatus_SITE_STATUS_PROVISIONING:
		return fresh
	case lifecyclev1.SiteStatus_SITE_STATUS_DELETING:
		return leaving
	case lifecyclev1.SiteStatus_SITE_STATUS_DELETED:
		return gone
	}
	return settled
}

package soak_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// callLimit bounds one attempt of a call.
const callLimit = 10 * time.Second

// method is one method of a client.
type method[Request, Response any] func(context.Context, *Request, ...grpc.CallOption) (*Response, error)

// insist repeats a call until somebody answers. What became of an attempt whose
// connection died nobody knows, so every request must be safe to repeat.
func insist[Request, Response any](ctx context.Context, w *world, do method[Request, Response], request *Request) (*Response, error) {
	var answer *Response
	var refused error
	err := eventually(ctx, patience, func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		answer, err = do(ctx, request, grpc.WaitForReady(true))
		switch status.Code(err) {
		case codes.Unavailable, codes.DeadlineExceeded:
			w.cut.Add(1)
			return err
		}
		refused = err
		return nil
	})
	if err == nil {
		err = refused
	}
	return answer, err
}

// awaitSite looks at a site until a demand is met, or says all that a tenant could
// know.
func (w *world) awaitSite(ctx context.Context, siteID string, demand func(*lifecyclev1.Site) error) error {
	var seen *lifecyclev1.GetSiteResponse
	err := eventually(ctx, patience, func(ctx context.Context) error {
		answer, err := insist(ctx, w, w.sites.GetSite, &lifecyclev1.GetSiteRequest{SiteId: siteID})
		if err != nil {
			return err
		}
		seen = answer
		return demand(seen.GetSite())
	})
	if err != nil {
		return fmt.Errorf("%w\n%s%s", err, told(seen), w.lately(ctx, siteID))
	}
	return nil
}

// isSite demands a status.
func isSite(want lifecyclev1.SiteStatus) func(*lifecyclev1.Site) error {
	return func(s *lifecyclev1.Site) error {
		if s.GetStatus() != want {
			return fmt.Errorf("%s is %s, not %s", s.GetSiteId(), s.GetStatus(), want)
		}
		return nil
	}
}

// awaitDomain looks at a domain until it is ACTIVE.
func (w *world) awaitDomain(ctx context.Context, domainID string) error {
	var seen *lifecyclev1.GetDomainResponse
	err := eventually(ctx, patience, func(ctx context.Context) error {
		answer, err := insist(ctx, w, w.domains.GetDomain, &lifecyclev1.GetDomainRequest{DomainId: domainID})
		if err != nil {
			return err
		}
		seen = answer
		if got := seen.GetDomain().GetStatus(); got != lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE {
			return fmt.Errorf("%s is %s, not ACTIVE", domainID, got)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w\n%s  operation: %s\n", err, conditions(seen.GetDomain().GetConditions()), seen.GetOperation())
	}
	return nil
}

// told is what the API says about a site.
func told(seen *lifecyclev1.GetSiteResponse) string {
	return fmt.Sprintf("%s%s  operation: %s\n", conditions(seen.GetSite().GetConditions()),
		conditions(seen.GetSite().GetPrimaryDomain().GetConditions()), seen.GetOperation())
}

func conditions(all []*lifecyclev1.Condition) string {
	var out strings.Builder
	for _, c := range all {
		fmt.Fprintf(&out, "  condition: %s\n", c)
	}
	return out.String()
}

// lately is the end of a site's timeline, also when the time of ctx is over.
func (w *world) lately(ctx context.Context, siteID string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	answer, err := insist(ctx, w, w.sites.GetSiteTimeline, &lifecyclev1.GetSiteTimelineRequest{SiteId: siteID})
	if err != nil {
		return fmt.Sprintf("  timeline: %v\n", err)
	}
	var out strings.Builder
	entries := answer.GetEntries()
	for _, e := range entries[max(0, len(entries)-15):] {
		fmt.Fprintf(&out, "  timeline: %s\n", e)
	}
	return out.String()
}

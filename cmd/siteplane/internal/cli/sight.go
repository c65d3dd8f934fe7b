package cli

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// phase is what a status means to somebody who waits.
type phase int

const (
	// phaseUnderway: the object may still get anywhere.
	phaseUnderway phase = iota
	// phaseActive: it serves.
	phaseActive
	// phaseFailed: it goes nowhere until it is retried.
	phaseFailed
	// phaseLeaving: it is on its way out.
	phaseLeaving
	// phaseGone: nothing is left of it.
	phaseGone
)

// sight is one look at a site or a domain, as a waiting command sees it. The
// zero value is no look.
type sight struct {
	// name is what messages call the object, for instance "site site_01".
	name   string
	status string
	phase  phase
	// conditions, records and operation are those of the object; a site's come
	// with those of its primary domain.
	conditions []*lifecyclev1.Condition
	records    []*lifecyclev1.Instruction
	operation  *lifecyclev1.Operation
	// revision of a site's spec is wanted, confirmed is what the edges have proved; 0
	// for a domain.
	revision, confirmed int64
	// delivering says that an operation works on the site itself.
	delivering bool
	// updated is when the object last changed.
	updated time.Time
	// stuck says that only its owner can bring it further.
	stuck bool
	// get, retry and timeline are the commands that show the object, try again
	// and show its steps; check is the one that looks at DNS again.
	get, retry, timeline, check string
}

// subject is how to look at one kind of object. Response is the answer to a
// look.
type subject[Response any] struct {
	sight func(Response) sight
	// again asks for the object of a response once more.
	again func(context.Context, time.Duration, Response) (Response, error)
	// tombstone is an object whose last trace is gone, as it was seen last.
	tombstone func(Response) Response
}

func siteSubject(s *session) subject[*lifecyclev1.GetSiteResponse] {
	return subject[*lifecyclev1.GetSiteResponse]{
		sight: siteSight,
		again: func(ctx context.Context, limit time.Duration, seen *lifecyclev1.GetSiteResponse) (*lifecyclev1.GetSiteResponse, error) {
			return call(ctx, s, limit, s.sites.GetSite, &lifecyclev1.GetSiteRequest{SiteId: seen.GetSite().GetSiteId()})
		},
		tombstone: func(seen *lifecyclev1.GetSiteResponse) *lifecyclev1.GetSiteResponse {
			site := proto.CloneOf(seen.GetSite())
			site.Status = lifecyclev1.SiteStatus_SITE_STATUS_DELETED
			return &lifecyclev1.GetSiteResponse{Site: site}
		},
	}
}

func siteSight(found *lifecyclev1.GetSiteResponse) sight {
	site := found.GetSite()
	id := site.GetSiteId()
	primary := site.GetPrimaryDomain()
	return sight{
		name: "site " + id, status: siteStatus(site.GetStatus()), phase: sitePhases[site.GetStatus()],
		conditions: conditionsOf(site), records: recordsOf(primary), operation: found.GetOperation(),
		revision: site.GetRevision(), confirmed: site.GetConfirmedRevision(),
		delivering: atWork(found.GetOperation()) && found.GetOperation().GetObjectId() == id,
		updated:    site.GetUpdateTime().AsTime(),
		stuck:      stuck(&lifecyclev1.GetDomainResponse{Domain: primary, Operation: found.GetOperation()}),
		check:      "siteplane domain check " + domainArgument(primary) + " --wait",
		get:        "siteplane site get " + id, retry: "siteplane site retry " + id + " --wait", timeline: "siteplane site timeline " + id,
	}
}

var sitePhases = map[lifecyclev1.SiteStatus]phase{
	lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE:   phaseActive,
	lifecyclev1.SiteStatus_SITE_STATUS_ERROR:    phaseFailed,
	lifecyclev1.SiteStatus_SITE_STATUS_DELETING: phaseLeaving,
	lifecyclev1.SiteStatus_SITE_STATUS_DELETED:  phaseGone,
}

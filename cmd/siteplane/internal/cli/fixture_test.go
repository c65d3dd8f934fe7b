package cli_test

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// start is when every test begins.
var start = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// hostile is a string that would clear the screen, move the cursor, turn the
// direction of writing and break a table.
const hostile = "a\x1b[2J\tb\nc\u009b1A\u202egnp.exe"

func ago(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(start.Add(-d)) }

// siteIn is a site of the demo in the given status, seen by GetSite.
func siteIn(status lifecyclev1.SiteStatus, conditions ...*lifecyclev1.Condition) *lifecyclev1.GetSiteResponse {
	return &lifecyclev1.GetSiteResponse{
		Site: &lifecyclev1.Site{
			SiteId: "site_01", Name: "shop", Slug: "shop", Status: status, Revision: 1,
			Spec:       originSpec("127.0.0.1:9000"),
			Conditions: conditions, Etag: "1",
			CreateTime: ago(5 * time.Minute), UpdateTime: ago(2 * time.Second),
		},
		Operation: &lifecyclev1.Operation{
			OperationId: "op_01", Kind: "create_site", ObjectId: "site_01",
			State: lifecyclev1.OperationState_OPERATION_STATE_RUNNING, Step: "confirm_edges",
			CreateTime: ago(5 * time.Minute),
		},
	}
}

func originSpec(address string) *lifecyclev1.SiteSpec {
	target := &lifecyclev1.Target{Address: address}
	return &lifecyclev1.SiteSpec{
		Backend: &lifecyclev1.SiteSpec_Origin{Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{target}}},
	}
}

// withDomain gives a site its domain, in the given status.
func withDomain(found *lifecyclev1.GetSiteResponse, status lifecyclev1.DomainStatus, conditions ...*lifecyclev1.Condition,
) *lifecyclev1.GetSiteResponse {
	found.Site.PrimaryDomain = &lifecyclev1.Domain{
		DomainId: "dom_01", SiteId: "site_01", Hostname: "shop.siteplane.localhost",
		Kind: lifecyclev1.DomainKind_DOMAIN_KIND_PLATFORM, Mode: lifecyclev1.DomainMode_DOMAIN_MODE_DIRECT,
		Status: status, Conditions: conditions,
	}
	return found
}

func confirmed(kind string) *lifecyclev1.Condition {
	return &lifecyclev1.Condition{
		Type: kind, Status: lifecyclev1.ConditionStatus_CONDITION_STATUS_TRUE, Reason: "CONFIRMED", Since: ago(time.Minute),
	}
}

func unproven() *lifecyclev1.Condition {
	return &lifecyclev1.Condition{
		Type: "EdgeSynced", Status: lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE, Reason: "EDGE_NOT_PROVEN",
		Message:  "edge_01 answers generation 3, wanted is 4",
		Evidence: []string{"http://unix/status: generation 3"},
		Actor:    diagnosisv1.Actor_ACTOR_OPERATOR,
		Fix:      []string{"look at the nginx error log", "nginx -s reload"},
		Since:    ago(90 * time.Second), NextAttemptAt: timestamppb.New(start.Add(4 * time.Second)),
		TraceId: "4bf92f3577b34da6a3ce929d0e0e4736",
	}
}

func unresolved() *lifecyclev1.Condition {
	return &lifecyclev1.Condition{
		Type: "Resolves", Status: lifecyclev1.ConditionStatus_CONDITION_STATUS_UNKNOWN, Reason: "DNS_SERVFAIL",
		Message: "the authoritative servers do not answer", Since: ago(3 * time.Hour), NextAttemptAt: ago(time.Second),
	}
}

// pendingSite waits for DNS and has something in every place of the view.
func pendingSite() *lifecyclev1.GetSiteResponse {
	found := withDomain(siteIn(lifecyclev1.SiteStatus_SITE_STATUS_DOMAIN_PENDING_DNS, unproven()),
		lifecyclev1.DomainStatus_DOMAIN_STATUS_PENDING_DNS, unresolved(), confirmed("Owned"))
	found.Site.Revision, found.Site.ConfirmedRevision = 3, 2
	found.Site.Spec.GetOrigin().Targets = append(found.Site.Spec.GetOrigin().Targets,
		&lifecyclev1.Target{Address: "127.0.0.1:9001", Weight: 3})
	found.Site.Spec.Routes = []*lifecyclev1.Route{
		{PathPrefix: "/api/", StripPrefix: true, Origin: originSpec("127.0.0.1:9002").GetOrigin()},
	}
	found.Operation.FailedAttempts = 2
	found.Operation.Reason, found.Operation.Message = "EDGE_NOT_PROVEN", "will try again"
	return found
}

func activeSite() *lifecyclev1.GetSiteResponse {
	found := withDomain(siteIn(lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE, confirmed("EdgeSynced")),
		lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE, confirmed("Serving"))
	found.Site.ConfirmedRevision = 1
	found.Operation = nil
	return found
}

func redirectSite() *lifecyclev1.GetSiteResponse {
	found := siteIn(lifecyclev1.SiteStatus_SITE_STATUS_CREATED)
	found.Site.Spec.Backend = &lifecyclev1.SiteSpec_Redirect{Redirect: &lifecyclev1.Redirect{BaseUrl: "https://shop.example.com"}}
	found.Operation = nil
	return found
}

func hostileSite() *lifecyclev1.GetSiteResponse {
	found := activeSite()
	found.Site.Name = hostile
	found.Site.Conditions[0].Status = lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE
	found.Site.Conditions[0].Message, found.Site.Conditions[0].Fix = hostile, []string{hostile}
	return found
}

func timeline() *lifecyclev1.GetSiteTimelineResponse {
	trace := "4bf92f3577b34da6a3ce929d0e0e4736"
	at := func(ms int) *timestamppb.Timestamp {
		return timestamppb.New(start.Add(time.Duration(ms) * time.Millisecond))
	}
	step := func(ms int, entry *lifecyclev1.StepEntry) *lifecyclev1.TimelineEntry {
		return &lifecyclev1.TimelineEntry{
			Time: at(ms), ObjectId: "site_01", OperationId: "op_01", OperationKind: "create_site", TraceId: trace,
			Actor: "system", What: &lifecyclev1.TimelineEntry_Step{Step: entry},
		}
	}
	return &lifecyclev1.GetSiteTimelineResponse{Entries: []*lifecyclev1.TimelineEntry{
		{Time: at(0), ObjectId: "site_01", TraceId: trace, Actor: "key_01", What: &lifecyclev1.TimelineEntry_Status{
			Status: &lifecyclev1.StatusChange{Event: "create", To: "CREATED", Reason: "requested"},
		}},
		{Time: at(12), ObjectId: "site_01", OperationId: "op_01", OperationKind: "create_site", TraceId: "short",
			What: &lifecyclev1.TimelineEntry_Status{
				Status: &lifecyclev1.StatusChange{From: "CREATED", Event: "provision", To: "PROVISIONING"},
			}},
		step(15, &lifecyclev1.StepEntry{Step: "present", Attempt: 1, Phase: lifecyclev1.StepPhase_STEP_PHASE_INTENT}),
		step(1249, &lifecyclev1.StepEntry{
			Step: "present", Attempt: 2, Phase: lifecyclev1.StepPhase_STEP_PHASE_OUTCOME, Result: "ok", Message: "one edge proved it",
			ExternalResponse: `{"edge":"edge_01","generation":4,"digest":"` + hostile + `0123456789012345678901234567890123456789"}`,
			Duration:         durationpb.New(1234 * time.Millisecond),
		}),
		{Time: at(1300)},
	}}
}

package cli

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func domainSubject(s *session) subject[*lifecyclev1.GetDomainResponse] {
	return subject[*lifecyclev1.GetDomainResponse]{
		sight: domainSight,
		again: func(ctx context.Context, limit time.Duration, seen *lifecyclev1.GetDomainResponse) (*lifecyclev1.GetDomainResponse, error) {
			return call(ctx, s, limit, s.domains.GetDomain, &lifecyclev1.GetDomainRequest{DomainId: seen.GetDomain().GetDomainId()})
		},
		tombstone: func(seen *lifecyclev1.GetDomainResponse) *lifecyclev1.GetDomainResponse {
			domain := proto.CloneOf(seen.GetDomain())
			domain.Status = lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASED
			return &lifecyclev1.GetDomainResponse{Domain: domain}
		},
	}
}

func domainSight(found *lifecyclev1.GetDomainResponse) sight {
	domain := found.GetDomain()
	named := domainArgument(domain)
	return sight{
		name: "domain " + domain.GetHostname(), status: domainStatus(domain.GetStatus()), phase: domainPhases[domain.GetStatus()],
		conditions: causal(domain.GetConditions()), records: recordsOf(domain), operation: found.GetOperation(),
		updated: domain.GetUpdateTime().AsTime(), stuck: stuck(found),
		get: "siteplane domain get " + named, retry: "siteplane domain check " + named + " --wait",
		check:    "siteplane domain check " + named + " --wait",
		timeline: "siteplane site timeline " + domain.GetSiteId(),
	}
}

var domainPhases = map[lifecyclev1.DomainStatus]phase{
	lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE:    phaseActive,
	lifecyclev1.DomainStatus_DOMAIN_STATUS_ERROR:     phaseFailed,
	lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASING: phaseLeaving,
	lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASED:  phaseGone,
}

// domainArgument names a domain on the command line. A hostname leads only to
// a domain that still claims it.
func domainArgument(domain *lifecyclev1.Domain) string {
	if claimed(domain) {
		return domain.GetHostname()
	}
	return domain.GetDomainId()
}

// stuck reports whether a domain waits for its tenant and for nobody else: DNS
// contradicts, the tenant must act, and nothing of ours is at work. Its next
// attempts find the same until a record changes.
func stuck(found *lifecyclev1.GetDomainResponse) bool {
	if atWork(found.GetOperation()) {
		return false
	}
	for _, condition := range found.GetDomain().GetConditions() {
		if waitsForTenant(condition) {
			return true
		}
	}
	return false
}

// atWork reports whether an operation moves its object without help from
// outside.
func atWork(operation *lifecyclev1.Operation) bool {
	return operation != nil && operation.GetEndTime() == nil && operation.GetWaitingFor() == ""
}

func waitsForTenant(condition *lifecyclev1.Condition) bool {
	return condition.GetStatus() == lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE &&
		condition.GetActor() == diagnosisv1.Actor_ACTOR_TENANT
}

package cli

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// Names of enum values are shown without their prefix, as the documentation
// writes them; an unspecified value is empty.

func siteStatus(value lifecyclev1.SiteStatus) string { return bare(value.String(), "SITE_STATUS_") }

func domainStatus(value lifecyclev1.DomainStatus) string {
	return bare(value.String(), "DOMAIN_STATUS_")
}

func domainKind(value lifecyclev1.DomainKind) string { return bare(value.String(), "DOMAIN_KIND_") }

func domainMode(value lifecyclev1.DomainMode) string { return bare(value.String(), "DOMAIN_MODE_") }

func conditionStatus(value lifecyclev1.ConditionStatus) string {
	return bare(value.String(), "CONDITION_STATUS_")
}

func operationState(value lifecyclev1.OperationState) string {
	return bare(value.String(), "OPERATION_STATE_")
}

func tenantState(value lifecyclev1.TenantState) string { return bare(value.String(), "TENANT_STATE_") }

func driftPolicy(value lifecyclev1.DriftPolicy) string {
	return strings.ToLower(bare(value.String(), "DRIFT_POLICY_"))
}

func severity(value lifecyclev1.Severity) string {
	return strings.ToLower(bare(value.String(), "SEVERITY_"))
}

func stepPhase(value lifecyclev1.StepPhase) string {
	return strings.ToLower(bare(value.String(), "STEP_PHASE_"))
}

func actor(value diagnosisv1.Actor) string {
	return strings.ToLower(bare(value.String(), "ACTOR_"))
}

func bare(name, prefix string) string {
	if name = strings.TrimPrefix(name, prefix); name == "UNSPECIFIED" {
		return ""
	}
	return name
}

// age is how long ago a time was, for instance "5m"; empty for no time.
func age(at *timestamppb.Timestamp, now time.Time) string {
	if at == nil {
		return ""
	}
	return coarse(now.Sub(at.AsTime()))
}

// moment is a time and how long ago it was; empty for no time.
func moment(at *timestamppb.Timestamp, now time.Time) string {
	if at == nil {
		return ""
	}
	return fmt.Sprintf("%s (%s ago)", at.AsTime().Format(time.RFC3339), age(at, now))
}

// until is how far ahead a time is; "now" once it has come, empty for no time.
func until(at *timestamppb.Timestamp, now time.Time) string {
	switch {
	case at == nil:
		return ""
	case !at.AsTime().After(now):
		return "now"
	}
	return "in " + coarse(at.AsTime().Sub(now))
}

// coarse is a duration in its largest unit. Clocks differ, so a negative one
// counts as none.
func coarse(d time.Duration) string {
	switch {
	case d < time.Second:
		return "0s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// seconds is a duration as seconds with milliseconds.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }

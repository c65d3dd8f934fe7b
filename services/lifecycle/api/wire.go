package api

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
)

// wireTime leaves a zero time absent.
func wireTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// wireEnum finds the value of an enum by the name that we store, for instance
// "ACTIVE" under the prefix "SITE_STATUS_". What has no value is 0, unspecified.
func wireEnum[E ~int32](values map[string]int32, prefix, name string) E {
	return E(values[prefix+name])
}

func wireDomain(view app.DomainView) *lifecyclev1.Domain {
	d := view.Domain
	return &lifecyclev1.Domain{
		DomainId: string(d.ID), SiteId: string(d.SiteID), Hostname: d.Hostname,
		Kind:         wireEnum[lifecyclev1.DomainKind](lifecyclev1.DomainKind_value, "DOMAIN_KIND_", string(d.Kind)),
		Mode:         modes[d.Mode],
		Status:       wireEnum[lifecyclev1.DomainStatus](lifecyclev1.DomainStatus_value, "DOMAIN_STATUS_", string(d.Status)),
		Conditions:   wireConditions(view.Conditions, view.NextAttemptAt),
		Instructions: wireInstructions(view.Instructions), Direct: d.PreferDirect, Primary: view.Primary,
		CreateTime: wireTime(d.CreatedAt), UpdateTime: wireTime(d.UpdatedAt),
	}
}

func wireInstructions(instructions []network.Instruction) []*lifecyclev1.Instruction {
	var out []*lifecyclev1.Instruction
	for _, i := range instructions {
		out = append(out, &lifecyclev1.Instruction{
			Purpose: purposes[i.Purpose], Type: i.Type, Name: i.Name, Value: i.Value, Note: i.Note,
		})
	}
	return out
}

var purposes = map[network.Purpose]lifecyclev1.InstructionPurpose{
	network.Ownership:   lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_OWNERSHIP,
	network.Traffic:     lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_TRAFFIC,
	network.Preparation: lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_PREPARATION,
	network.Keep:        lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_KEEP,
}

// modes has nothing for a mode that is not known yet.
var modes = map[network.Mode]lifecyclev1.DomainMode{
	network.Managed:        lifecyclev1.DomainMode_DOMAIN_MODE_MANAGED,
	network.CustomHostname: lifecyclev1.DomainMode_DOMAIN_MODE_CUSTOM_HOSTNAME,
	network.Direct:         lifecyclev1.DomainMode_DOMAIN_MODE_DIRECT,
}

var conditionStatuses = map[condition.Status]lifecyclev1.ConditionStatus{
	condition.True:          lifecyclev1.ConditionStatus_CONDITION_STATUS_TRUE,
	condition.False:         lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE,
	condition.Unknown:       lifecyclev1.ConditionStatus_CONDITION_STATUS_UNKNOWN,
	condition.NotApplicable: lifecyclev1.ConditionStatus_CONDITION_STATUS_NOT_APPLICABLE,
}

var actors = map[condition.Actor]diagnosisv1.Actor{
	condition.Tenant:     diagnosisv1.Actor_ACTOR_TENANT,
	condition.Operator:   diagnosisv1.Actor_ACTOR_OPERATOR,
	condition.CA:         diagnosisv1.Actor_ACTOR_CA,
	condition.Cloudflare: diagnosisv1.Actor_ACTOR_CLOUDFLARE,
	condition.Nobody:     diagnosisv1.Actor_ACTOR_NOBODY,
}

// wireConditions shows the next attempt on what is not settled yet.
func wireConditions(conditions []condition.Condition, next time.Time) []*lifecyclev1.Condition {
	var out []*lifecyclev1.Condition
	for _, c := range conditions {
		w := &lifecyclev1.Condition{
			Type: string(c.Type), Status: conditionStatuses[c.Status], Reason: c.Reason, Message: c.Message,
			Evidence: c.Evidence, Actor: actors[c.Actor], Fix: c.Fix, Since: wireTime(c.Since), TraceId: c.TraceID,
		}
		if c.Status == condition.False || c.Status == condition.Unknown {
			w.NextAttemptAt = wireTime(next)
		}
		out = append(out, w)
	}
	return out
}

// activeOperation shows what works on an object, nil when nothing does.
func activeOperation(cp *app.ControlPlane, o *saga.Operation) *lifecyclev1.Operation {
	if o == nil {
		return nil
	}
	return wireOperation(o, cp.StepName(*o))
}

func wireOperation(o *saga.Operation, step string) *lifecyclev1.Operation {
	return &lifecyclev1.Operation{
		OperationId: string(o.ID), Kind: o.Kind, ObjectId: o.ObjectID,
		State:          wireEnum[lifecyclev1.OperationState](lifecyclev1.OperationState_value, "OPERATION_STATE_", string(o.State)),
		Step:           step,
		FailedAttempts: int32(o.FailedAttempts), Reason: o.Reason, Message: o.Message, WaitingFor: o.WaitingFor,
		TraceId: tracecontext.IDOf(o.TraceParent), CreateTime: wireTime(o.CreatedAt), EndTime: wireTime(o.EndedAt),
	}
}

func wireMoment(m app.Moment) *lifecyclev1.TimelineEntry {
	out := &lifecyclev1.TimelineEntry{
		Time: wireTime(m.At), ObjectId: m.ObjectID, OperationId: string(m.Operation.ID),
		OperationKind: m.Operation.Kind, Actor: m.Operation.Actor,
	}
	if c := m.Change; c != nil {
		out.TraceId, out.Actor = c.TraceID, c.Actor
		out.What = &lifecyclev1.TimelineEntry_Status{Status: &lifecyclev1.StatusChange{
			From: c.From, Event: c.Event, To: c.To, Reason: c.Reason,
		}}
	}
	if e := m.Entry; e != nil {
		out.TraceId = e.TraceID
		out.What = &lifecyclev1.TimelineEntry_Step{Step: wireEntry(e)}
	}
	return out
}

func wireEntry(e *saga.Entry) *lifecyclev1.StepEntry {
	out := &lifecyclev1.StepEntry{
		Step: e.Step, Attempt: int32(e.Attempt), Phase: phases[e.Phase],
		Result: string(e.Result), Message: e.Message, ExternalResponse: e.ExternalResponse,
	}
	if e.Phase != saga.Intent {
		out.Duration = durationpb.New(e.Duration)
	}
	return out
}

var phases = map[saga.Phase]lifecyclev1.StepPhase{
	saga.Intent:       lifecyclev1.StepPhase_STEP_PHASE_INTENT,
	saga.Outcome:      lifecyclev1.StepPhase_STEP_PHASE_OUTCOME,
	saga.Compensation: lifecyclev1.StepPhase_STEP_PHASE_COMPENSATION,
}

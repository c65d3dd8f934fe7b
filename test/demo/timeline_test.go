package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const someTrace = "0123456789abcdef0123456789abcdef"

// half makes one journal row; an intent has no result.
func half(step, result string) *lifecyclev1.TimelineEntry {
	entry := &lifecyclev1.StepEntry{Step: step, Attempt: 1, Result: result, Phase: lifecyclev1.StepPhase_STEP_PHASE_INTENT}
	if result != "" {
		entry.Phase, entry.Duration = lifecyclev1.StepPhase_STEP_PHASE_OUTCOME, durationpb.New(time.Second)
	}
	return &lifecyclev1.TimelineEntry{OperationId: "op_1", TraceId: someTrace, What: &lifecyclev1.TimelineEntry_Step{Step: entry}}
}

func TestJudgeSteps(t *testing.T) {
	noTrace, noOperation, noDuration := half("a", "ok"), half("a", "ok"), half("a", "ok")
	noTrace.TraceId, noOperation.OperationId, noDuration.GetStep().Duration = "", "", nil
	for name, c := range map[string]struct {
		entries []*lifecyclev1.TimelineEntry
		want    string
	}{
		"two steps":             {[]*lifecyclev1.TimelineEntry{half("a", ""), half("a", "ok"), half("b", ""), half("b", "ok")}, ""},
		"steps side by side":    {[]*lifecyclev1.TimelineEntry{half("a", ""), half("b", ""), half("a", "ok"), half("b", "ok")}, ""},
		"a wait":                {[]*lifecyclev1.TimelineEntry{half("a", ""), half("a", "waiting"), half("a", "ok")}, ""},
		"a second attempt":      {[]*lifecyclev1.TimelineEntry{half("a", ""), half("a", "retry"), half("a", ""), half("a", "ok")}, ""},
		"only an intent":        {[]*lifecyclev1.TimelineEntry{half("a", "")}, `result ""`},
		"still waiting":         {[]*lifecyclev1.TimelineEntry{half("a", ""), half("a", "waiting")}, `result "waiting"`},
		"failed":                {[]*lifecyclev1.TimelineEntry{half("a", ""), half("a", "failed")}, `result "failed"`},
		"no intent":             {[]*lifecyclev1.TimelineEntry{half("a", "ok")}, "no intent"},
		"one outcome too many":  {[]*lifecyclev1.TimelineEntry{half("a", ""), half("a", "ok"), half("a", "ok")}, "no intent"},
		"an intent over intent": {[]*lifecyclev1.TimelineEntry{half("a", ""), half("a", ""), half("a", "ok")}, "no outcome"},
		"no trace":              {[]*lifecyclev1.TimelineEntry{half("a", ""), noTrace}, "trace id"},
		"no operation":          {[]*lifecyclev1.TimelineEntry{half("a", ""), noOperation}, "no operation"},
		"no duration":           {[]*lifecyclev1.TimelineEntry{half("a", ""), noDuration}, "no duration"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, judgeSteps(c.entries), c.want) })
	}
}

// expect demands an error with a text, or none where the text is empty.
func expect(t *testing.T, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("got the error %v, want %q", err, want)
	}
}

func TestJudgeChain(t *testing.T) {
	chain := func(statuses ...string) (changes []*lifecyclev1.StatusChange) {
		for n := range len(statuses) - 1 {
			changes = append(changes, &lifecyclev1.StatusChange{From: statuses[n], To: statuses[n+1]})
		}
		return changes
	}
	for name, c := range map[string]struct {
		changes []*lifecyclev1.StatusChange
		want    string
	}{
		"unbroken":        {chain("", "CREATED", "ACTIVE"), ""},
		"none":            {nil, "ends at"},
		"ends before":     {chain("", "CREATED"), "ends at"},
		"begins later":    {chain("CREATED", "ACTIVE"), "follows on"},
		"a row is lost":   {slices.Delete(chain("", "CREATED", "ROUTED", "ACTIVE"), 1, 2), "follows on"},
		"begins twice":    {append(chain("", "CREATED"), chain("", "ACTIVE")...), "follows on"},
		"a row too often": {append(chain("", "ACTIVE"), chain("ROUTED", "ACTIVE")...), "follows on"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, judgeChain(c.changes, "ACTIVE"), c.want) })
	}
}

func TestChangesOf_leaves_other_objects_and_steps_out(t *testing.T) {
	change := func(object, to string) *lifecyclev1.TimelineEntry {
		return &lifecyclev1.TimelineEntry{ObjectId: object,
			What: &lifecyclev1.TimelineEntry_Status{Status: &lifecyclev1.StatusChange{To: to}}}
	}
	step := half("a", "ok")
	step.ObjectId = "site"
	got := changesOf([]*lifecyclev1.TimelineEntry{change("site", "CREATED"), change("domain", "PENDING_DNS"), step}, "site")
	if len(got) != 1 || got[0].GetTo() != "CREATED" {
		t.Errorf("changesOf = %v, want only CREATED", got)
	}
}

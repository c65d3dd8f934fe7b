package cli

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// writeConditions adds the table of conditions, and then what is known about
// each one that stands in the way.
func writeConditions(p *page, conditions []*lifecyclev1.Condition, now time.Time) {
	if len(conditions) == 0 {
		return
	}
	rows := [][]string{{"TYPE", "STATUS", "REASON", "MESSAGE", "ACTOR", "SINCE", "NEXT"}}
	for _, c := range conditions {
		rows = append(rows, []string{
			c.GetType(), conditionStatus(c.GetStatus()), c.GetReason(), c.GetMessage(),
			actor(c.GetActor()), age(c.GetSince(), now), until(c.GetNextAttemptAt(), now),
		})
	}
	p.blank()
	p.table(rows...)
	for _, c := range conditions {
		if unmet(c) {
			p.blank()
			writeUnmet(p, c, now)
		}
	}
}

// writeUnmet says of a condition who must act, what is wrong, what was seen,
// what to do in order, when it is looked at next, and where to read more.
func writeUnmet(p *page, c *lifecyclev1.Condition, now time.Time) {
	p.printf("%s: %s", c.GetType(), mustAct(c.GetActor()))
	if text := cmp.Or(c.GetMessage(), c.GetReason()); text != "" {
		p.printf("  %s: %s", defect(c.GetStatus()), text)
	}
	for _, line := range c.GetEvidence() {
		p.printf("  seen: %s", line)
	}
	for _, line := range c.GetFix() {
		p.printf("  fix: %s", line)
	}
	if next := until(c.GetNextAttemptAt(), now); next != "" {
		p.printf("  next look: %s", next)
	}
	if diagnosis := diagnosisPage(c.GetReason()); diagnosis != "" {
		p.printf("  see: %s", diagnosis)
	}
}

func defect(status lifecyclev1.ConditionStatus) string {
	if status == lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE {
		return "wrong"
	}
	return "not known"
}

// diagnosisPage is the page that explains a reason; empty for a reason that is
// no diagnosis.
func diagnosisPage(reason string) string {
	if diagnosisv1.Code_value["CODE_"+reason] == 0 {
		return ""
	}
	return "docs/diagnoses/" + reason + ".md"
}

// causalOrder ranks the conditions of a domain: each can be met only after
// those before it. Types that are not known come last.
var causalOrder = map[string]int{
	"Owned": 1, "Resolves": 2, "EdgeRouted": 3, "TunnelRouted": 4, "CertReady": 5, "Serving": 6,
}

// causal are conditions in the order in which they can be met.
func causal(conditions []*lifecyclev1.Condition) []*lifecyclev1.Condition {
	rank := func(c *lifecyclev1.Condition) int {
		if known := causalOrder[c.GetType()]; known > 0 {
			return known
		}
		return len(causalOrder) + 1
	}
	return slices.SortedStableFunc(slices.Values(conditions), func(a, b *lifecyclev1.Condition) int {
		return cmp.Compare(rank(a), rank(b))
	})
}

// firstUnmet is the condition to mend first: what is wrong before what is not
// known, then in causal order. It is nil when nothing stands in the way.
func firstUnmet(conditions []*lifecyclev1.Condition) *lifecyclev1.Condition {
	var unknown *lifecyclev1.Condition
	for _, c := range causal(conditions) {
		switch {
		case c.GetStatus() == lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE:
			return c
		case unmet(c) && unknown == nil:
			unknown = c
		}
	}
	return unknown
}

// nextAttempt is when the first of the conditions that stand in the way is
// looked at again; nil when none is due.
func nextAttempt(conditions []*lifecyclev1.Condition) *timestamppb.Timestamp {
	var first *timestamppb.Timestamp
	for _, c := range conditions {
		at := c.GetNextAttemptAt()
		if unmet(c) && at != nil && (first == nil || at.AsTime().Before(first.AsTime())) {
			first = at
		}
	}
	return first
}

func unmet(condition *lifecyclev1.Condition) bool {
	status := condition.GetStatus()
	return status != lifecyclev1.ConditionStatus_CONDITION_STATUS_TRUE &&
		status != lifecyclev1.ConditionStatus_CONDITION_STATUS_NOT_APPLICABLE
}

// conditionLine is a condition in one line: what is known, why, who must act.
func conditionLine(condition *lifecyclev1.Condition) string {
	line := condition.GetType() + " " + conditionStatus(condition.GetStatus())
	if condition.GetReason() != "" {
		line += " " + condition.GetReason()
	}
	if condition.GetMessage() != "" {
		line += ": " + condition.GetMessage()
	}
	if unmet(condition) {
		line += " [" + mustAct(condition.GetActor()) + "]"
	}
	return line
}

func fixLines(condition *lifecyclev1.Condition) []string {
	var lines []string
	for _, fix := range condition.GetFix() {
		lines = append(lines, "  fix: "+fix)
	}
	return lines
}

// mustAct says who must act.
func mustAct(value diagnosisv1.Actor) string {
	switch value {
	case diagnosisv1.Actor_ACTOR_UNSPECIFIED, diagnosisv1.Actor_ACTOR_NOBODY:
		return "nothing to do but wait"
	case diagnosisv1.Actor_ACTOR_CA:
		return "the certificate authority must act"
	case diagnosisv1.Actor_ACTOR_CLOUDFLARE:
		return "Cloudflare must act"
	}
	return "the " + actor(value) + " must act"
}

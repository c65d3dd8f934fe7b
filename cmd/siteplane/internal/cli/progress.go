package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// progress prints what changes about an object while somebody waits: one line
// per change, the same on a terminal and in a log.
type progress struct {
	out   io.Writer
	now   func() time.Time
	start time.Time
}

// show prints how next differs from before; before is the zero sight at
// first.
func (p *progress) show(before, next sight) {
	for _, line := range changes(before, next) {
		p.line("%s", line)
	}
}

// line prints one line with the seconds since the start.
func (p *progress) line(format string, args ...any) {
	page := newPage()
	page.printf("%7.1fs  "+format, append([]any{p.now().Sub(p.start).Seconds()}, args...)...)
	// Progress that cannot be shown is no reason to stop waiting.
	_ = page.flush(p.out)
}

// changes are the differences between two looks at an object, for a person.
func changes(before, next sight) []string {
	var lines []string
	if next.status != before.status {
		kind, _, _ := strings.Cut(next.name, " ")
		lines = append(lines, kind+" is "+next.status)
	}
	if before.name == "" && next.phase == phaseLeaving {
		return lines // what was known before it was to go is no news
	}
	return append(append(lines, newRecords(before, next)...), newConditions(before, next)...)
}

func newRecords(before, next sight) []string {
	var lines []string
	for _, record := range next.records {
		if !slices.ContainsFunc(before.records, func(old *lifecyclev1.Instruction) bool { return proto.Equal(old, record) }) {
			lines = append(lines, fmt.Sprintf("record: %s %s %s (%s)", record.GetType(), record.GetName(), record.GetValue(), purpose(record)))
		}
	}
	return lines
}

func newConditions(before, next sight) []string {
	var lines []string
	for _, condition := range next.conditions {
		if !slices.ContainsFunc(before.conditions, func(old *lifecyclev1.Condition) bool { return sameCondition(old, condition) }) {
			lines = append(lines, conditionLine(condition))
			lines = append(lines, fixLines(condition)...)
		}
	}
	return lines
}

// sameCondition compares what a person would act on. Evidence and times
// change with every look and are no news.
func sameCondition(a, b *lifecyclev1.Condition) bool {
	return a.GetType() == b.GetType() && a.GetStatus() == b.GetStatus() && a.GetReason() == b.GetReason() &&
		a.GetMessage() == b.GetMessage() && a.GetActor() == b.GetActor() && slices.Equal(a.GetFix(), b.GetFix())
}

package cli

import (
	"io"
	"slices"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// progress prints what changes about a site while somebody waits: one line
// per change, the same on a terminal and in a log.
type progress struct {
	out   io.Writer
	now   func() time.Time
	start time.Time
}

// show prints how next differs from before; before is nil at first.
func (p *progress) show(before, next *lifecyclev1.Site) {
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

// changes are the differences between two looks at a site, for a person.
func changes(before, next *lifecyclev1.Site) []string {
	var lines []string
	if status := siteStatus(next.GetStatus()); status != siteStatus(before.GetStatus()) {
		lines = append(lines, "site is "+status)
	}
	if before == nil && next.GetStatus() == lifecyclev1.SiteStatus_SITE_STATUS_DELETING {
		return lines // what was known before the deletion is no news
	}
	known := conditionsOf(before)
	for _, condition := range conditionsOf(next) {
		if !slices.ContainsFunc(known, func(old *lifecyclev1.Condition) bool { return sameCondition(old, condition) }) {
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

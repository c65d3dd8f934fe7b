package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const activeLimit = 30 * time.Second

var traceID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// typeID is a lower-case prefix and a UUID in Crockford's base 32, whose first
// digit holds three bits.
var typeID = regexp.MustCompile(`^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$`)

// created: CreateSite answers with a site that is CREATED, its domain and its
// operation, and ids that are what they claim to be.
func created(ctx context.Context, d *demo) error {
	answer, err := d.createHello(ctx, nil)
	if err != nil {
		return err
	}
	site, operation := answer.GetSite(), answer.GetOperation()
	if got := site.GetStatus(); got != lifecyclev1.SiteStatus_SITE_STATUS_CREATED {
		return fmt.Errorf("the answer says %s, not CREATED", got)
	}
	for prefix, id := range map[string]string{
		"site_": site.GetSiteId(), "dom_": site.GetPrimaryDomain().GetDomainId(), "op_": operation.GetOperationId(),
	} {
		if !strings.HasPrefix(id, prefix) || !typeID.MatchString(id) {
			return fmt.Errorf("%q is no id that begins with %s", id, prefix)
		}
	}
	if got := operation.GetObjectId(); got != site.GetSiteId() {
		return fmt.Errorf("the operation is on %q, not on the site", got)
	}
	if got := operation.GetTraceId(); !traceID.MatchString(got) {
		return fmt.Errorf("the operation has the trace id %q", got)
	}
	return nil
}

// createHello creates the site that most of the demo is about.
func (d *demo) createHello(ctx context.Context, progress io.Writer, more ...string) (*lifecyclev1.GetSiteResponse, error) {
	args := append([]string{"create", "hello", "--origin", d.origin.address}, more...)
	answer, err := d.cli.site(ctx, progress, args...)
	if err == nil {
		d.hello = answer
	}
	return answer, err
}

// active: the site ends ACTIVE, and has walked every state on the way.
func active(ctx context.Context, d *demo) error {
	id := d.hello.GetSite().GetSiteId()
	err := eventually(ctx, activeLimit, func(ctx context.Context) error { return d.isActive(ctx, id) })
	if err != nil {
		return err
	}
	entries, err := d.cli.timeline(ctx, id)
	if err != nil {
		return err
	}
	var walked []string
	for _, change := range changesOf(entries, id) {
		walked = append(walked, change.GetTo())
	}
	want := []string{"CREATED", "PROVISIONING", "DOMAIN_PENDING_DNS", "DOMAIN_VALIDATED", "DOMAIN_ROUTED", "ACTIVE"}
	if !slices.Equal(walked, want) {
		return fmt.Errorf("the site walked %v, not %v", walked, want)
	}
	return nil
}

func (d *demo) isActive(ctx context.Context, id string) error {
	found, err := d.cli.site(ctx, nil, "get", id)
	if err != nil {
		return err
	}
	switch status := found.GetSite().GetStatus(); status {
	case lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE:
		return nil
	case lifecyclev1.SiteStatus_SITE_STATUS_ERROR:
		return fmt.Errorf("the site is in ERROR: %s %s: %w", found.GetOperation().GetReason(), found.GetOperation().GetMessage(), errNever)
	default:
		return fmt.Errorf("the site is %s%s", strings.TrimPrefix(status.String(), "SITE_STATUS_"), unmet(found.GetSite()))
	}
}

// unmet lists the conditions that do not hold, each after a comma.
func unmet(site *lifecyclev1.Site) string {
	return unmetOf(slices.Concat(site.GetConditions(), site.GetPrimaryDomain().GetConditions()))
}

func unmetOf(conditions []*lifecyclev1.Condition) string {
	var list strings.Builder
	for _, c := range conditions {
		switch c.GetStatus() {
		case lifecyclev1.ConditionStatus_CONDITION_STATUS_TRUE, lifecyclev1.ConditionStatus_CONDITION_STATUS_NOT_APPLICABLE:
		default:
			fmt.Fprintf(&list, ", %s is %s: %s", c.GetType(), c.GetReason(), c.GetMessage())
		}
	}
	return list.String()
}

package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// limitKind is one of a tenant's limits.
type limitKind struct {
	// flag is its name on the command line, name what the server calls it.
	flag, name string
	// usage says what it limits, room what makes room when it is reached.
	usage, room string
	of          func(*lifecyclev1.TenantLimits) **int64
	// used counts what there is; nil where nothing is counted.
	used func(*lifecyclev1.TenantUsage) int64
}

// limits are all limits of a tenant, in the order in which they are shown.
var limits = []limitKind{
	{
		flag: "sites", name: "sites", usage: "sites",
		room: "delete sites that are not needed any more; `siteplane site list` shows them",
		of:   func(l *lifecyclev1.TenantLimits) **int64 { return &l.Sites }, used: (*lifecyclev1.TenantUsage).GetSites,
	},
	{
		flag: "domains", name: "domains", usage: "domains, platform names included",
		room: "remove domains that are not needed any more; `siteplane domain list` shows them",
		of:   func(l *lifecyclev1.TenantLimits) **int64 { return &l.Domains }, used: (*lifecyclev1.TenantUsage).GetDomains,
	},
	{
		flag: "pending-claims", name: "pending_claims", usage: "domains that are claimed and not yet proved",
		room: "write the records of claimed names, or remove them; `siteplane domain list --status PENDING_DNS` shows them",
		of:   func(l *lifecyclev1.TenantLimits) **int64 { return &l.PendingClaims }, used: (*lifecyclev1.TenantUsage).GetPendingClaims,
	},
	{
		flag: "requests-per-second", name: "requests_per_second", usage: "calls a second",
		room: "wait a second and run the command again",
		of:   func(l *lifecyclev1.TenantLimits) **int64 { return &l.RequestsPerSecond },
	},
}

// limitFlags are the flags that name limits.
type limitFlags struct{ values []limitValue }

// addTo adds a flag for each limit, with a prefix before its name.
func (f *limitFlags) addTo(command *cobra.Command, prefix string) {
	f.values = make([]limitValue, len(limits))
	for i, limit := range limits {
		command.Flags().Var(&f.values[i], prefix+limit.flag, "at most `N|default` "+limit.usage)
	}
}

// given reports whether any limit is named.
func (f *limitFlags) given() bool {
	for _, value := range f.values {
		if value.given {
			return true
		}
	}
	return false
}

// applyTo returns limits with those that are named put in; a limit that shall be the
// installation's default is absent.
func (f *limitFlags) applyTo(own *lifecyclev1.TenantLimits) *lifecyclev1.TenantLimits {
	changed := &lifecyclev1.TenantLimits{}
	proto.Merge(changed, own)
	for i, value := range f.values {
		if value.given {
			*limits[i].of(changed) = value.number
		}
	}
	return changed
}

// limitValue is the value of a flag that names a limit.
type limitValue struct {
	given bool
	// number is nil for the installation's default.
	number *int64
}

func (v *limitValue) String() string { return "" }

// Type names the value in the help text.
func (v *limitValue) Type() string { return "N|default" }

// Set takes a number, or "default".
func (v *limitValue) Set(text string) error {
	v.given, v.number = true, nil
	if text == "default" {
		return nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 {
		return errors.New(`must be a number, or "default" for the installation's`)
	}
	v.number = &number
	return nil
}

// writeLimits adds a table of what a tenant uses and may.
func writeLimits(p *page, tenant *lifecyclev1.Tenant) {
	rows := [][]string{{"LIMIT", "USED", "ALLOWED", "SET BY"}}
	for _, limit := range limits {
		used, setBy := "", "the installation"
		if limit.used != nil {
			used = strconv.FormatInt(limit.used(tenant.GetUsage()), 10)
		}
		if *limit.of(orNone(tenant.GetOwnLimits())) != nil {
			setBy = "an operator"
		}
		rows = append(rows, []string{limit.name, used, allowed(limit, tenant), setBy})
	}
	p.blank()
	p.table(rows...)
}

// usedOf is what a tenant uses of a limit, and what it may.
func usedOf(limit limitKind, tenant *lifecyclev1.Tenant) string {
	return fmt.Sprintf("%d/%s", limit.used(tenant.GetUsage()), orDash(allowed(limit, tenant)))
}

func allowed(limit limitKind, tenant *lifecyclev1.Tenant) string {
	number := *limit.of(orNone(tenant.GetLimits()))
	if number == nil {
		return ""
	}
	return strconv.FormatInt(*number, 10)
}

func orNone(limits *lifecyclev1.TenantLimits) *lifecyclev1.TenantLimits {
	if limits == nil {
		return &lifecyclev1.TenantLimits{}
	}
	return limits
}

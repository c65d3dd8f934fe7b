package admin_test

import (
	"errors"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
)

func TestLimits_Over(t *testing.T) {
	defaults := lifecycle.TenantLimits{Sites: 1, Domains: 2, PendingClaims: 3, RequestsPerSecond: 4}
	for name, tt := range map[string]struct {
		own  admin.Limits
		want lifecycle.TenantLimits
	}{
		"none":     {admin.Limits{}, defaults},
		"one of 0": {admin.Limits{Domains: new(int64(0))}, lifecycle.TenantLimits{Sites: 1, PendingClaims: 3, RequestsPerSecond: 4}},
		"all": {
			admin.Limits{Sites: new(int64(5)), Domains: new(int64(6)), PendingClaims: new(int64(7)), RequestsPerSecond: new(int64(8))},
			lifecycle.TenantLimits{Sites: 5, Domains: 6, PendingClaims: 7, RequestsPerSecond: 8},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.own.Over(defaults); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestUsage_Check(t *testing.T) {
	limits := lifecycle.TenantLimits{Sites: 1, Domains: 2, PendingClaims: 3}
	for name, tt := range map[string]struct {
		used, more admin.Usage
		reached    string // empty for none
	}{
		"room for the last":        {admin.Usage{Domains: 1, PendingClaims: 2}, admin.Usage{Sites: 1, Domains: 1, PendingClaims: 1}, ""},
		"no site":                  {admin.Usage{Sites: 1}, admin.Usage{Sites: 1}, admin.LimitSites},
		"no domain":                {admin.Usage{Domains: 2}, admin.Usage{Domains: 1}, admin.LimitDomains},
		"no claim":                 {admin.Usage{PendingClaims: 3}, admin.Usage{PendingClaims: 1}, admin.LimitPendingClaims},
		"two where there is one":   {admin.Usage{Domains: 1}, admin.Usage{Domains: 2}, admin.LimitDomains},
		"over it, asking no more":  {admin.Usage{Sites: 9, Domains: 9, PendingClaims: 9}, admin.Usage{}, ""},
		"over another than asked":  {admin.Usage{Sites: 9}, admin.Usage{Domains: 1}, ""},
		"both, the first is named": {admin.Usage{Sites: 1, Domains: 2}, admin.Usage{Sites: 1, Domains: 1}, admin.LimitSites},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.used.Check(limits, tt.more)
			var reached *admin.LimitError
			if tt.reached == "" && err != nil || tt.reached != "" && (!errors.As(err, &reached) || reached.Limit != tt.reached || reached.RetryAfter != 0) {
				t.Errorf("got %v", err)
			}
		})
	}
}

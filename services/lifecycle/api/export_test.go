package api

import (
	"maps"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// Policy is which role each RPC demands.
func Policy() map[string]auth.Role { return maps.Clone(policy) }

// NewImpatient is New with less patience for who does not read.
func NewImpatient(cp *app.ControlPlane, t *telemetry.Telemetry, patience time.Duration) *API {
	a := New(cp, t)
	a.patience = patience
	return a
}

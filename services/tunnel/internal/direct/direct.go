// Package direct is the backend of an installation without tunnel: names reach
// the edges by their own addresses and no zone is ours to write to.
//
// It owns this answer and nothing else; it needs no configuration.
package direct

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
	"github.com/siteplane/siteplane/services/tunnel/internal/zone"
)

// Name is what this backend is called in the configuration and in answers.
const Name = "direct"

// Backend holds no zone and no route.
type Backend struct{}

// Name returns "direct".
func (Backend) Name() string { return Name }

// CustomHostnameTarget returns "": there are no custom hostnames.
func (Backend) CustomHostnameTarget() string { return "" }

// LookupZone finds no zone for any name.
func (Backend) LookupZone(context.Context, string) (*zone.Zone, error) { return nil, nil }

// Apply holds no routes without effort, and refuses to hold any.
func (Backend) Apply(_ context.Context, snapshot route.Snapshot) (route.Result, error) {
	return route.Result{}, holdsNone(snapshot.Routes)
}

// Observe finds that no routes are held, as they should be, and refuses to compare
// any.
func (Backend) Observe(_ context.Context, _ string, routes []route.Route) (route.Observation, error) {
	return route.Observation{}, holdsNone(routes)
}

func holdsNone(routes []route.Route) error {
	if n := len(routes); n > 0 {
		return &fault.Unsupported{Message: fmt.Sprintf(
			"the direct backend has no tunnel to hold %d routes: configure the cloudflare backend", n)}
	}
	return nil
}

// ReadRoute finds nothing.
func (Backend) ReadRoute(context.Context, string, route.Route) (route.Reading, error) {
	return route.Reading{State: route.Absent, Observed: []string{"the direct backend holds no routes"}}, nil
}

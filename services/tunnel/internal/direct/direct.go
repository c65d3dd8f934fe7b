// Package direct is the backend of an installation without tunnel: names reach
// the edges by their own addresses and no zone is ours to write to.
//
// It owns this answer and nothing else; it needs no configuration and cannot
// fail.
package direct

import (
	"context"

	"github.com/siteplane/siteplane/services/tunnel/internal/zone"
)

// Name is what this backend is called in the configuration and in answers.
const Name = "direct"

// Backend holds no zone.
type Backend struct{}

// Name returns "direct".
func (Backend) Name() string { return Name }

// LookupZone finds no zone for any name.
func (Backend) LookupZone(context.Context, string) (*zone.Zone, error) { return nil, nil }

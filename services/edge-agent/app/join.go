package app

import (
	"context"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/internal/enrolment"
)

// JoinConfig says how a host joins. Server, Token, Address and Dir are required.
type JoinConfig struct {
	// Server is where lifecycle enrols, host:port.
	Server string
	// Token is the text of the join token.
	Token string
	// Address is where lifecycle will call the agent, host:port.
	Address string
	// Dir takes the identity, for Config.Identity; it is made where it is missing.
	Dir string
	// Force replaces the identity of an edge that is there.
	Force bool
}

// Validate reports every problem at once, without repeating the token.
func (c JoinConfig) Validate() error { return c.internal().Validate() }

func (c JoinConfig) internal() enrolment.JoinConfig {
	return enrolment.JoinConfig{
		Server: c.Server, Token: c.Token, Address: c.Address, Dir: c.Dir, Force: c.Force, Telemetry: telemetry.Discard("edge-join"),
	}
}

// Joined is the edge that the host is now.
type Joined struct {
	EdgeID, Name string
	// Until is when its certificate ends, if no agent renews it.
	Until time.Time
}

// Join makes this host an edge: it makes the key here, and asks lifecycle for the
// certificate. Whom it believes, it knows by the token alone. Repeating it with the
// same token gives the same edge. Refusals are gRPC statuses, wrapped.
func Join(ctx context.Context, cfg JoinConfig) (Joined, error) {
	joined, err := enrolment.Join(ctx, cfg.internal())
	if err != nil {
		return Joined{}, fmt.Errorf("join: %w", err)
	}
	return Joined(joined), nil
}

// Enrolled reports whether the identity in a folder came with a join token. Then
// Config.Renew keeps it from ending.
func Enrolled(dir string) bool { return enrolment.Enrolled(dir) }

// RecoverIdentity ends what a power cut interrupted while a renewed identity took the
// place of the one before. It comes before the identity is loaded.
func RecoverIdentity(dir string) error { return enrolment.Recover(dir) }

// renew runs until the context is done, and returns at once where there is nothing to renew.
func renew(ctx context.Context, config Config) {
	if config.Renew == "" {
		return
	}
	enrolment.NewRenewer(enrolment.RenewConfig{
		Dir: config.Renew, Identity: config.Identity, Telemetry: config.Telemetry,
	}).Run(ctx)
}

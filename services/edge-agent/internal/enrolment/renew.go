package enrolment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	enrolmentv1 "github.com/siteplane/siteplane/gen/siteplane/enrolment/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// Reasons for which lifecycle renews nothing until somebody acts.
const (
	reasonEvicted = "EDGE_EVICTED"
	reasonCloned  = "EDGE_CLONED"
)

const (
	// shortestPause keeps a certificate of seconds from being asked for all the time.
	shortestPause = time.Second
	// longestPause is between two tries, however long the certificate is valid.
	longestPause = 30 * time.Minute
)

// RenewConfig says whose certificate is renewed; all is required.
type RenewConfig struct {
	// Dir is the folder that Join filled.
	Dir string
	// Identity is what was loaded from there, and gets what is renewed.
	Identity  *identity.Identity
	Telemetry *telemetry.Telemetry
}

// Renewer keeps the certificate of this edge from ending.
type Renewer struct {
	dir      folder
	identity *identity.Identity
	logger   *slog.Logger
	ask      func(ctx context.Context, server string, der []byte) (*enrolmentv1.RenewEdgeResponse, error)
	// said is the last reason that waits for somebody, which is told once.
	said string
}

// NewRenewer returns a renewer that does nothing yet.
func NewRenewer(cfg RenewConfig) *Renewer {
	return &Renewer{dir: folder(cfg.Dir), identity: cfg.Identity, logger: cfg.Telemetry.Logger(), ask: overTheWire(cfg)}
}

func overTheWire(cfg RenewConfig) func(context.Context, string, []byte) (*enrolmentv1.RenewEdgeResponse, error) {
	return func(ctx context.Context, server string, der []byte) (*enrolmentv1.RenewEdgeResponse, error) {
		conn, err := rpc.Dial(server, rpc.DialConfig{TLS: cfg.Identity.ClientTLS(lifecyclePath), Telemetry: cfg.Telemetry, CallTimeout: callLimit})
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return enrolmentv1.NewEnrolmentServiceClient(conn).RenewEdge(ctx, &enrolmentv1.RenewEdgeRequest{CertificateRequest: der})
	}
}

// Run renews, when a third of the certificate's time is left, until the context is
// done. What fails is tried again, and said: the edge goes on with what it has.
func (r *Renewer) Run(ctx context.Context) {
	failures := 0
	for {
		pause := time.Until(r.due())
		if failures > 0 {
			pause = max(pause, r.pauseAfter(failures))
		}
		if !wait(ctx, max(pause, shortestPause)) {
			return
		}
		if time.Now().Before(r.end().Add(-r.identity.Lifetime() / 2)) {
			failures = 0 // somebody else put a new one there
			continue
		}
		if err := r.renew(ctx); err != nil {
			failures++
			r.tell(ctx, err)
			continue
		}
		failures, r.said = 0, ""
		r.logger.InfoContext(ctx, "certificate renewed", "until", r.end())
	}
}

func (r *Renewer) end() time.Time { return r.identity.NotAfter() }

// due is up to a twelfth of the lifetime before the last third of it begins, at
// random: edges that joined together do not all ask at once.
func (r *Renewer) due() time.Time {
	lifetime := r.identity.Lifetime()
	return r.end().Add(-lifetime/3 - jitter(lifetime/12))
}

// pauseAfter doubles with each failure, from a thousandth of the lifetime to a
// thirtieth.
func (r *Renewer) pauseAfter(failures int) time.Duration {
	lifetime := r.identity.Lifetime()
	pause := lifetime / 1000 << min(failures-1, 10)
	pause = min(pause, lifetime/30, longestPause)
	return pause + jitter(pause/4)
}

func jitter(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return rand.N(most)
}

// wait reports whether the time is over, and not the context.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// renew asks for a certificate of a new key and takes it.
func (r *Renewer) renew(ctx context.Context) error {
	known, err := r.dir.readRecord()
	if err != nil {
		return err
	}
	request, err := identity.NewRequest()
	if err != nil {
		return err
	}
	answer, err := r.ask(ctx, known.Server, request.DER())
	if err != nil {
		return fmt.Errorf("renew at %s: %w", known.Server, err)
	}
	if !bytes.Equal([]byte(answer.GetCa()), r.identity.CertificatePEM()) {
		return errors.New("the CA of the new certificate is another: join anew, once the installation has its new CA")
	}
	taken, err := r.dir.take(request, []byte(answer.GetCertificate()), []byte(answer.GetCa()))
	if err != nil {
		return err
	}
	if _, err := r.identity.Reload(r.dir.identity()); err != nil {
		return err
	}
	if !r.end().Equal(taken.NotAfter()) {
		return errors.New("somebody else replaces the identity at the same time")
	}
	return nil
}

// tell says what came in the way: what waits for somebody once, the rest at each try.
func (r *Renewer) tell(ctx context.Context, err error) {
	left := time.Until(r.end())
	switch reason, remedy := standing(err, left); {
	case remedy != "" && reason != r.said:
		r.said = reason
		r.logger.ErrorContext(ctx, "certificate is not renewed: "+remedy, telemetry.KeyReason, reason, telemetry.KeyError, err, "until", r.end())
	case remedy != "":
	case left < r.identity.Lifetime()/4:
		r.logger.WarnContext(ctx, "certificate ends soon and is not renewed; lifecycle cannot call this edge after that", telemetry.KeyError, err, "until", r.end())
	default:
		r.logger.InfoContext(ctx, "certificate is not renewed yet", telemetry.KeyError, err, "until", r.end())
	}
}

// standing returns what only somebody can mend, and how; an empty remedy where trying
// again may help.
func standing(err error, left time.Duration) (reason, remedy string) {
	const rejoin = "`siteplane edge join --force` with a new token"
	switch reason = rpcerr.Reason(err); {
	case reason == reasonEvicted:
		return reason, "this edge was evicted and is sent nothing any more. nginx goes on with what it has until `edge-agent --stop-nginx` ends it; to come back it joins as a new edge: " + rejoin
	case reason == reasonCloned:
		return reason, "another host has renewed this certificate, so two hosts are this edge, for instance because a disk was copied: stop the agent of the copy, then join here anew, " + rejoin
	case left <= 0:
		return "CERTIFICATE_EXPIRED", "it has expired, and lifecycle cannot call this edge, which serves what it has: join anew, " + rejoin
	}
	return reason, ""
}

package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

const (
	// maxTokenLifetime bounds how long a token can be used; it is also how long without
	// being asked.
	maxTokenLifetime = 10 * time.Minute
	// tokenKept is how long a token that has ended is kept, for saying why it was
	// refused.
	tokenKept = time.Hour
)

// tokenText encodes the parts of a token's text, in one way only.
var tokenText = base64.RawURLEncoding.Strict()

// TokenAsked is a join token to be.
type TokenAsked struct {
	// Name is that of the edge.
	Name string
	// Labels and PublicAddresses are those of a new edge.
	Labels          edge.Labels
	PublicAddresses []string
	// Lifetime is how long it can be used, at most ten minutes, which is what 0 means.
	Lifetime time.Duration
}

// NewJoinToken is a join token and its text.
type NewJoinToken struct {
	Token edge.JoinToken
	// Text is empty when the request was repeated: it is shown once.
	Text secret.Secret `json:"-"`
}

// auditToken is what the audit keeps of a join token.
type auditToken struct {
	EdgeID          id.Edge     `json:"edge_id"`
	Name            string      `json:"name"`
	Labels          edge.Labels `json:"labels,omitempty"`
	PublicAddresses []string    `json:"public_addresses,omitempty"`
	ExpiresAt       time.Time   `json:"expire_time"`
}

func auditedToken(t edge.JoinToken) auditToken {
	return auditToken{EdgeID: t.EdgeID, Name: t.Name, Labels: t.Labels, PublicAddresses: t.PublicAddresses, ExpiresAt: t.ExpiresAt}
}

// CreateJoinToken lets one host join, once: as the edge of that name that is not
// evicted, or as a new one. It ends the tokens of that name that were made before. The
// text is returned once and stored nowhere. A lifetime that is too long is a
// *lifecycle.InvalidError; that nothing here can issue certificates, a
// *lifecycle.PreconditionError.
func (c *ControlPlane) CreateJoinToken(ctx context.Context, by auth.Principal, in TokenAsked, request RequestID) (NewJoinToken, error) {
	return mutate(ctx, c, ask{by: by, action: "CreateJoinToken", request: request, body: in}, func(tx store.Tx, r *record) (NewJoinToken, error) {
		if c.issuer == nil {
			return NewJoinToken{}, errNoIssuer()
		}
		token, err := c.newToken(ctx, tx, in)
		if err != nil {
			return NewJoinToken{}, err
		}
		if err := endTokens(ctx, tx, token); err != nil {
			return NewJoinToken{}, err
		}
		hash, text := newSecret(token.ID, c.issuer.Digest())
		kept := auditedToken(token)
		*r = record{tenant: by.TenantID, object: string(token.ID), after: kept, event: event.JoinTokenCreated, data: kept}
		row := token
		row.SecretHash = hash
		return NewJoinToken{Token: token, Text: text}, tx.InsertJoinToken(ctx, row)
	})
}

func errNoIssuer() error {
	return &lifecycle.PreconditionError{
		Message: "no certificates are issued here: start lifecycle with --listen-enrolment and --issuing-ca, or `siteplane up` with --listen-enrolment",
	}
}

// newToken decides which edge a token is for; it has no secret yet.
func (c *ControlPlane) newToken(ctx context.Context, tx store.Tx, in TokenAsked) (edge.JoinToken, error) {
	if in.Lifetime < 0 || in.Lifetime > maxTokenLifetime {
		return edge.JoinToken{}, &lifecycle.InvalidError{Violations: []lifecycle.Violation{
			{Field: "lifetime", Description: "must be at most " + maxTokenLifetime.String()},
		}}
	}
	if in.Lifetime == 0 {
		in.Lifetime = maxTokenLifetime
	}
	now := c.clock()
	token := edge.JoinToken{
		ID: id.NewJoinToken(), EdgeID: id.NewEdge(), Name: in.Name, Labels: in.Labels, PublicAddresses: in.PublicAddresses,
		CreatedAt: now, ExpiresAt: now.Add(in.Lifetime),
	}
	e, ok, err := liveEdge(ctx, tx, in.Name)
	if ok {
		token.EdgeID, token.Labels, token.PublicAddresses = e.ID, e.Labels, e.PublicAddresses
	}
	return token, err
}

// liveEdge returns the edge of a name that is not evicted.
func liveEdge(ctx context.Context, tx store.Tx, name string) (found edge.Edge, ok bool, err error) {
	edges, err := tx.ListEdges(ctx)
	for _, e := range edges {
		if e.Name == name && !e.Evicted() {
			return e, true, err
		}
	}
	return edge.Edge{}, false, err
}

// endTokens ends the earlier tokens of a name: of two hosts that join as one edge, the
// later one would take the place of the other unseen.
func endTokens(ctx context.Context, tx store.Tx, newer edge.JoinToken) error {
	tokens, err := tx.ListJoinTokens(ctx)
	for _, t := range tokens {
		if t.Name == newer.Name || t.EdgeID == newer.EdgeID {
			err = errors.Join(err, tx.DeleteJoinToken(ctx, t.ID))
		}
	}
	return err
}

// newSecret makes the secret of a token, and the text with it.
func newSecret(token id.JoinToken, ca [32]byte) (hash [32]byte, text secret.Secret) {
	var random [32]byte
	rand.Read(random[:]) // never fails
	parts := []string{string(token), tokenText.EncodeToString(random[:]), tokenText.EncodeToString(ca[:])}
	return sha256.Sum256(random[:]), secret.Secret(strings.Join(parts, "."))
}

// heldToken is what a text that somebody holds says.
type heldToken struct {
	id     id.JoinToken
	secret []byte
	ca     []byte
}

// readToken takes a text apart; ok is false when it is none.
func readToken(text secret.Secret) (t heldToken, ok bool) {
	parts := strings.Split(text.Reveal(), ".")
	if len(parts) != 3 {
		return t, false
	}
	random, err := tokenText.DecodeString(parts[1])
	ca, caErr := tokenText.DecodeString(parts[2])
	return heldToken{id: id.JoinToken(parts[0]), secret: random, ca: ca}, err == nil && caErr == nil
}

// opens reports whether it has the secret of a row.
func (t heldToken) opens(row edge.JoinToken) bool {
	hash := sha256.Sum256(t.secret)
	return subtle.ConstantTimeCompare(hash[:], row.SecretHash[:]) == 1
}

// ListJoinTokens returns the tokens that can be used, newest first.
func (c *ControlPlane) ListJoinTokens(ctx context.Context) (tokens []edge.JoinToken, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		tokens = nil
		all, err := tx.ListJoinTokens(ctx)
		for _, t := range all {
			if t.UsedAt.IsZero() && c.clock().Before(t.ExpiresAt) {
				t.SecretHash = [32]byte{}
				tokens = append(tokens, t)
			}
		}
		return err
	})
	return tokens, err
}

// DeleteJoinToken ends a token. An unknown one is a *lifecycle.NotFoundError.
func (c *ControlPlane) DeleteJoinToken(ctx context.Context, by auth.Principal, token id.JoinToken, request RequestID) error {
	_, err := mutate(ctx, c, ask{by: by, action: "DeleteJoinToken", request: request, body: token}, func(tx store.Tx, r *record) (none, error) {
		had, err := tx.GetJoinToken(ctx, token)
		if err != nil {
			return none{}, err
		}
		kept := auditedToken(had)
		*r = record{tenant: by.TenantID, object: string(token), before: kept, event: event.JoinTokenDeleted, data: kept}
		return none{}, tx.DeleteJoinToken(ctx, token)
	})
	return err
}

// pruneTokens lets go of the tokens that ended a while ago.
func (c *ControlPlane) pruneTokens(ctx context.Context) error {
	before := c.clock().Add(-tokenKept)
	return c.store.Update(ctx, func(tx store.Tx) error { return tx.PruneJoinTokens(ctx, before) })
}

package edge

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Certificate is what is known of the certificate of an edge.
type Certificate struct {
	// Serial is its number, in hexadecimal, and Previous that of the one with which
	// it was asked for: the host may have lost the answer, and ask with that again.
	Serial, Previous string
	// JoinedAt is when a host joined as the edge last.
	JoinedAt  time.Time
	ExpiresAt time.Time
}

// JoinToken lets one host join as one edge, once.
type JoinToken struct {
	ID id.JoinToken
	// SecretHash is over the secret in its text, which is stored nowhere.
	SecretHash [32]byte
	// EdgeID is the edge that the host becomes; there may be no such edge yet.
	EdgeID id.Edge
	// Name, Labels and PublicAddresses are those of a new edge.
	Name            string
	Labels          Labels
	PublicAddresses []string
	CreatedAt       time.Time
	ExpiresAt       time.Time
	// UsedAt is when a host joined with it, zero while none did.
	UsedAt time.Time
	// UsedBy is the hash of that host's first key; nil while there is none.
	UsedBy []byte
}

// TokenStore keeps join tokens inside the caller's transaction.
type TokenStore interface {
	// InsertJoinToken writes a new token.
	InsertJoinToken(ctx context.Context, t JoinToken) error
	// GetJoinToken returns a token. An unknown one is a *lifecycle.NotFoundError.
	GetJoinToken(ctx context.Context, token id.JoinToken) (JoinToken, error)
	// ListJoinTokens returns all tokens, newest first.
	ListJoinTokens(ctx context.Context) ([]JoinToken, error)
	// UseJoinToken notes that a host joined with a token; one that was used before
	// is lifecycle.ErrLostRace.
	UseJoinToken(ctx context.Context, token id.JoinToken, at time.Time, by []byte) error
	// DeleteJoinToken removes a token; none is no error.
	DeleteJoinToken(ctx context.Context, token id.JoinToken) error
	// PruneJoinTokens removes those that ended before a time.
	PruneJoinTokens(ctx context.Context, before time.Time) error
}

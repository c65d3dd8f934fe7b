package relational

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const tokenColumns = `id, secret_hash, edge_id, name, labels, public_addresses, created_at, expires_at, used_at, used_by`

func scanToken(r Row) (j edge.JoinToken, err error) {
	var hash []byte
	err = r.Scan(&j.ID, &hash, &j.EdgeID, &j.Name, labels{&j.Labels}, items{&j.PublicAddresses},
		moment{&j.CreatedAt}, moment{&j.ExpiresAt}, moment{&j.UsedAt}, &j.UsedBy)
	copy(j.SecretHash[:], hash)
	return j, err
}

// InsertJoinToken writes a new token.
func (t *Tx) InsertJoinToken(ctx context.Context, j edge.JoinToken) error {
	return t.later(ctx, "insert the join token", `
		INSERT INTO join_token (`+tokenColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		j.ID, j.SecretHash[:], j.EdgeID, j.Name, labelled(j.Labels), list(j.PublicAddresses),
		stamp(j.CreatedAt), stamp(j.ExpiresAt), stamp(j.UsedAt), j.UsedBy)
}

// GetJoinToken returns a token.
func (t *Tx) GetJoinToken(ctx context.Context, token id.JoinToken) (edge.JoinToken, error) {
	j, ok, err := one(ctx, t, "read the join token", scanToken, `SELECT `+tokenColumns+` FROM join_token WHERE id = ?`, token)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "join token", ID: string(token)}
	}
	return j, err
}

// ListJoinTokens returns all tokens, newest first.
func (t *Tx) ListJoinTokens(ctx context.Context) ([]edge.JoinToken, error) {
	return all(ctx, t, "list the join tokens", scanToken, `SELECT `+tokenColumns+` FROM join_token ORDER BY id DESC`)
}

// UseJoinToken notes that a host joined with a token, if none did before.
func (t *Tx) UseJoinToken(ctx context.Context, token id.JoinToken, at time.Time, by []byte) error {
	n, err := t.exec(ctx, "use the join token", `
		UPDATE join_token SET used_at = ?, used_by = ? WHERE id = ? AND used_at IS NULL`, stamp(at), by, token)
	if err == nil && n == 0 {
		if _, err = t.GetJoinToken(ctx, token); err == nil {
			err = lifecycle.ErrLostRace
		}
	}
	return err
}

// DeleteJoinToken removes a token.
func (t *Tx) DeleteJoinToken(ctx context.Context, token id.JoinToken) error {
	return t.later(ctx, "delete the join token", `DELETE FROM join_token WHERE id = ?`, token)
}

// PruneJoinTokens removes those that ended before a time.
func (t *Tx) PruneJoinTokens(ctx context.Context, before time.Time) error {
	return t.later(ctx, "prune the join tokens", `DELETE FROM join_token WHERE expires_at < ?`, stamp(before))
}

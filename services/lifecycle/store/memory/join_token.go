package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

var tokenSchema = &schema[edge.JoinToken]{
	key: &index[edge.JoinToken]{
		unique: "join_token.id",
		then:   func(a, b *edge.JoinToken) int { return cmp.Compare(a.ID, b.ID) },
	},
	keep: func(j *edge.JoinToken) {
		micro(&j.CreatedAt, &j.ExpiresAt, &j.UsedAt)
		j.Labels, j.PublicAddresses, j.UsedBy = ownLabels(j.Labels), own(j.PublicAddresses), own(j.UsedBy)
	},
	rules: []rule[edge.JoinToken]{
		{"join_token.edge_id", func(j *edge.JoinToken) bool { return j.EdgeID != "" }},
		{"join_token.name", func(j *edge.JoinToken) bool { return j.Name != "" }},
		{"join_token.created_at", func(j *edge.JoinToken) bool { return set(j.CreatedAt, j.ExpiresAt) }},
		{"join_token.used_at", func(j *edge.JoinToken) bool { return j.UsedAt.IsZero() == (j.UsedBy == nil) }},
	},
}

// InsertJoinToken writes a new token.
func (t *tx) InsertJoinToken(_ context.Context, j edge.JoinToken) error { return t.tokens.insert(t, j) }

// GetJoinToken returns a token.
func (t *tx) GetJoinToken(_ context.Context, token id.JoinToken) (edge.JoinToken, error) {
	j, ok := t.tokens.get(edge.JoinToken{ID: token})
	if !ok {
		return j, &lifecycle.NotFoundError{Kind: "join token", ID: string(token)}
	}
	return j, nil
}

// ListJoinTokens returns all tokens, newest first.
func (t *tx) ListJoinTokens(context.Context) ([]edge.JoinToken, error) {
	tokens := t.tokens.list(t.tokens.all(), all, nil)
	slices.Reverse(tokens)
	return tokens, nil
}

// UseJoinToken notes that a host joined with a token, if none did before.
func (t *tx) UseJoinToken(ctx context.Context, token id.JoinToken, at time.Time, by []byte) error {
	j, err := t.GetJoinToken(ctx, token)
	switch {
	case err != nil:
		return err
	case !j.UsedAt.IsZero():
		return lifecycle.ErrLostRace
	}
	j.UsedAt, j.UsedBy = at, by
	return t.tokens.put(t, j)
}

// DeleteJoinToken removes a token.
func (t *tx) DeleteJoinToken(_ context.Context, token id.JoinToken) error {
	_, err := t.tokens.remove(t, edge.JoinToken{ID: token})
	return err
}

// PruneJoinTokens removes those that ended before a time.
func (t *tx) PruneJoinTokens(ctx context.Context, before time.Time) error {
	for _, j := range t.tokens.list(t.tokens.all(), all, nil) {
		if j.ExpiresAt.Before(before) {
			if err := t.DeleteJoinToken(ctx, j.ID); err != nil {
				return err
			}
		}
	}
	return t.tokens.own(t)
}

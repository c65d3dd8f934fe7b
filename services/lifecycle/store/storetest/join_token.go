package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var joinTokenTests = []test{
	{"a token is kept as it was written", tokenIsKept},
	{"an unknown token is not found", unknownToken},
	{"tokens are listed newest first", tokensAreListed},
	{"a token is used once", tokenIsUsedOnce},
	{"of two hosts at once one uses a token", tokenIsRaced},
	{"a deleted token is gone, and deleting none does nothing", tokenIsDeleted},
	{"a prune removes those that ended before", tokensArePruned},
}

func (f *fixture) blankToken() edge.JoinToken {
	return edge.JoinToken{
		ID: id.NewJoinToken(), SecretHash: [32]byte{1, 2, 31: 3}, EdgeID: "edge_1", Name: "one",
		CreatedAt: f.now, ExpiresAt: f.now.Add(10 * time.Minute),
	}
}

// newToken inserts a token and returns it.
func (f *fixture) newToken() edge.JoinToken {
	f.Helper()
	j := f.blankToken()
	f.must(f.insertToken(j))
	return j
}

func (f *fixture) insertToken(j edge.JoinToken) error {
	return f.try(func(tx store.Tx) error { return tx.InsertJoinToken(f.ctx, j) })
}

func (f *fixture) getToken(token id.JoinToken) edge.JoinToken {
	f.Helper()
	return read(f, func(tx store.Tx) (edge.JoinToken, error) { return tx.GetJoinToken(f.ctx, token) })
}

func (f *fixture) useToken(token id.JoinToken, by ...byte) error {
	return f.try(func(tx store.Tx) error { return tx.UseJoinToken(f.ctx, token, f.now, by) })
}

func (f *fixture) tokens() []edge.JoinToken {
	f.Helper()
	return read(f, func(tx store.Tx) ([]edge.JoinToken, error) { return tx.ListJoinTokens(f.ctx) })
}

func tokenIsKept(f *fixture) {
	bare := f.newToken()
	equal(f, f.getToken(bare.ID), bare)
	full := f.blankToken()
	full.Labels, full.PublicAddresses = edge.Labels{"region": "eu", "canary": "true"}, []string{"192.0.2.1", "2001:db8::1"}
	f.must(f.insertToken(full))
	equal(f, f.getToken(full.ID), full)
	f.refused(func(tx store.Tx) error { return tx.InsertJoinToken(f.ctx, full) })
}

func unknownToken(f *fixture) {
	f.notFound(f.try(func(tx store.Tx) error { _, err := tx.GetJoinToken(f.ctx, "join_1"); return err }), "join token", "join_1")
	f.notFound(f.useToken("join_1", 1), "join token", "join_1")
}

func tokensAreListed(f *fixture) {
	equal(f, f.tokens(), nil)
	first, second := f.newToken(), f.newToken()
	f.must(f.useToken(first.ID, 1))
	equal(f, f.tokens(), []edge.JoinToken{second, f.getToken(first.ID)})
}

func tokenIsUsedOnce(f *fixture) {
	j, other := f.newToken(), f.newToken()
	want := j
	want.UsedAt, want.UsedBy = f.now, []byte{1, 2}
	f.must(f.useToken(j.ID, 1, 2))
	f.after(time.Second)
	f.is(f.useToken(j.ID, 1, 2), lifecycle.ErrLostRace)
	f.is(f.useToken(j.ID, 3), lifecycle.ErrLostRace)
	equal(f, f.getToken(j.ID), want)
	equal(f, f.getToken(other.ID), other)
}

func tokenIsRaced(f *fixture) {
	j := f.newToken()
	f.oneWins(func(tx store.Tx) error { return tx.UseJoinToken(f.ctx, j.ID, f.now, []byte{1}) })
}

func tokenIsDeleted(f *fixture) {
	j, other := f.newToken(), f.newToken()
	remove := func(token id.JoinToken) {
		f.update(func(tx store.Tx) error { return tx.DeleteJoinToken(f.ctx, token) })
	}
	remove(j.ID)
	remove(j.ID)
	remove("join_1")
	equal(f, f.tokens(), []edge.JoinToken{other})
}

func tokensArePruned(f *fixture) {
	ended := f.newToken()
	f.must(f.useToken(ended.ID, 1))
	last := f.blankToken()
	last.ExpiresAt = ended.ExpiresAt.Add(time.Microsecond)
	f.must(f.insertToken(last))
	f.update(func(tx store.Tx) error { return tx.PruneJoinTokens(f.ctx, ended.ExpiresAt) })
	equal(f, len(f.tokens()), 2)
	f.update(func(tx store.Tx) error { return tx.PruneJoinTokens(f.ctx, last.ExpiresAt) })
	equal(f, f.tokens(), []edge.JoinToken{last})
}

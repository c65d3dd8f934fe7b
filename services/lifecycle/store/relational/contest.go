package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

const contestColumns = `hostname, contender_id, contender_tenant_id, holder_id, holder_tenant_id,
	token, opened_at, until, outcome`

func scanContest(r Row) (c network.Contest, err error) {
	err = r.Scan(&c.Hostname, &c.ContenderID, &c.ContenderTenant, &c.HolderID, &c.HolderTenant,
		&c.Token, moment{&c.OpenedAt}, moment{&c.Until}, &c.Outcome)
	return c, err
}

// ContestsOn returns the contests of a hostname, oldest first.
func (t *Tx) ContestsOn(ctx context.Context, hostname string) ([]network.Contest, error) {
	return all(ctx, t, "read the contests", scanContest,
		`SELECT `+contestColumns+` FROM contest WHERE hostname = ? ORDER BY opened_at, contender_id`, hostname)
}

// PutContest inserts a contest or replaces the contender's. A hostname that has
// another open one is lifecycle.ErrLostRace.
func (t *Tx) PutContest(ctx context.Context, c network.Contest) error {
	err := t.later(ctx, "put the contest", `
		INSERT INTO contest (`+contestColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (contender_id) DO UPDATE SET hostname = excluded.hostname,
			contender_tenant_id = excluded.contender_tenant_id, holder_id = excluded.holder_id,
			holder_tenant_id = excluded.holder_tenant_id, token = excluded.token,
			opened_at = excluded.opened_at, until = excluded.until, outcome = excluded.outcome`,
		c.Hostname, c.ContenderID, c.ContenderTenant, c.HolderID, c.HolderTenant,
		c.Token, stamp(c.OpenedAt), stamp(c.Until), c.Outcome)
	switch {
	case breaks(err, "contest.hostname"):
		return lifecycle.ErrLostRace
	case breaks(err, ForeignKey):
		return t.missingParty(ctx, c)
	}
	return err
}

// missingParty says which side of a contest is not there.
func (t *Tx) missingParty(ctx context.Context, c network.Contest) error {
	if _, err := t.GetDomain(ctx, c.ContenderTenant, c.ContenderID); err != nil {
		return err
	}
	return &lifecycle.NotFoundError{Kind: "domain", ID: string(c.HolderID)}
}

// DeleteContest removes a contender's contest, if there is one.
func (t *Tx) DeleteContest(ctx context.Context, contender id.Domain) error {
	err := t.later(ctx, "delete the contest", `DELETE FROM contest WHERE contender_id = ?`, contender)
	return err
}

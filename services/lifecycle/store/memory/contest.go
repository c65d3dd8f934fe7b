package memory

import (
	"cmp"
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// contestOpen lets one contest of a hostname be open.
var contestOpen = &index[network.Contest]{
	unique: "contest.hostname",
	of:     func(c *network.Contest) bool { return c.Outcome == network.ContestOpen },
	by:     byContested,
}

var contestOn = &index[network.Contest]{
	by:   byContested,
	then: func(a, b *network.Contest) int { return a.OpenedAt.Compare(b.OpenedAt) },
}

var contestHolder = &index[network.Contest]{
	by: func(a, b *network.Contest) int { return cmp.Compare(a.HolderID, b.HolderID) },
}

func byContested(a, b *network.Contest) int { return cmp.Compare(a.Hostname, b.Hostname) }

var contestSchema = &schema[network.Contest]{
	key: &index[network.Contest]{
		unique: "contest.contender_id",
		by:     func(a, b *network.Contest) int { return cmp.Compare(a.ContenderID, b.ContenderID) },
	},
	others: []*index[network.Contest]{contestOpen, contestOn, contestHolder},
	keep:   func(c *network.Contest) { micro(&c.OpenedAt, &c.Until) },
	rules: []rule[network.Contest]{
		{"contest.token", func(c *network.Contest) bool { return c.Token != "" }},
		{"contest.opened_at", func(c *network.Contest) bool { return set(c.OpenedAt, c.Until) }},
		{"contest.outcome", func(c *network.Contest) bool {
			return oneOf(c.Outcome, network.ContestOpen, network.ContestKept, network.ContestLost)
		}},
		{"contest.holder_tenant_id", func(c *network.Contest) bool { return c.ContenderTenant != c.HolderTenant }},
	},
	refers: func(t *tx, c *network.Contest) error {
		if err := t.hasDomain(c.ContenderTenant, c.ContenderID); err != nil {
			return err
		}
		return t.hasDomain(c.HolderTenant, c.HolderID)
	},
}

// ContestsOn returns the contests of a hostname, oldest first.
func (t *tx) ContestsOn(_ context.Context, hostname string) ([]network.Contest, error) {
	return t.contests.list(t.contests.in(contestOn, network.Contest{Hostname: hostname}), all, nil), nil
}

// PutContest inserts a contest or replaces the contender's. A hostname that has
// another open one is lifecycle.ErrLostRace.
func (t *tx) PutContest(_ context.Context, c network.Contest) error {
	err := t.contests.put(t, c)
	if breaks(err, contestOpen.unique) {
		return lifecycle.ErrLostRace
	}
	return err
}

// DeleteContest removes a contender's contest, if there is one.
func (t *tx) DeleteContest(_ context.Context, contender id.Domain) error {
	_, err := t.contests.remove(t, network.Contest{ContenderID: contender})
	return err
}

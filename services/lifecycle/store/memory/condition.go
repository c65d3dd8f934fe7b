package memory

import (
	"cmp"
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

var conditionSchema = &schema[condition.Condition]{
	key: &index[condition.Condition]{
		unique: "condition.type",
		by:     func(a, b *condition.Condition) int { return cmp.Compare(a.ObjectID, b.ObjectID) },
		then:   func(a, b *condition.Condition) int { return cmp.Compare(a.Type, b.Type) },
	},
	keep: func(c *condition.Condition) {
		micro(&c.Since)
		c.Evidence, c.Fix = own(c.Evidence), own(c.Fix)
	},
	rules: []rule[condition.Condition]{
		{"condition.status", func(c *condition.Condition) bool {
			return oneOf(c.Status, condition.True, condition.False, condition.Unknown, condition.NotApplicable)
		}},
		{"condition.since", func(c *condition.Condition) bool { return set(c.Since) }},
	},
	refers: func(t *tx, c *condition.Condition) error {
		if t.sites.has(site.Site{ID: id.Site(c.ObjectID)}) || t.domains.has(network.Domain{ID: id.Domain(c.ObjectID)}) {
			return nil
		}
		return &lifecycle.NotFoundError{Kind: "site or domain", ID: c.ObjectID}
	},
}

// Conditions returns an object's conditions, ordered by type.
func (t *tx) Conditions(_ context.Context, objectID string) ([]condition.Condition, error) {
	rows := t.conditions.in(t.conditions.key, condition.Condition{ObjectID: objectID})
	return t.conditions.list(rows, all, nil), nil
}

// PutCondition inserts or replaces one condition.
func (t *tx) PutCondition(_ context.Context, c condition.Condition) error {
	return t.conditions.put(t, c)
}

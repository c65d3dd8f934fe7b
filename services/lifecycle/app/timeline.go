package app

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// Moment is one thing that happened to a site or one of its domains: exactly one
// of Change and Entry is set.
type Moment struct {
	At       time.Time
	ObjectID string
	// Operation is what did it; its id is empty when none did.
	Operation saga.Operation
	Change    *lifecycle.Change
	Entry     *saga.Entry
}

// Timeline joins the histories and the journals of a site and its domains,
// oldest first. It works for tombstones too.
func (c *ControlPlane) Timeline(ctx context.Context, by auth.Principal, siteID id.Site) (moments []Moment, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		objects, err := objectsOf(ctx, tx, by, siteID)
		if err != nil {
			return err
		}
		operations, err := tx.OperationsOf(ctx, objects)
		if err != nil {
			return err
		}
		byID := map[id.Operation]saga.Operation{}
		ids := make([]id.Operation, len(operations))
		for i, op := range operations {
			byID[op.ID], ids[i] = op, op.ID
		}
		history, err := tx.HistoryOf(ctx, objects)
		if err != nil {
			return err
		}
		journal, err := tx.JournalOf(ctx, ids)
		if err != nil {
			return err
		}
		moments = merge(history, journal, byID)
		return nil
	})
	return moments, err
}

func objectsOf(ctx context.Context, tx store.Tx, by auth.Principal, siteID id.Site) ([]string, error) {
	if _, err := siteOf(ctx, tx, by, siteID); err != nil {
		return nil, err
	}
	domains, err := tx.DomainsOfSite(ctx, by.TenantID, siteID)
	if err != nil {
		return nil, err
	}
	objects := []string{string(siteID)}
	for _, d := range domains {
		objects = append(objects, string(d.ID))
	}
	return objects, nil
}

// merge orders by time.
func merge(history []lifecycle.Change, journal []saga.Entry, operations map[id.Operation]saga.Operation) []Moment {
	var moments []Moment
	for _, h := range history {
		moments = append(moments, Moment{At: h.At, ObjectID: h.ObjectID, Operation: operations[id.Operation(h.OperationID)], Change: &h})
	}
	for _, e := range journal {
		op := operations[e.OperationID]
		moments = append(moments, Moment{At: e.At, ObjectID: op.ObjectID, Operation: op, Entry: &e})
	}
	slices.SortStableFunc(moments, func(a, b Moment) int { return cmp.Compare(a.At.UnixMicro(), b.At.UnixMicro()) })
	return moments
}

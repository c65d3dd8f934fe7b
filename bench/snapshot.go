package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/postgres"
)

const (
	// snapshotRounds are of a whole snapshot and its baseline, snapshotChanges of those
	// after one change.
	snapshotRounds, snapshotChanges = 5, 51
	// snapshotTarget is the wanted ratio, snapshotDelta how long the snapshot after one
	// change may take.
	snapshotTarget = 3
	snapshotDelta  = 10 * time.Millisecond
)

// snapshot100k makes the snapshot of an edge with 100,000 sites from the rows on
// PostgreSQL, as it is before it is sent: every site with its spec and its names, its
// sum, and the digest over all. Value is the median of a few whole ones.
//
// Baseline: COPY of the same rows of the same columns to a client that throws them away.
//
// In the note is the median of snapshots after the change of one site, which begin with
// the sums that the edge has proved. OK demands the targets of both.
func (e *estates) snapshot100k(ctx context.Context) (measured result, err error) {
	estate, err := e.get(ctx)
	if err != nil {
		return result{}, err
	}
	db, err := postgres.Open(ctx, postgres.Config{DSN: estate.DSN(estateName)})
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var whole, bare []time.Duration
	var base *digest.Set
	var sites []desired.EdgeSite
	for range snapshotRounds {
		took, err := copyDesired(ctx, estate.DSN(estateName), estate.sites)
		if err != nil {
			return result{}, fmt.Errorf("run the baseline: %w", err)
		}
		bare = append(bare, took)
		base, sites = nil, nil
		runtime.GC()
		begun := time.Now()
		if base, sites, err = snapshot(ctx, db, nil, nil); err != nil {
			return result{}, err
		}
		whole = append(whole, time.Since(begun))
		if len(sites) != estate.sites {
			return result{}, fmt.Errorf("the snapshot has %d sites", len(sites))
		}
	}
	changes, err := snapshotsOfChanges(ctx, db, base, sites)
	if err != nil {
		return result{}, err
	}
	return snapshotResult(whole, bare, changes), nil
}

func snapshotResult(whole, bare, changes []time.Duration) result {
	cold, base, change := median(whole).Seconds(), median(bare).Seconds(), median(changes)
	return result{
		Value: cold, Unit: "s", Baseline: base, Ratio: cold / base,
		Target: fmt.Sprintf("ratio <= %d, one change <= %s", snapshotTarget, snapshotDelta),
		OK:     cold <= snapshotTarget*base && change <= snapshotDelta,
		Note:   fmt.Sprintf("after one change %s (95%% of them %s)", ms(change), ms(percentile(changes, 95))),
	}
}

// snapshot reads what an edge shall hold: everything, or what changed since base.
func snapshot(ctx context.Context, db store.Store, base *digest.Set, changed []id.Site) (held *digest.Set, sites []desired.EdgeSite, err error) {
	err = db.View(ctx, func(tx store.Tx) error {
		rows, err := tx.DesiredRows(ctx, "", changed)
		if err != nil {
			return err
		}
		held = digest.NewSet()
		if base != nil {
			held = base.Clone()
		}
		sites = desired.ForEdge(rows)
		for _, s := range sites {
			held.Put(string(s.SiteID), s.Sum())
		}
		held.Digest()
		return nil
	})
	return held, sites, err
}

// snapshotsOfChanges makes the snapshots after changes of single sites, here and there.
func snapshotsOfChanges(ctx context.Context, db store.Store, base *digest.Set, sites []desired.EdgeSite) (took []time.Duration, err error) {
	for number := range snapshotChanges {
		siteID := sites[number*len(sites)/snapshotChanges].SiteID
		base.Put(string(siteID), [32]byte{}) // as if the edge held another revision
		base.Digest()
		begun := time.Now()
		if base, _, err = snapshot(ctx, db, base, []id.Site{siteID}); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begun))
	}
	return took, nil
}

// copies are the rows that the snapshot is made from.
var copies = []string{
	`SELECT s.id, s.tenant_id, s.wanted, s.wanted_revision, r.spec FROM site s
		JOIN site_revision r ON r.site_id = s.id AND r.number = s.wanted_revision WHERE s.wanted = 'PRESENT' ORDER BY s.id`,
	`SELECT e.site_id, e.pool, e.address, e.weight FROM site s
		JOIN endpoint e ON e.site_id = s.id AND e.revision = s.wanted_revision WHERE s.wanted = 'PRESENT' ORDER BY s.id, e.pool, e.ordinal`,
	`SELECT d.site_id, d.hostname FROM site s
		JOIN domain d ON d.site_id = s.id AND d.wanted <> 'HIDDEN' WHERE s.wanted = 'PRESENT' ORDER BY s.id, d.hostname`,
}

// copyDesired copies the rows to nowhere; there is one of each kind for every site.
func copyDesired(ctx context.Context, dsn string, sites int) (took time.Duration, err error) {
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	begun := time.Now()
	for _, rows := range copies {
		copied, err := conn.CopyTo(ctx, io.Discard, "COPY ("+rows+") TO STDOUT")
		if err != nil {
			return 0, err
		}
		if copied.RowsAffected() < int64(sites) {
			return 0, fmt.Errorf("only %d rows were copied of: %s", copied.RowsAffected(), rows)
		}
	}
	return time.Since(begun), nil
}

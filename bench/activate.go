package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
)

const (
	activateSites  = 200
	activateRounds = 3
	// activateTarget is the wanted ratio of the engine's speed to the bare loop's,
	// activateRows the least that the engine must write for each site.
	activateTarget = 0.25
	activateRows   = 20
)

// activateSQLite takes 200 sites, created beforehand, from CREATED to ACTIVE: from the
// start of the engine to the commit that makes the last one ACTIVE. The engine is the
// real one on a real file (WAL, synchronous=FULL), through every step of a name in a
// zone of ours; whoever it asks confirms at once. Value and baseline are sites/s.
//
// Baseline: the bare loop replays the statements of that very run, arguments,
// transactions and all, into a copy of the database as it was before. So the ratio is
// the part of the engine's time that the database needs by itself; what is left is
// preparing statements, deciding, scanning rows, waiting for each other. On a machine
// that others load, the ratio flatters the engine, which runs on several threads; on a
// slow disk it does as well, for the engine reads while it waits for a commit.
//
// Both write in the same transactions, so the ratio does not tell whether those are
// well cut: a commit waits for the disk. How many a site takes is in the note, besides
// its rows: those that stay (history, journal, events, conditions and so on), of which
// the target demands 20, and all that were written, updates and passing rows included.
// A replay that ends with other numbers of rows in any table than the engine is an
// error.
func activateSQLite(ctx context.Context) (measured result, err error) {
	dir, err := os.MkdirTemp("", "siteplane-bench-")
	if err != nil {
		return result{}, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	created := filepath.Join(dir, "created.db")
	if err := createSitesSQLite(ctx, created, activateSites); err != nil {
		return result{}, fmt.Errorf("create sites: %w", err)
	}
	var rounds []activation
	for number := range activateRounds {
		round, err := activate(ctx, created, filepath.Join(dir, fmt.Sprint(number)), activateSites)
		if err != nil {
			return result{}, err
		}
		rounds = append(rounds, round)
	}
	return activated(rounds), nil
}

// activation is one round.
type activation struct {
	// engine and loop are sites/s.
	engine, loop float64
	// stay and written are rows for each site, commits those of the writers.
	stay, written, commits float64
	// counted says that the statements for each site were counted, and the closures
	// that were run again.
	counted    bool
	statements float64
	reruns     int
}

// note is what else belongs to a round.
func (a activation) note() string {
	note := fmt.Sprintf("%.1f rows a site stay (at least %d), %.1f were written, in %.1f committed transactions", a.stay, activateRows, a.written, a.commits)
	if a.counted {
		note += fmt.Sprintf(" and %.1f statements; %d closures were run again", a.statements, a.reruns)
	}
	return note
}

func (a activation) ratio() float64 { return a.engine / a.loop }

// activated is the result of rounds: the one with the median ratio.
func activated(rounds []activation) result {
	sorted := slices.SortedFunc(slices.Values(rounds), func(a, b activation) int { return cmp.Compare(a.ratio(), b.ratio()) })
	m := sorted[len(sorted)/2]
	return result{
		Value: m.engine, Unit: "sites/s", Baseline: m.loop, Ratio: m.ratio(),
		Target: fmt.Sprintf("ratio >= %v", activateTarget), OK: m.ratio() >= activateTarget && m.stay >= activateRows,
		Note: m.note(),
	}
}

// activate runs the engine and then the bare loop, each on a copy of the database in
// which the sites are created.
func activate(ctx context.Context, created, dir string, sites int) (activation, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return activation{}, fmt.Errorf("make a directory: %w", err)
	}
	before, err := countRows(ctx, created)
	if err != nil {
		return activation{}, err
	}
	byEngine, byLoop := filepath.Join(dir, "engine.db"), filepath.Join(dir, "loop.db")
	took, ran, err := runEngine(ctx, created, byEngine, sites)
	if err != nil {
		return activation{}, fmt.Errorf("run the engine: %w", err)
	}
	again, err := runLoop(ctx, created, byLoop, ran)
	if err != nil {
		return activation{}, fmt.Errorf("run the bare loop: %w", err)
	}
	after, err := sameRows(ctx, byEngine, byLoop)
	if err != nil {
		return activation{}, err
	}
	each := func(total int) float64 { return float64(total) / float64(sites) }
	return activation{
		engine: float64(sites) / took.Seconds(), loop: float64(sites) / again.took.Seconds(),
		stay: each(after.total() - before.total()), written: each(again.written), commits: each(ran.writes()),
	}, nil
}

// runLoop replays what the engine ran.
func runLoop(ctx context.Context, created, path string, ran recording) (out replayed, err error) {
	if err := copyFile(created, path); err != nil {
		return out, err
	}
	loop, err := openBareLoop(path)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, loop.close()) }()
	runtime.GC()
	return loop.replay(ctx, ran)
}

// createSitesSQLite makes a database file in which sites are created.
func createSitesSQLite(ctx context.Context, path string, count int) (err error) {
	db, err := sqlite.Open(ctx, sqlite.Config{Path: path})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return createSites(ctx, db, count)
}

// sameRows returns the rows of two databases, which must be equally many.
func sameRows(ctx context.Context, engine, loop string) (rows, error) {
	a, err := countRows(ctx, engine)
	if err != nil {
		return nil, err
	}
	b, err := countRows(ctx, loop)
	if err != nil {
		return nil, err
	}
	return a, equalRows(a, b)
}

func equalRows(engine, loop rows) error {
	if !maps.Equal(engine, loop) {
		return fmt.Errorf("the replay is none: the engine left %v, the bare loop %v", engine, loop)
	}
	return nil
}

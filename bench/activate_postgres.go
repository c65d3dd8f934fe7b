package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle/store/postgres"
)

// activatePostgres is activateSQLite on a PostgreSQL server of its own, with
// PostgreSQL's own settings (fsync, synchronous_commit): 200 sites of four tenants,
// created beforehand, from CREATED to ACTIVE by one engine.
//
// Baseline: what the engine's store said to the server, said again by a bare loop on as
// many connections into a copy of the database as it was before: the same bytes in the
// same pipelines and transactions. Those of one site follow each other as they did;
// sites do not wait for each other. So the ratio is the part of the engine's time that
// the server needs by itself, with as many transactions at once as there are connections;
// it does not tell whether fewer would do. How many a site takes is in the note, with
// the statements, and how often a closure was run again because others were in its way.
//
// The recording is made by a relay in this process, which the engine pays for and the
// loop does not. A replay that ends with other numbers of rows in any table than the
// engine is an error; but for changes on their way to an edge or the tunnel.
func activatePostgres(ctx context.Context) (measured result, err error) {
	server, err := startPostgres(ctx)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := createSitesPostgres(ctx, server, "created", activateSites); err != nil {
		return result{}, fmt.Errorf("create sites: %w", err)
	}
	var rounds []activation
	for number := range activateRounds {
		round, err := activateOnPostgres(ctx, server, "created", fmt.Sprintf("round_%d", number), activateSites)
		if err != nil {
			return result{}, err
		}
		rounds = append(rounds, round)
	}
	return activated(rounds), nil
}

// createSitesPostgres makes a database in which sites are created.
func createSitesPostgres(ctx context.Context, server *pgtest.Server, name string, count int) (err error) {
	if err := server.Exec(ctx, "postgres", "CREATE DATABASE "+name); err != nil {
		return err
	}
	db, err := postgres.Open(ctx, postgres.Config{DSN: server.DSN(name)})
	if err != nil {
		return err
	}
	if err := errors.Join(createSites(ctx, db, count), db.Close()); err != nil {
		return err
	}
	return server.Exec(ctx, name, "VACUUM ANALYZE")
}

// activateOnPostgres runs the engine and then the bare loop, each on a copy of the
// database in which the sites are created.
func activateOnPostgres(ctx context.Context, server *pgtest.Server, created, name string, sites int) (activation, error) {
	before, err := countRowsPostgres(ctx, server, created)
	if err != nil {
		return activation{}, err
	}
	byEngine, byLoop := name+"_engine", name+"_loop"
	run, err := runEngineOnPostgres(ctx, server, created, byEngine, sites)
	if err != nil {
		return activation{}, fmt.Errorf("run the engine: %w", err)
	}
	if committed(run.said.between(run.begun, run.ended)) == 0 {
		return activation{}, errors.New("run the bare loop: nothing was recorded that it could run")
	}
	again, written, err := runWireLoop(ctx, server, created, byLoop, run)
	if err != nil {
		return activation{}, fmt.Errorf("run the bare loop: %w", err)
	}
	after, err := sameRowsPostgres(ctx, server, byEngine, byLoop)
	if err != nil {
		return activation{}, err
	}
	each := func(total int) float64 { return float64(total) / float64(sites) }
	timed := run.said.between(run.begun, run.ended)
	return activation{
		engine: float64(sites) / run.took.Seconds(), loop: float64(sites) / again.Seconds(),
		stay: each(after.total() - before.total()), written: each(written),
		commits: each(committed(timed)), statements: each(statementsOf(timed)), reruns: run.reruns, counted: true,
	}, nil
}

// committed counts the transactions that were begun, and stayed.
func committed(part []transaction) (count int) {
	for _, t := range part {
		if t.writes {
			count++
		}
	}
	return count
}

func statementsOf(part []transaction) (count int) {
	for _, t := range part {
		for _, e := range t.exchanges {
			count += e.statements
		}
	}
	return count
}

// engineRun is one run of the engine on PostgreSQL.
type engineRun struct {
	took time.Duration
	said conversation
	// begun and ended bound what to take the time of.
	begun, ended int
	reruns       int
}

// runEngineOnPostgres lets the engine bring the sites of a copy of a database to ACTIVE.
func runEngineOnPostgres(ctx context.Context, server *pgtest.Server, created, name string, sites int) (run engineRun, err error) {
	if err := copyDatabase(ctx, server, created, name); err != nil {
		return run, err
	}
	recorder, err := startWireRecorder(server.Socket())
	if err != nil {
		return run, err
	}
	run.took, run.begun, run.ended, run.reruns, err = driveRecorded(ctx, recorder, name, sites)
	if err := errors.Join(err, recorder.stop()); err != nil {
		return run, err
	}
	run.said, err = recorder.conversation(run.begun)
	return run, err
}

func driveRecorded(ctx context.Context, recorder *wireRecorder, name string, sites int) (took time.Duration, begun, ended, reruns int, err error) {
	db, err := postgres.Open(ctx, postgres.Config{DSN: socketDSN(filepath.Dir(recorder.listener.Addr().String()), name)})
	if err != nil {
		return 0, 0, 0, 0, err
	}
	took, begun, ended, err = driveEngine(ctx, db, recorder.now, sites)
	return took, begun, ended, int(db.Conflicts()), errors.Join(err, db.Close())
}

// runWireLoop says again what the engine said, and returns how long that took and how
// many rows it wrote.
func runWireLoop(ctx context.Context, server *pgtest.Server, created, name string, run engineRun) (took time.Duration, written int, err error) {
	if err := copyDatabase(ctx, server, created, name); err != nil {
		return 0, 0, err
	}
	took, err = replayWire(ctx, server.DSN(name), run)
	if err != nil {
		return 0, 0, err
	}
	written, err = writtenOnPostgres(ctx, server, name)
	return took, written, err
}

func replayWire(ctx context.Context, dsn string, run engineRun) (took time.Duration, err error) {
	loop, err := openWireLoop(ctx, dsn, run.said)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, loop.close()) }()
	return loop.replay(ctx, run.said, run.begun, run.ended)
}

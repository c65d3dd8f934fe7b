package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	// readRate is how many calls a second the open loop makes, for readFor.
	readRate = 300
	readFor  = 10 * time.Second
	// readClients call one after the other in the closed loop, for readClosed.
	readClients = 8
	readClosed  = 6 * time.Second
	// readWarm is how many calls each client makes before anything is measured.
	readWarm = 100
	// One of readLists calls asks for a list of readPage sites.
	readLists, readPage = 10, 100
	readFilter          = "status = ACTIVE"
	// The wanted 99th percentile, and ratio of calls a second.
	readTargetP99   = 20 * time.Millisecond
	readTargetRatio = 0.2
)

// read100k reads single sites (GetSite) and, with one call of ten, pages of 100 sites
// with a filter (ListSites, page after page), of 100,000 sites of four tenants, over gRPC
// with TLS from a lifecycle that runs as a program of its own, on PostgreSQL.
//
// Neither edge nor tunnel is there, and each try to reach the tunnel reads 100,000 routes:
// the loops begin when the next try is further away than they last. So what it costs
// callers that edges and tunnels are looked at meanwhile is not in the result.
//
// First an open loop: 300 calls a second are due, whether others have been answered or
// not, and each counts from when it was due. Then a closed one: eight clients call as
// fast as they are answered; that gives value and ratio.
//
// Baseline: as many clients of pgbench, in the same mix, which ask the same server for
// the same rows by bare SQL, in two statements or pipelines for a site and for a page:
// prepared, and thrown away when they have come. The ratio is what is left of that after
// gRPC, keys, scanning and the making of answers. OK demands the targets of the ratio
// and of the 99th percentile of the open loop, which is in the note.
func (e *estates) read100k(ctx context.Context) (measured result, err error) {
	estate, err := e.get(ctx)
	if err != nil {
		return result{}, err
	}
	dir, err := os.MkdirTemp("", "siteplane-bench-")
	if err != nil {
		return result{}, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	programs, err := buildPrograms(ctx, dir, 0)
	if err != nil {
		return result{}, err
	}
	open, closed, err := estate.readAll(ctx, programs)
	if err != nil {
		return result{}, err
	}
	bare, err := runPgbench(ctx, estate, dir)
	if err != nil {
		return result{}, fmt.Errorf("run the baseline: %w", err)
	}
	return readResult(open, closed, bare), nil
}

// readResult is the result of the times of the open loop and the calls a second of the
// closed one and of the baseline.
func readResult(open times, closed, bare float64) result {
	p99 := percentile(open.all(), 99)
	return result{
		Value: closed, Unit: "calls/s", Baseline: bare, Ratio: closed / bare,
		Target: fmt.Sprintf("ratio >= %v, p99 <= %s", readTargetRatio, readTargetP99),
		OK:     closed >= readTargetRatio*bare && p99 <= readTargetP99,
		Note: fmt.Sprintf("at %d calls/s p99 is %s (GetSite %s, ListSites %s), p50 %s", readRate, ms(p99),
			ms(percentile(open.gets, 99)), ms(percentile(open.lists, 99)), ms(median(open.all()))),
	}
}

func ms(d time.Duration) string { return short(float64(d)/float64(time.Millisecond)) + " ms" }

// times are how long calls took.
type times struct{ gets, lists []time.Duration }

func (t times) all() []time.Duration { return append(append([]time.Duration{}, t.gets...), t.lists...) }

// readAll starts lifecycle and runs both loops.
func (e *estate) readAll(ctx context.Context, programs programs) (open times, closed float64, err error) {
	running, err := programs.start(ctx, e.DSN(estateName))
	if err != nil {
		return open, 0, err
	}
	defer func() { err = errors.Join(err, running.Terminate()) }()
	var readers []*reader
	for _, key := range e.keys {
		conn, err := running.dial(key)
		if err != nil {
			return open, 0, err
		}
		defer func() { err = errors.Join(err, conn.Close()) }()
		readers = append(readers, &reader{client: lifecyclev1.NewSiteServiceClient(conn)})
	}
	if err := learnSites(ctx, e, readers); err != nil {
		return open, 0, err
	}
	if _, err := closedLoop(ctx, readers, func(calls int64) bool { return calls < readClients*readWarm }); err != nil {
		return open, 0, err
	}
	if err := e.awaitQuiet(ctx, readFor+readClosed); err != nil {
		return open, 0, err
	}
	if open, err = openLoop(ctx, readers); err != nil {
		return open, 0, err
	}
	closed, err = closedLoop(ctx, readers, during(readClosed))
	return open, closed, err
}

// quietWithin is how long tries may take to grow apart.
const quietWithin = 3 * time.Minute

// awaitQuiet waits until nothing is due for a while.
func (e *estate) awaitQuiet(ctx context.Context, quiet time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, quietWithin)
	defer cancel()
	for {
		due, err := askPostgres(ctx, e.DSN(estateName), fmt.Sprintf(`
			SELECT count(*) FROM work WHERE wanted_seq > done_seq AND coalesce(lease_until, due_at) < now() + interval '%d seconds'`, int(quiet.Seconds())))
		if err != nil {
			return fmt.Errorf("wait until nothing is due: %w", err)
		}
		if due[0][0] == "0" {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// reader calls for one tenant.
type reader struct {
	client lifecyclev1.SiteServiceClient
	sites  []string

	mu sync.Mutex
	// token is of the page that is next.
	token string
}

// learnSites gives each reader the ids of its tenant's sites.
func learnSites(ctx context.Context, e *estate, readers []*reader) error {
	rows, err := askPostgres(ctx, e.DSN(estateName), `
		SELECT substr(t.name, length('bench-') + 1)::int, s.id FROM site s JOIN tenant t ON t.id = s.tenant_id`)
	if err != nil {
		return fmt.Errorf("read the ids of the sites: %w", err)
	}
	for _, row := range rows {
		number := int(row[0][0] - '0')
		readers[number].sites = append(readers[number].sites, row[1])
	}
	return nil
}

// get reads a site.
func (r *reader) get(ctx context.Context) error {
	want := r.sites[rand.N(len(r.sites))]
	got, err := r.client.GetSite(ctx, &lifecyclev1.GetSiteRequest{SiteId: want})
	if err == nil && got.GetSite().GetSiteId() != want {
		err = fmt.Errorf("asked for %s, got %s", want, got.GetSite().GetSiteId())
	}
	return err
}

// list reads the next page of the sites, and after the last one the first.
func (r *reader) list(ctx context.Context) error {
	r.mu.Lock()
	token := r.token
	r.mu.Unlock()
	got, err := r.client.ListSites(ctx, &lifecyclev1.ListSitesRequest{PageSize: readPage, Filter: readFilter, PageToken: token})
	if err == nil && len(got.GetSites()) != readPage && got.GetNextPageToken() != "" {
		err = fmt.Errorf("a page has %d sites and is not the last", len(got.GetSites()))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.token = got.GetNextPageToken()
	return err
}

// call makes the call of that number; which are lists is drawn, as pgbench draws it.
func call(ctx context.Context, readers []*reader, number int64) (isList bool, err error) {
	r := readers[number%int64(len(readers))]
	if rand.N(readLists) == 0 {
		return true, r.list(ctx)
	}
	return false, r.get(ctx)
}

// openLoop makes calls when they are due and returns how long each took since then.
func openLoop(ctx context.Context, readers []*reader) (taken times, err error) {
	calls, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	start := time.Now()
	for number := range int64(readRate * readFor.Seconds()) {
		due := start.Add(time.Duration(number) * time.Second / readRate)
		time.Sleep(time.Until(due))
		calls.Go(func() error {
			isList, err := call(ctx, readers, number)
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			if isList {
				taken.lists = append(taken.lists, took)
			} else {
				taken.gets = append(taken.gets, took)
			}
			return err
		})
	}
	return taken, calls.Wait()
}

// during allows calls for a while.
func during(limit time.Duration) func(int64) bool {
	start := time.Now()
	return func(int64) bool { return time.Since(start) < limit }
}

// closedLoop has some clients call one after the other, and returns calls a second.
func closedLoop(ctx context.Context, readers []*reader, goOn func(calls int64) bool) (float64, error) {
	clients, ctx := errgroup.WithContext(ctx)
	var calls atomic.Int64
	start := time.Now()
	for range readClients {
		clients.Go(func() error {
			for number := calls.Add(1); goOn(number); number = calls.Add(1) {
				if _, err := call(ctx, readers, number); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := clients.Wait()
	return float64(calls.Load()-readClients) / time.Since(start).Seconds(), err
}

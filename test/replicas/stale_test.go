package replicas_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/test/dump"
)

// shortLease is one whose end a test can wait for, and long enough for the work of a
// slow machine: what takes longer is begun again.
const shortLease = 4 * time.Second

const (
	activeSite     = lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE
	deletedSite    = lifecyclev1.SiteStatus_SITE_STATUS_DELETED
	activeDomain   = lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE
	releasedDomain = lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASED
)

func TestReplica_that_is_gone_or_stands_still(t *testing.T) {
	w := setup(t, shortLease)
	first := w.create(w.replicas[0], "first")
	w.awaitSite(w.replicas[1], first.GetSiteId(), activeSite)

	w.run("others go on with what a killed one had under way", func(t *testing.T) {
		var site *lifecyclev1.Site
		held := w.underWay(edge, func(r *replica) { site = w.create(r, "killed") })
		must(t, w.Kill(held.name))
		w.release(w.replicas...)
		other := w.others(held)[0]
		w.awaitSite(other, site.GetSiteId(), activeSite)
		must(t, w.Restart(t.Context(), held.name))
		w.awaitSite(held, first.GetSiteId(), activeSite)
	})
	w.run("what one writes that comes back after its lease touches no row", func(t *testing.T) {
		var site *lifecyclev1.Site
		stale := w.underWay(edge, func(r *replica) { site = w.create(r, "fenced") })
		must(t, w.Pause(stale.name))
		eventually(t, patience, "another replica takes the edge over", func(ctx context.Context) error {
			if now, err := w.holder(ctx, edge); err != nil || now == stale {
				return errors.Join(errors.New("it has not"), err)
			}
			return nil
		})
		before, outcomes := w.rows()["work"], w.failed(stale, edge)
		must(t, w.Resume(stale.name))
		w.awaitFailure(stale, edge, outcomes)
		for range 10 { // not for long, or the other's call is given up, too
			if diff := cmp.Diff(ofKind(before, edge), ofKind(w.rows()["work"], edge)); diff != "" {
				t.Fatalf("the work of another was changed (-before +now):\n%s", diff)
			}
			time.Sleep(lookEvery)
		}
		w.release(w.replicas...)
		w.awaitSite(stale, site.GetSiteId(), activeSite)
	})
	w.run("an edge refuses one that comes back after its lease", func(t *testing.T) {
		var site *lifecyclev1.Site
		stale := w.underWay(edge, func(r *replica) { site = w.create(r, "overtaken") })
		w.overtake(t, stale, edge, func(other *replica) {
			w.awaitSite(other, site.GetSiteId(), activeSite)
			more := w.create(other, "more")
			w.awaitSite(other, more.GetSiteId(), activeSite)
			w.remove(other, first.GetSiteId())
		})
		w.awaitSite(stale, site.GetSiteId(), activeSite)
		w.awaitSite(stale, first.GetSiteId(), deletedSite)
	})
	w.run("a tunnel refuses one that comes back after its lease", func(t *testing.T) {
		site := w.create(w.replicas[0], "tunnelled")
		w.awaitSite(w.replicas[0], site.GetSiteId(), activeSite)
		going, staying := w.add(w.replicas[0], site, "going.managed.test"), w.add(w.replicas[0], site, "staying.managed.test")
		stale := w.underWay(tunnel, func(r *replica) { w.giveUp(r, going) })
		w.overtake(t, stale, tunnel, func(other *replica) {
			w.awaitDomain(other, going, releasedDomain)
			w.add(other, site, "coming.managed.test")
		})
		w.awaitDomain(stale, going, releasedDomain)
		w.awaitDomain(stale, staying, activeDomain)
	})
}

// overtake lets a replica whose call is under way stand still until others have done
// the work, and then go on: its call is refused and it changes nothing.
func (w *world) overtake(t *testing.T, stale *replica, kind string, do func(other *replica)) {
	t.Helper()
	must(t, w.Pause(stale.name))
	others := w.others(stale)
	w.release(others...)
	do(others[0])
	w.quiet(10 * time.Second)
	before := w.rows()

	refused := func() int { return w.logged(serviceOf[kind], "call answered", `"code":"Aborted"`, "fence", "older") }
	was, outcomes := refused(), w.failed(stale, kind)
	w.release(stale)
	eventually(t, patience, "the "+kind+" refuses the call", func(context.Context) error {
		if refused() == was {
			return errors.New("it has refused none")
		}
		return nil
	})
	must(t, w.Resume(stale.name))
	w.awaitFailure(stale, kind, outcomes)
	w.unchanged(t, before)
	t.Logf("%s had its call refused %d times", stale.name, refused()-was)
}

// failed returns how many calls of a kind have failed a replica.
func (w *world) failed(r *replica, kind string) int {
	w.t.Helper()
	return w.logged(r.name, kind+" apply outcome", "WARN")
}

// awaitFailure waits until more than so many have.
func (w *world) awaitFailure(r *replica, kind string, before int) {
	w.t.Helper()
	eventually(w.t, patience, r.name+" gives its call up", func(context.Context) error {
		if w.failed(r, kind) == before {
			return errors.New("it has not")
		}
		return nil
	})
}

// ofKind are the rows of work of a kind, but for what marks of others make of them.
func ofKind(work []dump.Row, kind string) (found []dump.Row) {
	for _, row := range work {
		if row["kind"] == kind {
			row = maps.Clone(row)
			for _, column := range []string{"wanted_seq", "again_at", "trace_parent"} {
				delete(row, column)
			}
			found = append(found, row)
		}
	}
	return found
}

// quiet waits until nothing is under way, or is due within a time.
func (w *world) quiet(within time.Duration) {
	w.t.Helper()
	eventually(w.t, patience, "nothing is under way", func(ctx context.Context) error {
		var n int
		err := w.db.QueryRowContext(ctx, `
			SELECT (SELECT count(*) FROM work WHERE owner IS NOT NULL OR wanted_seq > done_seq AND due_at < clock_timestamp() + $1::interval)
				+ (SELECT count(*) FROM mark) + (SELECT count(*) FROM outbox WHERE seq IS NULL)`, within.String()).Scan(&n)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d rows are", n)
		}
		return err
	})
}

func (w *world) rows() map[string][]dump.Row {
	w.t.Helper()
	all, err := dump.Read(w.t.Context(), w.db)
	must(w.t, err)
	return all
}

// unchanged demands that no row changes for a while.
func (w *world) unchanged(t *testing.T, before map[string][]dump.Row) {
	t.Helper()
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(10 * lookEvery) {
		if diff := cmp.Diff(before, w.rows()); diff != "" {
			t.Fatalf("rows were changed (-before +now):\n%s", diff)
		}
	}
}

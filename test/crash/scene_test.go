package crash_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/test/dump"
)

// patience is long because a slow machine is no fault.
const patience = 30 * time.Second

// scene is one run of a scenario, with a site of its own.
type scene struct {
	t *testing.T
	w *world
	// slug is the site's, and part of every name that the scene makes.
	slug string

	sites      lifecyclev1.SiteServiceClient
	domains    lifecyclev1.DomainServiceClient
	operations lifecyclev1.OperationServiceClient
	zones      lifecyclev1.ZoneServiceClient

	// before is the database at the beginning.
	before  tables
	records []record
}

// play plays a scenario while lifecycle dies at a failpoint, or is left alone when
// there is none, and returns what was recorded.
func (w *world) play(t *testing.T, s scenario, at failpoint.Name) []record {
	t.Helper()
	w.scenes++
	r := &scene{t: t, w: w, slug: fmt.Sprintf("run%04d", w.scenes)}
	r.before = w.rows(t)
	c, err := startControl(at, func(at failpoint.Name) (*life, error) { return newLife(w, r.file("log"), r.file("reached"), at) })
	must(t, err)
	defer func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			log, err := os.ReadFile(r.file("log"))
			t.Logf("lifecycle logged (%v):\n%s", err, log[max(0, len(log)-6000):])
		}
	}()
	r.sites, r.domains = lifecyclev1.NewSiteServiceClient(c), lifecyclev1.NewDomainServiceClient(c)
	r.operations, r.zones = lifecyclev1.NewOperationServiceClient(c), lifecyclev1.NewZoneServiceClient(c)
	s.play(r)
	if err := c.awaitDeath(); err != nil {
		t.Error(err)
	}
	r.note("at the end")
	return r.records
}

// file is one of this scene, for instance its log.
func (r *scene) file(of string) string { return r.w.path(r.slug + "." + of) }

// rows reads the database, which is empty until lifecycle has made it.
func (w *world) rows(t *testing.T) tables {
	t.Helper()
	if found, err := filepath.Glob(w.database()); err != nil || len(found) == 0 {
		return nil
	}
	all, err := w.readTables(t.Context())
	must(t, err)
	return all
}

// note records what there is, once everything has come to rest.
func (r *scene) note(moment string) {
	r.t.Helper()
	r.until("all is at rest "+moment, func() error {
		now, err := r.w.readTables(r.t.Context())
		if err != nil {
			return err
		}
		if err := atRest(now); err != nil {
			return err
		}
		noted, err := r.record(moment, now)
		if err == nil {
			r.records = append(r.records, noted)
		}
		return err
	})
}

// atRest returns what is still to be done. What is looked at by the clock rests
// until then.
func atRest(now tables) error {
	for _, table := range []string{"edge_change", "tunnel_change"} {
		if n := len(now[table]); n > 0 {
			return fmt.Errorf("%d rows of %s", n, table)
		}
	}
	for _, o := range now["operation"] {
		if !saga.State(o["state"]).Terminal() {
			return fmt.Errorf("%s is %s at step %s: %s", o["kind"], o["state"], o["step"], o["message"])
		}
	}
	soon := fmt.Sprint(time.Now().Add(lookEvery).UnixMicro())
	for _, w := range now["work"] {
		if w["owner"] != dump.Null || w["wanted_seq"] != w["done_seq"] && w["due_at"] < soon {
			return fmt.Errorf("the %s %s is worked on", w["kind"], w["key"])
		}
	}
	return nil
}

// until looks until nothing is missed.
func (r *scene) until(what string, look func() error) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
		time.Sleep(lookEvery)
	}
}

// begin is the first scene of a world: lifecycle makes its database, and the first
// tenant may use the managed zone.
var begin = scenario{name: "begin", play: func(r *scene) {
	_, err := r.zones.ListZoneGrants(r.t.Context(), &lifecyclev1.ListZoneGrantsRequest{})
	must(r.t, err)
	for _, tenant := range r.w.rows(r.t)["tenant"] {
		_, err := r.zones.GrantZone(r.t.Context(), &lifecyclev1.GrantZoneRequest{ZoneName: managedZone, TenantId: tenant["id"]})
		must(r.t, err)
	}
}}

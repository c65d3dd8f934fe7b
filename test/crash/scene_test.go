package crash_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
)

// patience is long because a slow machine is no fault.
const patience = 60 * time.Second

// scene is one run of a scenario, with a site of its own.
type scene struct {
	t       *testing.T
	ctx     context.Context
	w       *world
	control *control
	slug    string

	sites      lifecyclev1.SiteServiceClient
	domains    lifecyclev1.DomainServiceClient
	operations lifecyclev1.OperationServiceClient
	zones      lifecyclev1.ZoneServiceClient

	// before is the database at the beginning.
	before  tables
	records []record
}

// record is what there was at a moment of a scene.
type record struct{ moment, content string }

// until looks until nothing is missed.
func (r *scene) until(what string, look func() error) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := look()
		if err == nil {
			return
		}
		if r.t.Failed() || time.Now().After(deadline) {
			r.t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
		time.Sleep(lookEvery)
	}
}

// note records what there is, once everything has come to rest.
func (r *scene) note(moment string) {
	r.t.Helper()
	r.until("it comes to rest "+moment, func() error {
		now, err := r.w.readTables(r.ctx)
		if err != nil {
			return err
		}
		if err := atRest(now); err != nil {
			return err
		}
		content, err := r.render(now)
		if err == nil {
			r.records = append(r.records, record{moment, content})
		}
		return err
	})
}

// atRest returns what is still to be done. Whoever looks again and again by the
// clock rests until then.
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
		dirty := w["wanted_seq"] != w["done_seq"]
		if w["owner"] != "NULL" || w["again_at"] != "NULL" || dirty && w["due_at"] < soon {
			return fmt.Errorf("work on %s is not done", w["key"])
		}
	}
	return nil
}

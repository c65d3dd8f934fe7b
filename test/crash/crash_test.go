package crash_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// build builds lifecycle so that it dies where it is told to.
func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "lifecycle")
	output, err := exec.Command("go", "build", "-tags", "failpoints", "-o", program,
		"github.com/siteplane/siteplane/services/lifecycle/cmd/lifecycle").CombinedOutput()
	if err != nil {
		t.Fatalf("build lifecycle: %v\n%s", err, output)
	}
	return program
}

// play plays a scenario while lifecycle dies at a failpoint; at none if it is "".
func (w *world) play(t *testing.T, s scenario, at failpoint.Name) []record {
	t.Helper()
	w.scenes++
	r := &scene{t: t, w: w, slug: fmt.Sprintf("run%04d", w.scenes)}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	r.ctx = ctx
	if w.scenes > 1 {
		var err error
		r.before, err = w.readTables(ctx)
		must(t, err)
	}
	lives := 0
	control, err := startControl(at, func(at failpoint.Name) (*life, error) {
		lives++
		return newLife(w, w.program, w.path(fmt.Sprintf("%s-%d.log", r.slug, lives)), w.path(r.slug+".reached"), at)
	})
	must(t, err)
	r.control = control
	r.sites = lifecyclev1.NewSiteServiceClient(control)
	r.domains = lifecyclev1.NewDomainServiceClient(control)
	r.operations = lifecyclev1.NewOperationServiceClient(control)
	r.zones = lifecyclev1.NewZoneServiceClient(control)
	defer func() {
		if err := control.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			for n := 1; n <= lives; n++ {
				log, err := os.ReadFile(w.path(fmt.Sprintf("%s-%d.log", r.slug, n)))
				t.Logf("life %d ended with (%v):\n%s", n, err, log[max(0, len(log)-6000):])
			}
		}
	}()
	s.play(r)
	if err := control.awaitDeath(); err != nil {
		t.Error(err)
	}
	r.note("at the end")
	return r.records
}

func TestDev(t *testing.T) {
	program := build(t)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t, program)
			w.begin(t)
			for i := range 2 {
				begun := time.Now()
				for _, rec := range w.play(t, s, "") {
					must(t, os.WriteFile(fmt.Sprintf("/tmp/fp/%s-%d-%s", s.name, i, rec.moment), []byte(rec.content), 0o600))
				}
				t.Log(time.Since(begun))
				reached, err := os.ReadFile(w.path(fmt.Sprintf("run%04d.reached", w.scenes)))
				must(t, err)
				must(t, os.WriteFile("/tmp/fp/"+s.name+".reached", reached, 0o600))
			}
		})
	}
}

// begin starts lifecycle for the first time, and lets the first tenant use the
// managed zone.
func (w *world) begin(t *testing.T) {
	t.Helper()
	w.play(t, scenario{"begin", func(r *scene) {
		tenant := ""
		r.until("there is a tenant", func() error {
			now, err := r.w.readTables(r.ctx)
			for _, row := range now["tenant"] {
				tenant = row["id"]
			}
			if err == nil && tenant == "" {
				err = fmt.Errorf("there is none")
			}
			return err
		})
		_, err := r.zones.GrantZone(r.ctx, &lifecyclev1.GrantZoneRequest{ZoneName: managedZone, TenantId: tenant})
		must(t, err)
	}}, "")
}

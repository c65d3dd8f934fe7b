package monitor_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/monitor"
)

func TestTable(t *testing.T) {
	page, err := os.ReadFile("../../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range monitor.Table {
		if m.ID == "" || m.Name == "" || names[m.Name] || names[string(m.ID)] || !strings.HasSuffix(m.Says, ".") || !strings.HasSuffix(m.Remedy, ".") {
			t.Errorf("the row of %s %s is not whole, or is there twice", m.ID, m.Name)
		}
		if m.Severity != monitor.Warning && m.Severity != monitor.Critical {
			t.Errorf("%s is %q", m.Name, m.Severity)
		}
		names[m.Name], names[string(m.ID)] = true, true
		if row := "| " + string(m.ID) + " | `" + m.Name + "` | " + string(m.Severity) + " | "; !strings.Contains(string(page), row) {
			t.Errorf("docs/doctor.md has no row %q", row)
		}
	}
}

// asked are the queries that a run makes.
func asked(t *testing.T, change func(s *monitor.Settings)) map[monitor.Fault]monitor.Query {
	t.Helper()
	s := settings()
	s.Config.RecheckEvery, s.Config.Grace, s.Config.Lease = time.Minute, time.Hour, time.Second
	change(&s)
	store := &fakeStore{}
	run(t, store, s)
	return store.asked
}

func TestTable_asks(t *testing.T) {
	plain := asked(t, func(*monitor.Settings) {})
	t.Run("for what is older than may be", func(t *testing.T) {
		for fault, while := range map[monitor.Fault]time.Duration{
			monitor.Contradicted: time.Hour + 2*time.Minute,
			monitor.Abandoned:    2 * time.Second,
			monitor.Forgotten:    2 * time.Second,
			monitor.Unplaced:     time.Minute,
			monitor.Behind:       10 * time.Minute,
			monitor.Drifted:      10 * time.Minute,
			monitor.Late:         5 * time.Minute,
		} {
			if got := now.Sub(plain[fault].Before); got != while {
				t.Errorf("%s is asked for what is %s old, want %s", fault, got, while)
			}
		}
		slow := asked(t, func(s *monitor.Settings) { s.Config.ReconcileEvery = time.Hour })
		if got := now.Sub(slow[monitor.Drifted].Before); got != 2*time.Hour {
			t.Errorf("drift that is looked at each hour is asked for after %s", got)
		}
	})
	t.Run("for a nonce, unless the probe is off", func(t *testing.T) {
		if got := plain[monitor.Unproved].Accept; !slices.Equal(got, []string{"nonce"}) {
			t.Errorf("accepts %q", got)
		}
		off := asked(t, func(s *monitor.Settings) { s.Config.ProbePolicy = "off" })
		if got := off[monitor.Unproved].Accept; !slices.Equal(got, []string{"nonce", "resolves"}) {
			t.Errorf("without the probe it accepts %q", got)
		}
	})
	t.Run("for the newest rows of history, or all", func(t *testing.T) {
		whole := asked(t, func(s *monitor.Settings) { s.Whole = true })
		for _, fault := range []monitor.Fault{monitor.Unchained, monitor.Forbidden, monitor.Uncaused, monitor.Unwritten} {
			if plain[fault].Newest != 10_000 || whole[fault].Newest != 0 {
				t.Errorf("%s reads the newest %d, or %d", fault, plain[fault].Newest, whole[fault].Newest)
			}
		}
	})
	t.Run("for what no table allows", func(t *testing.T) {
		accepted := plain[monitor.Forbidden].Accept
		for transition, right := range map[string]bool{
			monitor.Transition("site", "", "create", "CREATED"):               true,
			monitor.Transition("dom", "", "create", "PENDING_DNS"):            true,
			monitor.Transition("site", "DELETING", "deleted", "DELETED"):      true,
			monitor.Transition("dom", "RELEASING", "released", "RELEASED"):    true,
			monitor.Transition("site", "ACTIVE", "fail", "ERROR"):             false,
			monitor.Transition("dom", "DELETING", "deleted", "DELETED"):       false,
			monitor.Transition("site", "DELETED", "retry", "PROVISIONING"):    false,
			monitor.Transition("site", "", "create", "PROVISIONING"):          false,
			monitor.Transition("edge", "", "create", "CREATED"):               false,
			monitor.Transition("site", "CREATED", "provision", "PROVISIONIN"): false,
		} {
			if slices.Contains(accepted, transition) != right {
				t.Errorf("%s is accepted: %v", transition, !right)
			}
		}
	})
}

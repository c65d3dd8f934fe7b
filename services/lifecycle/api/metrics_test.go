package api

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/siteplane/siteplane/services/lifecycle/monitor"
)

// gathered are the values of all gauges, by name and label.
func gathered(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			values[name] = m.GetGauge().GetValue()
		}
	}
	return values
}

func TestMetrics_show_the_last_run_alone(t *testing.T) {
	registry, m := prometheus.NewRegistry(), &metrics{}
	registry.MustRegister(m)
	at := time.Unix(1_700_000_000, 0)
	row := func(name string, applies bool, count int) monitor.Result {
		return monitor.Result{Monitor: monitor.Monitor{Name: name}, Applies: applies, Count: count}
	}
	if got := gathered(t, registry); len(got) != 0 {
		t.Errorf("before the first run the metrics are %v", got)
	}
	m.last.Store(&monitor.Report{At: at.Add(-time.Minute), Results: []monitor.Result{row("a", true, 1), row("b", true, 1)},
		Waiting: []monitor.Suspect{{TenantID: "ten_gone", Since: at}}})
	m.last.Store(&monitor.Report{At: at, Results: []monitor.Result{row("a", true, 3), row("b", false, 0), row("c", true, 0)},
		Waiting: []monitor.Suspect{{TenantID: "ten_1", Since: at.Add(-time.Minute)}, {Since: at.Add(-time.Second)}}})
	want := map[string]float64{
		"siteplane_monitor_findings a": 3, "siteplane_monitor_findings c": 0,
		"siteplane_oldest_runnable_work_seconds ten_1": 60, "siteplane_oldest_runnable_work_seconds ": 1,
		"siteplane_monitor_last_run_timestamp_seconds": 1_700_000_000,
	}
	got := gathered(t, registry)
	for name, value := range want {
		if found, ok := got[name]; !ok || found != value {
			t.Errorf("%s is %v (%v), want %v", name, found, ok, value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the metrics are %v", got)
	}
}

func TestMetrics_rest(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: time.Minute, time.Second: time.Minute, 2 * time.Second: 2 * time.Minute, checkLimit: 5 * time.Minute,
	} {
		if got := restAfter(took); got != want {
			t.Errorf("after %s it rests %s, want %s", took, got, want)
		}
	}
}

func TestMetrics_stay_when_a_run_fails(t *testing.T) {
	registry, m := prometheus.NewRegistry(), &metrics{}
	registry.MustRegister(m)
	m.last.Store(&monitor.Report{At: time.Unix(7, 0)})
	broken := errors.New("broken")
	err := m.measure(t.Context(), func(ctx context.Context) (monitor.Report, error) {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > checkLimit {
			t.Error("the run has no limit of its own")
		}
		return monitor.Report{At: time.Unix(9, 0)}, broken
	})
	if got := gathered(t, registry)["siteplane_monitor_last_run_timestamp_seconds"]; !errors.Is(err, broken) || got != 7 {
		t.Errorf("got %v, %v", got, err)
	}
}

package api

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/siteplane/siteplane/services/lifecycle/monitor"
)

const (
	// checkEvery is how often the monitors run for the metrics, at most.
	checkEvery = time.Minute
	// checkLimit bounds one run: a database that is slow is not asked for more.
	checkLimit = 5 * time.Second
	// checkRest is how many times as long as a run took nothing is checked after it.
	checkRest = 60
)

var (
	findings = prometheus.NewDesc("siteplane_monitor_findings",
		"What a monitor found against what must always hold; `siteplane doctor` shows it.", []string{"monitor"}, nil)
	oldest = prometheus.NewDesc("siteplane_oldest_runnable_work_seconds",
		"How long the oldest work that can be claimed has waited, of the ten tenants that wait longest; without a tenant, that of the installation.",
		[]string{"tenant_id"}, nil)
	checked = prometheus.NewDesc("siteplane_monitor_last_run_timestamp_seconds",
		"When the monitors ran last; the other two are of that time.", nil, nil)
)

// metrics show what the monitors found last, and nothing before they ran.
type metrics struct {
	last atomic.Pointer[monitor.Report]
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(to chan<- *prometheus.Desc) { to <- findings; to <- oldest; to <- checked }

// Collect implements prometheus.Collector. A monitor that does not apply has no value.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	report := m.last.Load()
	if report == nil {
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, result := range report.Results {
		if result.Applies {
			gauge(findings, float64(result.Count), result.Monitor.Name)
		}
	}
	for _, late := range report.Waiting {
		gauge(oldest, report.At.Sub(late.Since).Seconds(), late.TenantID)
	}
	gauge(checked, float64(report.At.UnixMicro())/1e6)
}

// restAfter is how long nothing is checked after a run.
func restAfter(took time.Duration) time.Duration { return max(checkEvery, checkRest*took) }

// keep has the monitors run until the context is done, with a rest after each run.
func (a *API) keep(ctx context.Context, m *metrics) {
	run := func(ctx context.Context) (monitor.Report, error) { return a.cp.RunChecks(ctx, false, 0) }
	for {
		began := time.Now()
		if err := m.measure(ctx, run); err != nil && ctx.Err() == nil {
			a.cp.Logger().WarnContext(ctx, "monitors did not run, their metrics stay", "error", err)
		}
		rest := time.NewTimer(restAfter(time.Since(began)))
		select {
		case <-ctx.Done():
			rest.Stop()
			return
		case <-rest.C:
		}
	}
}

// measure has the monitors run once, within the limit.
func (m *metrics) measure(ctx context.Context, run func(ctx context.Context) (monitor.Report, error)) error {
	bounded, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	report, err := run(bounded)
	if err == nil {
		m.last.Store(&report)
	}
	return err
}

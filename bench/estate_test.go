package main

import (
	"strings"
	"testing"
	"time"
)

func TestEstate(t *testing.T) {
	const sites = 3 * estatePatterns
	made, err := makeEstate(t.Context(), sites)
	must(t, err)
	shared := &estates{made: made}
	defer func() { must(t, shared.close()) }()
	t.Run("has as many of everything that a site has", func(t *testing.T) {
		counts, err := countRowsPostgres(t.Context(), made.Server, estateName)
		must(t, err)
		for table, want := range map[string]int{"site": sites, "site_revision": sites, "domain": sites, "endpoint": sites + 3, "tenant": benchTenants} {
			if counts[table] != want {
				t.Errorf("%d rows are in %s, not %d", counts[table], table, want)
			}
		}
		if counts["condition"]%sites != 0 || counts["condition"] == 0 || counts["operation"]%sites != 0 || counts["operation"] == 0 {
			t.Errorf("rows are %v", counts)
		}
	})
	t.Run("keeps the rules of the schema", func(t *testing.T) {
		for name, query := range map[string]string{
			"a domain refers to its site":      `SELECT count(*) FROM domain d LEFT JOIN site s ON s.id = d.site_id AND s.tenant_id = d.tenant_id AND s.primary_domain_id = d.id WHERE s.id IS NULL`,
			"an endpoint has its revision":     `SELECT count(*) FROM endpoint e LEFT JOIN site_revision r ON r.site_id = e.site_id AND r.number = e.revision WHERE r.site_id IS NULL`,
			"a condition has its object":       `SELECT count(*) FROM condition c WHERE object_id NOT IN (SELECT id FROM site UNION ALL SELECT id FROM domain)`,
			"an operation has its object":      `SELECT count(*) FROM operation WHERE object_id NOT IN (SELECT id FROM site UNION ALL SELECT id FROM domain)`,
			"work of sites is not due":         `SELECT count(*) FROM work WHERE kind IN ('site', 'domain') AND due_at < now() + interval '1 hour'`,
			"no index was lost on the way":     `SELECT (count(*) < 40)::int FROM pg_indexes WHERE schemaname = 'public'`,
			"every site is ACTIVE, and wanted": `SELECT count(*) FROM site WHERE status <> 'ACTIVE' OR wanted <> 'PRESENT'`,
		} {
			found, err := askPostgres(t.Context(), made.DSN(estateName), query)
			if err != nil || found[0][0] != "0" {
				t.Errorf("%s: %v (%v)", name, found, err)
			}
		}
	})
	t.Run("gives snapshots", func(t *testing.T) {
		got, err := shared.snapshot100k(t.Context())
		must(t, err)
		if got.Value <= 0 || got.Baseline <= 0 || !strings.Contains(got.Note, "after one change") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("is no baseline when rows are missing", func(t *testing.T) {
		if _, err := copyDesired(t.Context(), made.DSN(estateName), sites+1); err == nil {
			t.Error("it is")
		}
	})
}

func TestSnapshotResult(t *testing.T) {
	one := func(d time.Duration) []time.Duration { return []time.Duration{d} }
	ms := time.Millisecond
	for _, test := range []struct {
		name                string
		whole, bare, change time.Duration
		ok                  bool
	}{
		{"both within", 300 * ms, 100 * ms, 10 * ms, true},
		{"too slow", 301 * ms, 100 * ms, ms, false},
		{"a change too slow", 100 * ms, 100 * ms, 11 * ms, false},
	} {
		if got := snapshotResult(one(test.whole), one(test.bare), one(test.change)); got.OK != test.ok || got.Baseline != 0.1 {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestReadResult(t *testing.T) {
	of := func(slow time.Duration) times {
		return times{gets: []time.Duration{time.Millisecond, time.Millisecond}, lists: []time.Duration{slow}}
	}
	for _, test := range []struct {
		name         string
		open         times
		closed, bare float64
		ok           bool
	}{
		{"both within", of(20 * time.Millisecond), 20, 100, true},
		{"too few calls", of(20 * time.Millisecond), 19, 100, false},
		{"too late", of(21 * time.Millisecond), 90, 100, false},
	} {
		if got := readResult(test.open, test.closed, test.bare); got.OK != test.ok {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestMemoryResult(t *testing.T) {
	for full, ok := range map[int64]bool{300 << 20: true, 301 << 20: false} {
		if got := memoryResult(full, 400<<20, 30<<20, 7, time.Second); got.OK != ok || got.Baseline != 30 {
			t.Errorf("%+v", got)
		}
	}
}

func TestPgbenchRate(t *testing.T) {
	const failed = "number of failed transactions: "
	for said, want := range map[string]float64{
		failed + "0 (0.000%)\ntps = 1369.25 (without initial connection time)\n": 1369.25,
		failed + "3 (0.1%)\ntps = 1369.25 (without initial connection time)\n":   0,
		failed + "0 (NaN%)\ntps = 0.0 (without initial connection time)\n":       0,
		failed + "0 (0.000%)\n": 0,
		"":                      0,
	} {
		got, err := pgbenchRate(said)
		if (err == nil) != (want > 0) || err == nil && got != want {
			t.Errorf("%q: %v, %v", said, got, err)
		}
	}
}

func TestKilobytes(t *testing.T) {
	const status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t    1024 kB\n"
	if got, err := kilobytes(status, "VmRSS:"); err != nil || got != 1<<20 {
		t.Errorf("got %d, %v", got, err)
	}
	if _, err := kilobytes(status, "VmSwap:"); err == nil {
		t.Error("a line that is not there was read")
	}
}

func TestPattern(t *testing.T) {
	row := "site_01h455vb4pex5vsknk084sn02q\tshop-000042\top_01h455vb4pex5vsknk084sn0zz\tten_01h455vb4pex5vsknk084sn02q\n"
	want := "site_000755vb4pex5vsknk084sn02q\tshop-000742\top_000755vb4pex5vsknk084sn0zz\tten_01h455vb4pex5vsknk084sn02q\n"
	if got := strings.Join(newPattern(row), "0007"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if p := newPattern("ten_01h455vb4pex5vsknk084sn02q\tbench-1\n"); len(p) != 1 {
		t.Errorf("a row of no site is a pattern: %q", p)
	}
}

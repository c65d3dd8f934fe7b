package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The rows of an answer by bare SQL: whose they are is looked up by the slug, and the
// rest comes in one pipeline. Of a page, it is that after some site of some tenant.
const (
	bareSite = `\set n random(0, :sites - 1)
SELECT id AS site, tenant_id AS tenant, name, slug, status, wanted, wanted_revision AS revision, confirmed_revision,
	primary_domain_id AS domain, version, created_at, updated_at
FROM site WHERE slug = 'shop-' || lpad((:n)::text, 6, '0') AND status <> 'DELETED' \gset
\startpipeline
SELECT * FROM site_revision WHERE site_id = :site AND number = :revision::bigint;
SELECT * FROM endpoint WHERE site_id = :site AND revision = :revision::bigint ORDER BY pool, ordinal;
SELECT * FROM domain WHERE tenant_id = :tenant AND id = :domain;
SELECT * FROM condition WHERE object_id IN (:site, :domain) ORDER BY object_id, type;
SELECT * FROM instruction WHERE domain_id = :domain ORDER BY ordinal;
SELECT due_at FROM work WHERE kind = 'site' AND key = :site OR kind = 'domain' AND key = :domain;
SELECT * FROM operation WHERE object_id IN (:site, :domain) AND state IN ('PENDING', 'RUNNING', 'WAITING', 'COMPENSATING');
\endpipeline
`
	barePage = `\set n random(0, :sites - 1)
SELECT id AS last, tenant_id AS tenant FROM site WHERE slug = 'shop-' || lpad((:n)::text, 6, '0') AND status <> 'DELETED' \gset
\startpipeline
SELECT * FROM page;
SELECT r.* FROM page s JOIN site_revision r ON r.site_id = s.id AND r.number = s.wanted_revision;
SELECT e.* FROM page s JOIN endpoint e ON e.site_id = s.id AND e.revision = s.wanted_revision;
SELECT d.* FROM page s JOIN domain d ON d.id = s.primary_domain_id;
SELECT c.* FROM page s JOIN condition c ON c.object_id = s.id;
SELECT c.* FROM page s JOIN condition c ON c.object_id = s.primary_domain_id;
SELECT i.* FROM page s JOIN instruction i ON i.domain_id = s.primary_domain_id;
SELECT w.due_at FROM page s JOIN work w ON w.kind = 'site' AND w.key = s.id;
SELECT w.due_at FROM page s JOIN work w ON w.kind = 'domain' AND w.key = s.primary_domain_id;
SELECT o.* FROM page s JOIN operation o ON o.object_id IN (s.id, s.primary_domain_id) AND o.state IN ('PENDING', 'RUNNING', 'WAITING', 'COMPENSATING');
\endpipeline
`
	// pageOfSites is the table page of each statement above.
	pageOfSites = `WITH page AS MATERIALIZED (SELECT * FROM site WHERE tenant_id = :tenant AND status <> 'DELETED' AND status = 'ACTIVE'
	AND id <= :last ORDER BY id DESC LIMIT 101) SELECT`
)

// runPgbench returns how many sites and pages a second pgbench reads, in the mix of the
// calls.
func runPgbench(ctx context.Context, e *estate, dir string) (perSecond float64, err error) {
	site, page := filepath.Join(dir, "site.sql"), filepath.Join(dir, "page.sql")
	pages := strings.ReplaceAll(barePage, "\nSELECT ", "\n"+pageOfSites+" ")
	pages = strings.Replace(pages, pageOfSites+" id AS last", "SELECT id AS last", 1)
	for path, text := range map[string]string{site: bareSite, page: pages} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return 0, err
		}
	}
	bench := exec.CommandContext(ctx, e.Program("pgbench"), "--no-vacuum", "--protocol", "prepared",
		"--client", strconv.Itoa(readClients), "--jobs", "2", "--time", strconv.Itoa(int(readClosed/time.Second)),
		"--define", "sites="+strconv.Itoa(e.sites),
		"--file", fmt.Sprintf("%s@%d", site, readLists-1), "--file", page+"@1", e.DSN(estateName))
	said, err := bench.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, said)
	}
	return pgbenchRate(string(said))
}

// rate is how pgbench says how fast it was.
var rate = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// pgbenchRate reads what pgbench says. A run in which nothing was done, or something
// failed, is none.
func pgbenchRate(said string) (float64, error) {
	found := rate.FindStringSubmatch(said)
	if found == nil || !strings.Contains(said, "number of failed transactions: 0 ") {
		return 0, fmt.Errorf("pgbench says: %s", said)
	}
	perSecond, err := strconv.ParseFloat(found[1], 64)
	if err == nil && perSecond <= 0 {
		err = fmt.Errorf("pgbench says: %s", said)
	}
	return perSecond, err
}

package apptest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/machine"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// Check fails the test if anything is as it must never be, whatever happens.
func (w *World) Check() {
	w.tb.Helper()
	w.must(w.Tunnel.Invariant())
	for _, r := range w.sites {
		w.View(func(ctx context.Context, tx store.Tx) error {
			s, err := tx.GetSite(ctx, r.tenant, r.site)
			if err != nil {
				return err
			}
			domains, err := tx.DomainsOfSite(ctx, r.tenant, r.site)
			if err != nil {
				return err
			}
			if err := chain(ctx, tx, site.Machine, string(s.ID), s.Status); err != nil {
				return err
			}
			for _, d := range domains {
				if err := w.checkDomain(ctx, tx, s, d); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (w *World) checkDomain(ctx context.Context, tx store.Tx, s site.Site, d network.Domain) error {
	if err := chain(ctx, tx, network.Machine, string(d.ID), d.Status); err != nil {
		return err
	}
	if want := projected(d.Status); d.ID == s.PrimaryDomainID && s.Status.PastProvisioning() && s.Status != want {
		return fmt.Errorf("site %s is %s, its primary %s is %s", s.Slug, s.Status, d.Hostname, d.Status)
	}
	if (d.Status == network.Routed || d.Status == network.Active) && d.Wanted != network.Public {
		return fmt.Errorf("domain %s is %s, wanted is %s", d.Hostname, d.Status, d.Wanted)
	}
	if d.Wanted != network.Hidden && s.Wanted != site.Present {
		return fmt.Errorf("domain %s is wanted %s, its site %s", d.Hostname, d.Wanted, s.Wanted)
	}
	if d.Status == network.Active && w.cfg.ProbePolicy != "off" {
		evidence, err := tx.GetEvidence(ctx, d.ID, network.EvidenceNonce)
		if err == nil && evidence.PositiveAt.IsZero() {
			err = fmt.Errorf("domain %s is ACTIVE without evidence", d.Hostname)
		}
		return err
	}
	return nil
}

// projected is the status of a site past PROVISIONING, by that of its primary.
func projected(d network.Status) site.Status {
	switch d {
	case network.Validated:
		return site.DomainValidated
	case network.Routed:
		return site.DomainRouted
	case network.Active:
		return site.Active
	}
	return site.DomainPendingDNS
}

// chain checks that the history of an object is one unbroken chain of rows of its
// table, each with its cause, that ends at its status.
func chain[S, E ~string](ctx context.Context, tx store.Tx, m machine.Machine[S, E], object string, status S) error {
	history, err := tx.HistoryOf(ctx, []string{object})
	if err != nil {
		return err
	}
	at := S("")
	for i, c := range history {
		to := m.Initial
		if i > 0 {
			if to, err = m.Next(at, E(c.Event)); err != nil {
				return fmt.Errorf("row %d of %s: %w", i, object, err)
			}
		}
		if S(c.From) != at || S(c.To) != to {
			return fmt.Errorf("row %d of %s leads from %q to %q, expected from %q to %q", i, object, c.From, c.To, at, to)
		}
		if err := caused(c); err != nil {
			return fmt.Errorf("row %d of %s (%s): %w", i, object, c.Event, err)
		}
		at = to
	}
	if at != status {
		return fmt.Errorf("the history of %s ends at %s, it is %s", object, at, status)
	}
	return nil
}

// caused checks that a row has its cause. What a caller does at once, without
// work to follow, belongs to no operation.
func caused(c lifecycle.Change) error {
	for name, value := range map[string]string{
		"actor": c.Actor, "reason": c.Reason, "operation": c.OperationID, "trace id": c.TraceID,
	} {
		if value == "" && (name != "operation" || !strings.HasPrefix(c.Actor, "key:")) {
			return fmt.Errorf("no %s", name)
		}
	}
	return nil
}

// CheckSettled checks what holds besides once a world has settled: every edge
// that answers holds exactly what the wanted columns say, and what is deleted is
// gone.
func (w *World) CheckSettled() {
	w.tb.Helper()
	w.Check()
	w.View(func(ctx context.Context, tx store.Tx) error {
		for _, e := range w.edges {
			rows, err := tx.DesiredRows(ctx, e, nil)
			if err != nil {
				return err
			}
			same := func(a, b desired.EdgeSite) bool { return a.Sum() == b.Sum() }
			if held, want := w.Edges.Host(e).Sites(), desired.ForEdge(rows); !slices.EqualFunc(held, want, same) {
				return fmt.Errorf("edge %s holds %v, desired is %v", e, held, want)
			}
		}
		return nil
	})
	w.checkTunnel()
	for _, r := range w.sites {
		w.checkBuried(r)
	}
}

// checkTunnel checks that the tunnel holds exactly what the wanted columns say:
// no public name without a route, no route without a claim.
func (w *World) checkTunnel() {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) error {
		routed, err := tx.RoutedDomains(ctx, w.tunnel)
		if err != nil {
			return err
		}
		var want []string
		for _, r := range desired.ForTunnel(routed) {
			want = append(want, r.Hostname)
			if !w.Tunnel.Public(r.Hostname) {
				return fmt.Errorf("%s is wanted ROUTED, and nothing leads to the tunnel", r.Hostname)
			}
		}
		if rules := w.Tunnel.Rules(); !slices.Equal(rules, want) {
			return fmt.Errorf("the tunnel has rules for %v, desired are %v", rules, want)
		}
		for _, public := range slices.Concat(w.Tunnel.Records(), w.Tunnel.CustomHostnames()) {
			if !slices.Contains(want, public) {
				return fmt.Errorf("%s leads to the tunnel, but is not desired", public)
			}
		}
		return nil
	})
}

// checkBuried checks that a deleted site has left nothing but tombstones and
// history.
func (w *World) checkBuried(r ref) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) error {
		s, err := tx.GetSite(ctx, r.tenant, r.site)
		if err != nil || s.Status != site.Deleted {
			return err
		}
		domains, err := tx.DomainsOfSite(ctx, r.tenant, r.site)
		if err != nil {
			return err
		}
		for _, d := range domains {
			if d.Status != network.Released || d.Wanted != network.Hidden {
				return fmt.Errorf("site %s is gone, domain %s is %s and wanted %s", s.Slug, d.Hostname, d.Status, d.Wanted)
			}
		}
		conditions, err := tx.Conditions(ctx, string(s.ID))
		if err == nil && (s.Wanted != site.Absent || len(conditions) > 0) {
			err = fmt.Errorf("site %s is gone, but wanted %s and has conditions %v", s.Slug, s.Wanted, conditions)
		}
		return err
	})
}

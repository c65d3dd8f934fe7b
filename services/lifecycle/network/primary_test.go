package network_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// refusal says which domain no site takes as its primary, and which site none.
func refusal(s site.Status, d network.Status) string {
	switch {
	case s == site.Error:
		return "the site is in ERROR; retry it first"
	case s == site.Deleting || s == site.Deleted:
		return "the site is on its way out"
	case d == network.Releasing || d == network.Released:
		return "shop.example is on its way out"
	case d == network.Error:
		return "shop.example is in ERROR; check it first"
	case s == site.Active && d != network.Active:
		return "the site is ACTIVE and shop.example is " + string(d) + "; wait until it is ACTIVE too"
	}
	return ""
}

// climb is what a site walks through from DOMAIN_PENDING_DNS to show a domain.
var climb = map[network.Status][]string{
	network.PendingDNS: nil,
	network.Validated:  {"dns_validated DOMAIN_VALIDATED"},
	network.Routed:     {"dns_validated DOMAIN_VALIDATED", "routed DOMAIN_ROUTED"},
	network.Active:     {"dns_validated DOMAIN_VALIDATED", "routed DOMAIN_ROUTED", "serving ACTIVE"},
}

// walk is what a site walks through when a domain becomes its primary.
func walk(s site.Status, d network.Status) []string {
	switch s {
	case site.DomainPendingDNS:
		return climb[d]
	case site.DomainValidated, site.DomainRouted:
		return slices.Concat([]string{"primary_changed DOMAIN_PENDING_DNS"}, climb[d])
	}
	return nil // not past PROVISIONING, or ACTIVE already
}

// Every site with every domain.
func TestSetPrimary(t *testing.T) {
	b := setup(t)
	for _, from := range site.Machine.States() {
		for _, status := range network.Machine.States() {
			var before, given, stored site.Site
			var domain network.Domain
			rows, err := b.try(from, status, false, func(ctx context.Context, tx store.Tx, s site.Site, d network.Domain) error {
				var failed, err error
				before, domain = s, d
				given, failed = network.SetPrimary(ctx, tx, s, d, b.cause)
				stored, err = tx.GetSite(ctx, s.TenantID, s.ID)
				return errors.Join(failed, err)
			})
			if want := refusal(from, status); want != "" {
				var refused *lifecycle.PreconditionError
				if !errors.As(err, &refused) || refused.Message != want || rows != nil || stored.Version != before.Version || stored.PrimaryDomainID != "" {
					t.Errorf("a site that is %s and a domain that is %s: %v, %v, want %q", from, status, rows, err, want)
				}
				continue
			}
			if want := walk(from, status); err != nil || !slices.Equal(rows, want) {
				t.Errorf("a site that is %s and a domain that is %s: walked %v (%v), want %v", from, status, rows, err, want)
			}
			want := from
			if slices.Contains(past, from) {
				want = shown[status]
			}
			if stored.PrimaryDomainID != domain.ID || stored.Status != want {
				t.Errorf("a site that is %s and a domain that is %s: the site is %s with primary %q, want %s", from, status, stored.Status, stored.PrimaryDomainID, want)
			}
			if given != stored {
				t.Errorf("a site that is %s and a domain that is %s: returned %+v, stored is %+v", from, status, given, stored)
			}
		}
	}
}

func TestSetPrimary_again(t *testing.T) {
	b := setup(t)
	for _, from := range site.Machine.States() {
		for _, status := range network.Machine.States() {
			rows, err := b.try(from, status, true, func(ctx context.Context, tx store.Tx, s site.Site, d network.Domain) error {
				got, err := network.SetPrimary(ctx, tx, s, d, b.cause)
				if got != s {
					t.Errorf("a site that is %s has changed to %+v", from, got)
				}
				return err
			})
			if err != nil || rows != nil {
				t.Errorf("a site that is %s, with the same domain that is %s: walked %v, %v", from, status, rows, err)
			}
		}
	}
}

func TestSetPrimary_of_a_site_that_moved(t *testing.T) {
	b := setup(t)
	rows, err := b.try(site.DomainValidated, network.Validated, false, func(ctx context.Context, tx store.Tx, s site.Site, d network.Domain) error {
		s.Status = site.DomainRouted // as it was read before
		_, err := network.SetPrimary(ctx, tx, s, d, b.cause)
		return err
	})
	if !errors.Is(err, lifecycle.ErrLostRace) || rows != nil {
		t.Errorf("got %v, the site walked %v", err, rows)
	}
}

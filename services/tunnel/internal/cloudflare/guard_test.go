package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/internal/platform/shrink"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// numbered are routes n00.shop.test and so on.
func numbered(n int) (routes []route.Route, names []string) {
	for i := range n {
		name := fmt.Sprintf("n%02d.shop.test", i)
		routes, names = append(routes, byRecord(name)), append(names, name)
	}
	return routes, names
}

// unexplained is a snapshot of which nothing says why anything goes.
func unexplained(routes ...route.Route) route.Snapshot {
	s := snapshot(slices.Clone(routes)...)
	s.Removals = nil
	return s
}

func TestGuard(t *testing.T) {
	routes, names := numbered(20)
	for _, tt := range []struct {
		name      string
		want      []route.Route
		explained []string
		confirmed string
		held      []string // names that the guard holds; nil: it lets all go
	}{
		{"nothing goes", routes, nil, "", nil},
		{"all go, and nothing says why", nil, nil, "", names},
		{"all go, and operations say why", nil, names, "", nil},
		{"all go, and operations say why of all but one", nil, names[1:], "", names[:1]},
		{"five go, and nothing says why", routes[5:], nil, "", nil},
		{"six go, and nothing says why", routes[6:], nil, "", names[:6]},
		{"ten go, and operations say why of half", routes[10:], names[:5], "", nil},
		{"six go, confirmed", routes[6:], nil, shrink.ID(names[:6]), nil},
		{"seven go, and six were confirmed", routes[7:], nil, shrink.ID(names[:6]), names[:7]},
		{"all are replaced", []route.Route{byRecord("new.shop.test")}, nil, "", names},
		{"another kind of the same name stays", []route.Route{byHostname(names[0])}, names[1:], "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAccount(t)
			b := newBackend(a)
			mustApply(t, b, routes)
			a.writes = 0
			s := unexplained(tt.want...)
			s.Removals, s.ConfirmedHold = explained(tt.explained...), tt.confirmed
			_, err := b.Apply(t.Context(), s)
			var held *shrink.HeldError
			if !errors.As(err, &held) {
				if err != nil || tt.held != nil {
					t.Fatalf("error is %v, want %v held", err, tt.held)
				}
				a.wantNames(tt.want)
				return
			}
			if !slices.Equal(held.Names, tt.held) || held.ID != shrink.ID(tt.held) || held.Held != len(routes) || a.writes != 0 {
				t.Errorf("held is %+v after %d writes, want %v", held, a.writes, tt.held)
			}
			a.wantNames(routes)
		})
	}
}

// What leads to no route is nobody's hostname, and what has lost its rule by hand
// is one.
func TestGuard_counts_hostnames(t *testing.T) {
	a := newAccount(t)
	b := newBackend(a)
	mustApply(t, b, everything())
	a.wild, a.config = true, []byte(`{"warp-routing":{"enabled":true},"ingress":[{"hostname":"git.shop.test","service":"ssh://10.0.0.1:22","x":1.50},{"service":"http_status:503"}]}`)
	_, err := b.Apply(t.Context(), unexplained())
	var held *shrink.HeldError
	if !errors.As(err, &held) || !slices.Equal(held.Names, []string{"a.shop.test", "b.shop.test", "www.tenant.test"}) || held.Held != 3 {
		t.Errorf("error is %v, held %+v", err, held)
	}
	a.config = []byte(`{"ingress":[` + own("*.shop.test") + `,` + own("a_b.test") + `,{"service":"http_status:503"}]}`)
	a.records, a.hostnames = nil, nil
	a.foreign = a.others()
	if _, err := b.Apply(t.Context(), unexplained()); err != nil {
		t.Errorf("what we never write is held: %v", err)
	}
}

// A delete that was let go and that a list has not noticed yet, or that was cut
// short, needs no second explanation; once the name is wanted again it does.
func TestGuard_asks_once(t *testing.T) {
	routes, names := numbered(10)
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		late := &late{account: a}
		b := newBackend(late)
		mustApply(t, b, routes)
		late.records, late.old = slices.Clone(a.records), true
		let := unexplained()
		let.Removals = explained(names...)
		var unknown *fault.Unavailable
		if _, err := b.Apply(t.Context(), let); !errors.As(err, &unknown) {
			t.Errorf("what is still shown is taken for gone: %v", err)
		}
		if _, err := b.Apply(t.Context(), unexplained()); !errors.As(err, &unknown) {
			t.Errorf("what was let go needs a second explanation: %v", err)
		}
		late.old = false
		if _, err := b.Apply(t.Context(), unexplained()); err != nil {
			t.Error(err)
		}
		a.wantNames(nil)
		mustApply(t, b, routes)
		var held *shrink.HeldError
		if _, err := b.Apply(t.Context(), unexplained()); !errors.As(err, &held) || len(held.Names) != len(names) {
			t.Errorf("what was wanted again goes without explanation: %v", err)
		}
	})
}

// What comes back by other hands after a while is there like anything else.
func TestGuard_forgets_what_has_stayed_away(t *testing.T) {
	routes, _ := numbered(6)
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		b := newBackend(a)
		mustApply(t, b, append(routes, everything()...))
		records, config := slices.Clone(a.records), a.config
		s := snapshot(everything()...)
		_, names := numbered(6)
		s.Removals = explained(names...)
		if _, err := b.Apply(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		time.Sleep(settle)
		mustApply(t, b, everything())
		a.records, a.config = records, config
		var held *shrink.HeldError
		if _, err := b.Apply(t.Context(), unexplained(everything()...)); !errors.As(err, &held) || !slices.Equal(held.Names, names) {
			t.Errorf("error is %v", err)
		}
	})
}

// late has lists of records that show old ones while old.
type late struct {
	*account
	old     bool
	records []Record
}

func (l *late) Records(ctx context.Context, zoneID string, filter RecordFilter) ([]Record, error) {
	found, err := l.account.Records(ctx, zoneID, filter)
	if !l.old {
		return found, err
	}
	return slices.DeleteFunc(slices.Clone(l.records), func(r Record) bool { return r.ZoneID != zoneID || !filter.passes(r) }), err
}

package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/diagnosis"
	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

func everything() []route.Route {
	return []route.Route{byRecord("a.shop.test"), byRecord("b.shop.test"), byHostname("www.tenant.test")}
}

// firstPut is the number of the call that writes the configuration first: after
// the configuration, the zones, the records of both, the custom hostnames, and the
// configuration again.
const firstPut = 7

// moves are ways from one list of routes to another.
func moves() map[string][2][]route.Route {
	return map[string][2][]route.Route{
		"all come":          {nil, everything()},
		"all go":            {everything(), nil},
		"one comes and one": {everything()[:1], everything()[1:2]},
		"another kind":      {{byRecord("x.shop.test")}, {byHostname("x.shop.test")}},
		"and back":          {{byHostname("x.shop.test")}, {byRecord("x.shop.test")}},
	}
}

// Each call is lost in turn, before and after its effect. The account checks after
// each call that no record is without rule and nothing of others changes (F52,
// F53, I17); then a repeat converges, and one more writes nothing (I16).
func TestApply_survives_the_loss_of_every_call(t *testing.T) {
	for name, move := range moves() {
		for _, effect := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, effect %t", name, effect), func(t *testing.T) {
				for call := 1; survives(t, move, call, effect); call++ {
				}
			})
		}
	}
}

// survives reports whether the apply had that call.
func survives(t *testing.T, move [2][]route.Route, call int, effect bool) (met bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		b := newBackend(a)
		mustApply(t, b, move[0])
		a.calls, a.failAt, a.effect = 0, call, effect
		_, err := b.Apply(t.Context(), snapshot(move[1]...))
		met = a.calls >= call
		if met != (err != nil) {
			t.Errorf("call %d failed and the error is %v", call, err)
		}
		a.failAt = 0
		time.Sleep(settle) // A lost record may be there, unseen by lists.
		mustApply(t, b, move[1])
		a.wantNames(move[1])
		a.writes = 0
		if result := mustApply(t, b, move[1]); result.Writes != 0 || a.writes != 0 {
			t.Errorf("call %d: a converged account was written %d times", call, a.writes)
		}
	})
	return met && !t.Failed()
}

// An apply is cut at each of its calls, before and after its effect, and the next
// one wants something else: nothing is left of what was begun.
func TestApply_survives_a_cut_before_another_snapshot(t *testing.T) {
	for name, move := range moves() {
		for nextName, next := range map[string][]route.Route{"nothing": nil, "where it was": move[0], "one of another kind": {byHostname("a.shop.test")}} {
			t.Run(name+", then "+nextName, func(t *testing.T) {
				for call := 1; turns(t, move, next, call); call++ {
				}
			})
		}
	}
}

// turns reports whether the apply had that call.
func turns(t *testing.T, move [2][]route.Route, next []route.Route, call int) (met bool) {
	t.Helper()
	for _, effect := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a := newAccount(t)
			mustApply(t, newBackend(a), move[0])
			b := newBackend(a)
			a.calls, a.failAt, a.effect = 0, call, effect
			_, err := b.Apply(t.Context(), snapshot(slices.Clone(move[1])...))
			met = err != nil
			a.failAt = 0
			time.Sleep(settle) // A lost record may be there, unseen by lists.
			mustApply(t, b, next)
			a.wantNames(next)
		})
	}
	return met && !t.Failed()
}

func mustApply(t *testing.T, b *Backend, routes []route.Route) route.Result {
	t.Helper()
	result, err := b.Apply(t.Context(), snapshot(slices.Clone(routes)...))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func (a *account) wantNames(routes []route.Route) {
	a.t.Helper()
	var want []string
	targets := 0
	for _, r := range routes {
		want = append(want, r.Hostname)
		if r.Kind == route.KindCustomHostname {
			targets = 1
		}
	}
	slices.Sort(want)
	if got := a.names(); !slices.Equal(got, want) {
		a.t.Errorf("the account has %v, want %v", got, want)
	}
	config, err := parseConfiguration(a.version, a.config)
	if err != nil {
		a.t.Fatal(err)
	}
	if rules, _ := config.split(ours); !slices.Equal(slices.Sorted(maps.Keys(rules)), want) {
		a.t.Errorf("the tunnel has %v, want %v", rules, want)
	}
	if got := len(slices.DeleteFunc(slices.Clone(a.records), func(r Record) bool { return r.Name != target })); got != targets {
		a.t.Errorf("there are %d records for the target, want %d", got, targets)
	}
}

// A delete that Cloudflare refuses keeps its rule and holds up nothing else.
func TestApply_keeps_the_rule_of_what_cannot_be_deleted(t *testing.T) {
	a := newAccount(t)
	b := newBackend(&refusing{account: a, what: "record a.shop.test"})
	mustApply(t, newBackend(a), everything())
	result := mustApply(t, b, everything()[2:])
	a.wantNames([]route.Route{byRecord("a.shop.test"), byHostname("www.tenant.test")})
	if len(result.Problems) != 1 || result.Problems[0].Hostname != "a.shop.test" || result.Problems[0].Diagnosis.Code != diagnosis.ServiceUnavailable {
		t.Errorf("problems are %+v", result.Problems)
	}
}

// A refusal to make something is one route's problem.
func TestApply_reports_what_cannot_be_made(t *testing.T) {
	for _, what := range []string{"record a.shop.test", "custom hostname www.tenant.test"} {
		a := newAccount(t)
		result := mustApply(t, newBackend(&refusing{account: a, what: what}), everything())
		if len(result.Problems) != 1 || len(a.names()) != 2 {
			t.Errorf("%s: problems are %+v, names %v", what, result.Problems, a.names())
		}
	}
	a := newAccount(t)
	result := mustApply(t, newBackend(&refusing{account: a, what: "record " + target}), everything())
	if len(result.Problems) != 1 || result.Problems[0].Hostname != "www.tenant.test" || len(a.names()) != 2 {
		t.Errorf("without target: problems are %+v, names %v", result.Problems, a.names())
	}
}

// refusing refuses all changes of one thing.
type refusing struct {
	*account
	what string
}

func (r *refusing) Do(ctx context.Context, change Change) error {
	if change.What() == r.what {
		return &settled{&refusal{status: 400, message: "no (1)"}}
	}
	return r.account.Do(ctx, change)
}

// A target that the operator made is good enough, and stays.
func TestApply_uses_a_target_that_the_operator_made(t *testing.T) {
	a := newAccount(t)
	a.records = append(a.records, Record{ID: "t", ZoneID: saas, Type: "CNAME", Name: target, Content: "tunnel.cfargotunnel.com", Proxied: true})
	a.foreign = a.others()
	b := newBackend(a)
	if result := mustApply(t, b, everything()); len(result.Problems) > 0 {
		t.Errorf("problems are %+v", result.Problems)
	}
	mustApply(t, b, nil)
}

func TestApply_of_a_zone_that_is_gone_is_one_routes_problem(t *testing.T) {
	a := newAccount(t)
	elsewhere := route.Route{Hostname: "www.moved.test", Kind: route.KindRecord, ZoneID: "zone-moved"}
	result := mustApply(t, newBackend(a), append(everything(), elsewhere))
	if len(result.Problems) != 1 || result.Problems[0].Diagnosis.Code != diagnosis.CloudflarePermission {
		t.Errorf("problems are %+v", result.Problems)
	}
	if len(a.names()) != len(everything()) {
		t.Errorf("the account has %v", a.names())
	}
}

func TestApply_says_what_it_did(t *testing.T) {
	a := newAccount(t)
	b := newBackend(a)
	result := mustApply(t, b, everything())
	if !slices.Equal(result.Added, []string{"a.shop.test", "b.shop.test", target, "www.tenant.test"}) || len(result.Removed) != 0 ||
		result.Writes != 5 || result.ConfigVersion != 2 {
		t.Errorf("result is %+v", result)
	}
	result = mustApply(t, b, everything()[:1])
	if !slices.Equal(result.Removed, []string{"b.shop.test", target, "www.tenant.test"}) || len(result.Added) != 0 {
		t.Errorf("result is %+v", result)
	}
}

// A writer that came between two reads of ours is told about: what it wrote may be
// lost.
func TestApply_warns_of_another_writer(t *testing.T) {
	a := newAccount(t)
	result, err := newBackend(&meddling{a}).Apply(t.Context(), snapshot(everything()...))
	if err != nil || len(result.Warnings) != 1 {
		t.Errorf("result %+v, error %v", result, err)
	}
}

// meddling counts one more version at each PUT.
type meddling struct{ *account }

func (m *meddling) Do(ctx context.Context, change Change) error {
	if _, put := change.(PutConfiguration); put {
		m.version++
	}
	return m.account.Do(ctx, change)
}

// What was lost may take effect until its deadline: the next apply reads after it.
func TestApply_waits_for_a_lost_change(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		b := newBackend(a)
		a.failAt = firstPut
		start := time.Now()
		if _, err := b.Apply(t.Context(), snapshot(everything()...)); err == nil || a.version != 1 {
			t.Fatalf("error is %v, version %d", err, a.version)
		}
		mustApply(t, b, everything())
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("the next apply came after %s, want a call's timeout", waited)
		}
	})
}

// An answer ends a call: nothing is waited for.
func TestApply_does_not_wait_after_an_answer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		b := newBackend(a)
		a.failAt, a.failure = firstPut, &settled{&fault.Unavailable{Message: "success: false"}}
		start := time.Now()
		if _, err := b.Apply(t.Context(), snapshot(everything()...)); err == nil {
			t.Fatal("no error")
		}
		mustApply(t, b, everything())
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the next apply came after %s", waited)
		}
	})
}

func TestApply_with_an_old_fence_calls_nobody(t *testing.T) {
	a := newAccount(t)
	b := newBackend(a)
	mustApply(t, b, everything())
	a.calls = 0
	old := snapshot()
	old.Fence = fence.Fence{}
	_, err := b.Apply(t.Context(), old)
	var stale *fence.Stale
	if !errors.As(err, &stale) || a.calls != 0 {
		t.Errorf("error is %v after %d calls", err, a.calls)
	}
}

// A newer caller stops an apply before its next change.
func TestApply_stops_at_the_next_change(t *testing.T) {
	a := newAccount(t)
	state := &memory{}
	b := backendWith(&overtaken{a, state}, state)
	_, err := b.Apply(t.Context(), snapshot(everything()...))
	var stale *fence.Stale
	if !errors.As(err, &stale) || a.writes != 1 || len(a.names()) != 0 {
		t.Errorf("error is %v after %d writes", err, a.writes)
	}
}

// overtaken lets a newer caller come during the first change.
type overtaken struct {
	*account
	state *memory
}

func (o *overtaken) Do(ctx context.Context, change Change) error {
	o.state.fence = fence.Fence{Era: 2}
	return o.account.Do(ctx, change)
}

// F59: a name that may have been made is not taken for free before lists must
// show it.
func TestApply_keeps_the_rule_of_what_lists_may_not_show(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		blind := &blind{account: a}
		b := newBackend(blind)
		blind.closed = true
		if _, err := b.Apply(t.Context(), snapshot(byRecord("a.shop.test"))); err == nil {
			t.Error("what cannot be read back is taken for done")
		}
		if _, err := b.Apply(t.Context(), snapshot()); err == nil {
			t.Error("what cannot be seen is taken for gone")
		}
		a.wantNames([]route.Route{byRecord("a.shop.test")})
		blind.closed = false
		mustApply(t, b, nil)
		a.wantNames(nil)
	})
}

// blind has lists of records that show nothing while closed.
type blind struct {
	*account
	closed bool
}

func (l *blind) Records(ctx context.Context, zoneID string, filter RecordFilter) ([]Record, error) {
	found, err := l.account.Records(ctx, zoneID, filter)
	if l.closed {
		return nil, err
	}
	return found, err
}

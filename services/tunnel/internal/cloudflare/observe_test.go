package cloudflare

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

func mustObserve(t *testing.T, b *Backend, routes []route.Route) route.Observation {
	t.Helper()
	s := snapshot(slices.Clone(routes)...)
	found, err := b.Observe(t.Context(), s.InstallationID, s.Routes)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// writable are the drifts that an apply would write about.
func writable(found route.Observation) []route.Drift {
	return slices.DeleteFunc(slices.Clone(found.Drifts), func(d route.Drift) bool { return d.Kind.Foreign() })
}

// namesOf are the hostnames of drifts, once each.
func namesOf(drifts []route.Drift) (names []string) {
	for _, d := range drifts {
		if d.Hostname != "" {
			names = append(names, d.Hostname)
		}
	}
	return slices.Compact(names)
}

// Whatever somebody has done to the account and whatever is wanted then: a look
// writes nothing and names the very hostnames that an apply would write of, and
// none when it would write nothing (I16).
func TestObserve_names_what_an_apply_would_write(t *testing.T) {
	quiet := 0
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			a := newAccount(t)
			b := newBackend(a)
			wanted := some(r)
			mustApply(t, b, wanted)
			time.Sleep(settle) // What was deleted is known to be.
			for range r.IntN(4) {
				meddle(r, a)
			}
			a.wild, a.foreign, a.writes = true, a.others(), 0
			if r.IntN(3) == 0 {
				wanted = some(r)
			}
			found := mustObserve(t, b, wanted)
			if a.writes > 0 {
				t.Fatalf("seed %d: a look wrote", seed)
			}
			result := mustApply(t, b, wanted)
			if got, want := namesOf(writable(found)), result.Changed; !slices.Equal(got, want) || (result.Writes == 0) != (len(writable(found)) == 0) {
				t.Fatalf("seed %d: the look named %v and the apply wrote %d times of %v\n%+v", seed, got, result.Writes, want, found.Drifts)
			}
			if result.Writes == 0 {
				quiet++
			}
			blocked := slices.DeleteFunc(found.Drifts, func(d route.Drift) bool { return d.Kind != route.Blocked })
			if len(blocked) != len(result.Problems) {
				t.Fatalf("seed %d: blocked are %+v, problems %+v", seed, blocked, result.Problems)
			}
			time.Sleep(settle)
			if again := mustObserve(t, b, wanted); len(writable(again)) != 0 {
				t.Fatalf("seed %d: after the apply there is %+v", seed, again.Drifts)
			}
		})
	}
	if quiet < 10 || quiet > 190 {
		t.Errorf("the cases are one-sided: %d of 200 write nothing", quiet)
	}
}

// some chooses routes, two of which somebody else is in the way of.
func some(r *rand.Rand) (routes []route.Route) {
	all := []route.Route{
		byRecord("a.shop.test"), byRecord("b.shop.test"), byRecord("x.shop.test"), byRecord("other.shop.test"),
		byHostname("www.tenant.test"), byHostname("www.someone.test"),
	}
	if r.IntN(2) == 0 {
		all[2] = byHostname("x.shop.test")
	}
	return slices.DeleteFunc(all, func(route.Route) bool { return r.IntN(3) == 0 })
}

// meddle does one thing by hand.
func meddle(r *rand.Rand, a *account) {
	name := usual[r.IntN(len(usual))]
	at := slices.IndexFunc(a.records, func(have Record) bool { return have.Name == name })
	kept := slices.IndexFunc(a.hostnames, func(h CustomHostname) bool { return h.Hostname == name })
	marks := []string{"", ours.comment(), theirs.comment()}
	a.ids++
	switch what := r.IntN(4); {
	case what == 0:
		a.meddleWithRules(r)
	case at >= 0 && what == 1:
		a.records = slices.Delete(a.records, at, at+1)
	case at >= 0:
		a.records[at].Content, a.records[at].Proxied = "elsewhere.test", r.IntN(2) == 0
		a.records[at].Type = []string{"CNAME", "A"}[r.IntN(2)]
	case kept >= 0 && what == 1:
		a.hostnames = slices.Delete(a.hostnames, kept, kept+1)
	case kept >= 0:
		a.hostnames[kept].SSL.Method = []string{"http", "txt"}[r.IntN(2)]
	case strings.HasSuffix(name, ".tenant.test"):
		a.hostnames = append(a.hostnames, CustomHostname{
			ID: fmt.Sprint("hand-", a.ids), ZoneID: saas, Hostname: name, Metadata: []mark{ours, theirs}[r.IntN(2)].metadata(),
			SSL: Certificate{Status: "active", Method: validationMethod, Type: validationType},
		})
	default:
		zone := shop
		if name == target {
			zone = saas
		}
		a.records = append(a.records, Record{
			ID: fmt.Sprint("hand-", a.ids), ZoneID: zone, Type: "CNAME", Name: name, Proxied: true,
			Content: []string{"tunnel.cfargotunnel.com", "elsewhere.test"}[r.IntN(2)], Comment: marks[r.IntN(len(marks))],
		})
	}
}

// meddleWithRules changes, drops, adds or moves one rule; the last stays.
func (a *account) meddleWithRules(r *rand.Rand) {
	var config struct {
		Ingress []json.RawMessage `json:"ingress"`
	}
	if err := json.Unmarshal(a.config, &config); err != nil {
		a.t.Fatal(err)
	}
	rules := config.Ingress
	at := r.IntN(len(rules))
	added := []string{
		own(usual[r.IntN(len(usual))]), strings.ToUpper(own("a.shop.test")[:25]) + own("a.shop.test")[25:],
		`{"hostname":"*.shop.test","service":"http://10.0.0.9:1"}`, `{"hostname":"a.shop.test","path":"/x","service":"http://10.0.0.9:1"}`,
	}
	switch {
	case r.IntN(2) == 0:
		rules = slices.Insert(rules, at, json.RawMessage(added[r.IntN(len(added))]))
	case at < len(rules)-1 && r.IntN(2) == 0:
		rules = slices.Delete(rules, at, at+1)
	case at < len(rules)-1:
		rules[at] = json.RawMessage(strings.Replace(string(rules[at]), edgeURL, "http://10.9.9.9:9", 1))
	}
	changed, err := json.Marshal(map[string]any{"ingress": rules})
	if err != nil {
		a.t.Fatal(err)
	}
	a.config, a.version = changed, a.version+1
}

// A look costs what an apply costs that writes nothing, and no more when a whole
// zone is gone.
func TestObserve_costs_no_more_than_a_converged_apply(t *testing.T) {
	routes, _ := numbered(50)
	routes = append(routes, byHostname("www.tenant.test"), byRecord("other.shop.test"))
	a := newAccount(t)
	b := newBackend(a)
	mustApply(t, b, routes)
	a.calls = 0
	mustApply(t, b, routes)
	converged := a.calls
	a.calls = 0
	if found := mustObserve(t, b, routes); len(writable(found)) > 0 || a.calls > converged {
		t.Errorf("a look cost %d calls, an apply %d; found %+v", a.calls, converged, found.Drifts)
	}
	a.wild, a.records, a.calls = true, slices.DeleteFunc(a.records, func(r Record) bool { return ours.onRecord(r) }), 0
	found := mustObserve(t, b, routes)
	if got := len(writable(found)); got != 51 || a.calls > converged+manyNames+1 {
		t.Errorf("with an empty zone a look cost %d calls and named %d", a.calls, got)
	}
}

// What was written just now and is not shown yet is no drift: nothing is known.
func TestObserve_waits_for_lists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		late := &late{account: a}
		b := newBackend(late)
		routes := everything()
		unknown := func(when string, routes []route.Route) {
			t.Helper()
			_, err := b.Observe(t.Context(), string(ours), routes)
			if wait, ok := err.(*fault.Unavailable); !ok || wait.RetryAfter != retryUnseen {
				t.Errorf("%s: error is %v", when, err)
			}
		}
		late.old = true
		if _, err := b.Apply(t.Context(), snapshot(routes...)); err == nil {
			t.Error("what cannot be read back is taken for done")
		}
		unknown("made and not shown", routes)
		late.old = false
		mustApply(t, b, routes)
		late.records = slices.Clone(a.records)
		mustApply(t, b, nil)
		late.old = true
		unknown("deleted and still shown", nil)
		time.Sleep(settle)
		if found := mustObserve(t, b, nil); len(writable(found)) == 0 {
			t.Error("what is shown after a while is no drift")
		}
	})
}

// A look that fails knows nothing.
func TestObserve_that_fails_names_nothing(t *testing.T) {
	a := newAccount(t)
	b := newBackend(a)
	mustApply(t, b, everything())
	calls := 0
	for a.calls, a.failAt = 0, 1; ; a.calls, a.failAt = 0, a.failAt+1 {
		found, err := b.Observe(t.Context(), string(ours), nil)
		if a.calls < a.failAt {
			break
		}
		if calls++; err == nil || len(found.Drifts) > 0 {
			t.Errorf("call %d failed, and the look found %+v, error %v", a.failAt, found.Drifts, err)
		}
	}
	if calls < 5 {
		t.Errorf("only %d calls failed", calls)
	}
}

// The version that was ours tells whether somebody else has written since.
func TestObserve_tells_who_wrote(t *testing.T) {
	a := newAccount(t)
	m := &memory{}
	b := backendWith(a, m)
	cause := func() string {
		t.Helper()
		found := mustObserve(t, b, append(everything(), byRecord("x.shop.test")))
		i := slices.IndexFunc(found.Drifts, func(d route.Drift) bool { return d.Kind == route.RuleMissing && d.Hostname == "x.shop.test" })
		return found.Drifts[i].Cause
	}
	mustApply(t, b, everything())
	if got := cause(); !strings.Contains(got, "version 2, and that is ours") {
		t.Error(got)
	}
	a.version = 14
	if got := cause(); !strings.Contains(got, "version 14 and ours was 2: somebody has written it") {
		t.Error(got)
	}
	mustApply(t, b, everything())
	if got := cause(); !strings.Contains(got, "version 14, and that is ours") {
		t.Error(got)
	}
	m.ours = 0
	if got := cause(); !strings.Contains(got, "not known") {
		t.Error(got)
	}
}

// A look never sees an apply half done, nor before a lost change is over.
func TestObserve_takes_its_turn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		b := newBackend(&slow{a})
		ended := make(chan error, 1)
		go func() {
			_, err := b.Apply(t.Context(), snapshot(everything()...))
			ended <- err
		}()
		synctest.Wait()
		if found := mustObserve(t, b, everything()); len(writable(found)) > 0 {
			t.Errorf("a look during an apply found %+v", found.Drifts)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		begin := time.Now()
		b.state.(*memory).busy = begin.Add(3 * time.Second)
		mustObserve(t, b, everything())
		if waited := time.Since(begin); waited != 3*time.Second {
			t.Errorf("a look came %s after a change that may still take effect", waited)
		}
	})
}

// slow takes a second for each change.
type slow struct{ *account }

func (s *slow) Do(ctx context.Context, change Change) error {
	time.Sleep(time.Second)
	return s.account.Do(ctx, change)
}

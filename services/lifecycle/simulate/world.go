package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
)

const (
	platformDomain = "sites.example"
	// ourZone is the one zone of the provider; every tenant but the last is granted it.
	ourZone = "example.org"
	// ready is what custom hostnames lead to.
	ready = "ready.example.org"
)

// hostnames are those that tenants compete for: two in our zone, and three of their
// own, one below another.
var hostnames = []string{"a.example.org", "b.example.org", "shop.example.net", "www.shop.example.net", "www.example.com"}

// poison is the header that edges may refuse.
const poison = "X-Poison"

// world is everything of one run.
type world struct {
	Setting
	tally *Tally
	cfg   lifecycle.Config

	db     store.Store
	edges  *fake.Edges
	tunnel *fake.Tunnel
	dns    *fake.DNS

	replicas []*replica
	edgeIDs  []id.Edge
	tunnelID id.Tunnel
	tenants  []auth.Principal
	boss     auth.Principal

	chance *chance
	leases *leases
	marks  *signal
	emits  *signal
	judge  *judge
	reader *reader

	mu       sync.Mutex
	print    uint64
	spans    uint64
	wrong    *Violation
	calm     bool
	outages  int
	sites    map[int]id.Site
	owners   map[int]int
	domains  map[[2]int]network.Domain
	requests map[int]*request
	order    []*request
	texts    map[string]map[string]bool

	going sync.WaitGroup
	over  chan none
}

// Violation says what was as it must never be.
type Violation struct {
	// Invariant names it, with its number in the catalogue of faults.
	Invariant string
	// Detail is what was seen.
	Detail string
	// Action is the one that it was seen after, 0 for the end.
	Action int
}

// String is one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s: %s (seen after action %d)", v.Invariant, v.Detail, v.Action)
}

// newWorld makes a world in which nothing runs yet, on an empty database.
func newWorld(s Setting, db store.Store, tally *Tally) (*world, error) {
	w := &world{
		Setting: s, tally: tally, cfg: lifecycle.Defaults(), db: db, edges: fake.NewEdges(), tunnel: fake.NewTunnel(ourZone),
		marks: newSignal(), emits: newSignal(), chance: newChance(s.Seed), over: make(chan none),
		sites: map[int]id.Site{}, owners: map[int]int{}, domains: map[[2]int]network.Domain{},
		requests: map[int]*request{}, texts: map[string]map[string]bool{},
	}
	w.configure()
	w.leases = &leases{world: w, epoch: map[workKey]uint64{}, held: map[workKey]lease{}}
	w.judge = newJudge(w)
	w.dns = fake.NewDNS(w.edges)
	w.dns.Through(w.tunnel)
	if s.Custom {
		w.tunnel.OfferCustomHostnames(ready)
	}
	db.OnMark(func() { w.hint(w.marks, func(p *process) func() { return p.onMark }) })
	db.OnEvent(func() { w.hint(w.emits, func(p *process) func() { return p.onEvent }) })
	return w, w.furnish()
}

// configure makes hours out of days, so that a run sees all of them.
func (w *world) configure() {
	c := &w.cfg
	c.PlatformDomain, c.Concurrency, c.Lease = platformDomain, 4, 30*time.Second
	c.EdgeWindow, c.ObserveEvery, c.ReconcileEvery, c.RecheckEvery = 6*time.Minute, 2*time.Minute, 4*time.Minute, 4*time.Minute
	c.Grace, c.TransferAfter, c.ReserveFor, c.CompensateWithin = 12*time.Minute, 10*time.Minute, 30*time.Minute, 8*time.Minute
	c.KeepRequests = 30 * 24 * time.Hour
}

// furnish writes down what an operator does: tenants, edges, the tunnel, grants.
func (w *world) furnish() error {
	ctx := w.context()
	boss, err := app.EnsureTenant(ctx, w.db, admin.Tenant{ID: id.NewTenant(), Name: "operator", CreatedAt: w.db.Now()})
	if err != nil {
		return err
	}
	w.boss = auth.Principal{TenantID: boss.ID, Subject: "key:boss", Role: auth.PlatformAdmin}
	for i := range w.Tenants {
		t, err := app.EnsureTenant(ctx, w.db, admin.Tenant{ID: id.NewTenant(), Name: fmt.Sprintf("tenant%d", i), CreatedAt: w.db.Now()})
		if err != nil {
			return err
		}
		w.tenants = append(w.tenants, auth.Principal{TenantID: t.ID, Subject: fmt.Sprintf("key:%d", i), Role: auth.Operator})
		if i < w.Tenants-1 {
			if err := app.EnsureZoneGrant(ctx, w.db, ourZone, t.ID, w.db.Now()); err != nil {
				return err
			}
		}
	}
	for i := range w.Edges {
		e := edge.Edge{ID: id.NewEdge(), Name: fmt.Sprintf("edge%d", i), Address: "127.0.0.1:9000", PublicAddresses: []string{"203.0.113.7"}, NeedsWhole: true}
		if err := app.EnsureEdge(ctx, w.db, e); err != nil {
			return err
		}
		w.edgeIDs = append(w.edgeIDs, e.ID)
		w.edges.Host(e.ID)
	}
	w.tunnelID = id.NewTunnel()
	if err := app.EnsureTunnel(ctx, w.db, tunnel.Tunnel{ID: w.tunnelID, Name: "tunnel"}); err != nil {
		return err
	}
	for n := range w.Replicas {
		w.replicas = append(w.replicas, &replica{world: w, n: n, armed: map[door][]fault{}})
	}
	return nil
}

// open starts every replica.
func (w *world) open() {
	for _, r := range w.replicas {
		r.start()
	}
	w.reader = newReader(w)
}

// close ends everything, so that the bubble can end.
func (w *world) close() {
	w.heal()
	close(w.over)
	for _, r := range w.replicas {
		if p, ok := r.leave(); ok {
			close(p.died)
			if p.isReady() {
				w.run(p.wind)
			}
		}
	}
	w.going.Wait()
}

// run runs something beside everything else.
func (w *world) run(do func()) { w.going.Go(do) }

// sleep lets time pass; it ends with the world.
func (w *world) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.over:
	}
}

// hint tells processes that something happened, and loses some of it on the way.
func (w *world) hint(s *signal, of func(*process) func()) {
	s.give()
	for _, r := range w.replicas {
		r.mu.Lock()
		p := r.now
		r.mu.Unlock()
		if p == nil || w.Rough && w.chance.oneIn(p.name+"hint", 8) {
			continue
		}
		of(p)()
	}
}

// note adds a call to the sum of the run, in which their order does not count.
func (w *world) note(who string, d door) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.print += hashed(mixed(uint64(time.Now().UnixNano())+uint64(d)), who)
}

// violate notes what was as it must never be; the first counts.
func (w *world) violate(invariant, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wrong == nil {
		w.wrong = &Violation{Invariant: invariant, Detail: fmt.Sprintf(format, args...)}
	}
}

func (w *world) violation() *Violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrong
}

// outage is what calls of the database are told while it is away.
func (w *world) outage() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calm || w.outages == 0 {
		return nil
	}
	w.tally.saw(sawOutage)
	return unanswered(database)
}

func (w *world) healed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calm
}

// context begins a trace.
func (w *world) context() context.Context {
	ctx, _ := tracer{world: w}.Start(context.Background(), "call")
	return ctx
}

func (w *world) logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

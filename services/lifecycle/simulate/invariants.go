package simulate

import (
	"context"
	"fmt"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/machine"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// judge compares what there is with what may be, and with what was before.
type judge struct {
	world *world
	// sites are all that there ever were, by id, with their tenants.
	sites map[id.Site]id.Tenant
	order []id.Site
	// chains are the histories as far as they were looked at, ops the operations as
	// they were.
	chains map[string]chain
	ops    map[id.Operation]saga.Operation
	// outside is what edges and tunnel were seen to do.
	outside outside
}

// chain is a history that was looked at.
type chain struct {
	rows int
	at   string
}

func newJudge(w *world) *judge {
	return &judge{
		world: w, sites: map[id.Site]id.Tenant{}, chains: map[string]chain{}, ops: map[id.Operation]saga.Operation{},
		outside: newOutside(w),
	}
}

// picture is everything that the database says at one moment.
type picture struct {
	sites   []site.Site
	domains []network.Domain
	history map[string][]lifecycle.Change
	ops     []saga.Operation
	edges   []edge.Edge
	// evidence is the nonce of each ACTIVE domain.
	evidence map[id.Domain]network.Evidence
}

// wrong is an invariant that does not hold.
type wrong struct{ invariant, detail string }

func (e *wrong) Error() string { return e.invariant + ": " + e.detail }

func wrongly(invariant, format string, args ...any) error {
	return &wrong{invariant, fmt.Sprintf(format, args...)}
}

// look judges the world as it is now; nobody is at work meanwhile.
func (j *judge) look() {
	if err := j.judged(); err != nil {
		if w, ok := err.(*wrong); ok {
			j.world.violate(w.invariant, "%s", w.detail)
			return
		}
		j.world.violate("the database can be read", "%v", err)
	}
}

func (j *judge) judged() error {
	p, err := j.read()
	if err != nil {
		return err
	}
	for _, rule := range []func(picture) error{
		j.histories, j.operations, claims, j.statuses, j.compensations, j.outside.serving, j.outside.generations,
	} {
		if err := rule(p); err != nil {
			return err
		}
	}
	if err := j.world.tunnel.Invariant(); err != nil {
		return wrongly("I13 nothing is public without a rule", "%v", err)
	}
	return nil
}

// read takes the picture, on one snapshot.
func (j *judge) read() (p picture, err error) {
	ctx := j.world.context()
	err = j.world.db.View(ctx, func(tx store.Tx) error {
		p = picture{history: map[string][]lifecycle.Change{}, evidence: map[id.Domain]network.Evidence{}}
		if err := j.readSites(ctx, tx, &p); err != nil {
			return err
		}
		var objects []string
		for _, s := range p.sites {
			objects = append(objects, string(s.ID))
		}
		for _, d := range p.domains {
			objects = append(objects, string(d.ID))
		}
		rows, err := tx.HistoryOf(ctx, objects)
		if err != nil {
			return err
		}
		for _, row := range rows {
			p.history[row.ObjectID] = append(p.history[row.ObjectID], row)
		}
		if p.ops, err = tx.OperationsOf(ctx, objects); err != nil {
			return err
		}
		for _, name := range hostnames {
			contests, err := tx.ContestsOn(ctx, name)
			if err != nil {
				return err
			}
			if _, open := network.OpenContest(contests); open {
				j.world.tally.saw(sawContest)
			}
		}
		p.edges, err = tx.ListEdges(ctx)
		p.edges = serving(p.edges)
		return err
	})
	return p, err
}

func (j *judge) readSites(ctx context.Context, tx store.Tx, p *picture) error {
	for _, t := range j.world.tenants {
		live, err := tx.ListSites(ctx, t.TenantID, site.Page{Limit: 1000})
		if err != nil {
			return err
		}
		for _, s := range live {
			if _, known := j.sites[s.ID]; !known {
				j.sites[s.ID] = t.TenantID
				j.order = append(j.order, s.ID)
			}
		}
	}
	for _, siteID := range j.order {
		s, err := tx.GetSite(ctx, j.sites[siteID], siteID)
		if err != nil {
			return err
		}
		domains, err := tx.DomainsOfSite(ctx, s.TenantID, s.ID)
		if err != nil {
			return err
		}
		p.sites, p.domains = append(p.sites, s), append(p.domains, domains...)
		for _, d := range domains {
			if d.Status != network.Active {
				continue
			}
			if p.evidence[d.ID], err = tx.GetEvidence(ctx, d.ID, network.EvidenceNonce); err != nil {
				return err
			}
		}
	}
	return nil
}

// histories: each is one unbroken chain of rows of its table, each with its cause,
// that ends at the status; what was there stays.
func (j *judge) histories(p picture) error {
	for _, s := range p.sites {
		if err := follow(j, site.Machine, string(s.ID), s.Status, p.history[string(s.ID)]); err != nil {
			return err
		}
	}
	for _, d := range p.domains {
		if err := follow(j, network.Machine, string(d.ID), d.Status, p.history[string(d.ID)]); err != nil {
			return err
		}
	}
	return nil
}

func follow[S, E ~string](j *judge, m machine.Machine[S, E], object string, status S, rows []lifecycle.Change) error {
	c := j.chains[object]
	if len(rows) < c.rows {
		return wrongly("I3 history is append-only", "%s had %d rows and has %d", object, c.rows, len(rows))
	}
	for _, row := range rows[c.rows:] {
		to := m.Initial
		if c.rows > 0 {
			next, err := m.Next(S(c.at), E(row.Event))
			if err != nil {
				return wrongly("I3 only rows of the table", "%s: %v", object, err)
			}
			to = next
		}
		if row.From != c.at || row.To != string(to) {
			return wrongly("I3 history is one chain", "%s goes from %q to %q by %s where it was %q", object, row.From, row.To, row.Event, c.at)
		}
		if row.Actor == "" || row.Reason == "" || row.TraceID == "" {
			return wrongly("I5 every row has its cause", "%s %s: %+v", object, row.Event, row.Cause)
		}
		c = chain{c.rows + 1, row.To}
		j.note(row)
	}
	if c.at != string(status) {
		return wrongly("I3 the status is the last row's", "%s is %s, its history ends at %s", object, status, c.at)
	}
	j.chains[object] = c
	return nil
}

// note counts what must happen sometimes.
func (j *judge) note(row lifecycle.Change) {
	switch {
	case row.To == string(site.Active):
		j.world.tally.saw(sawActive)
	case row.To == string(site.Deleted):
		j.world.tally.saw(sawDeleted)
	case row.Event == string(network.DNSLost):
		j.world.tally.saw(sawDomainLost)
	case row.Reason == "another tenant proved the name and the holder did not":
		j.world.tally.saw(sawTransfer)
	}
}

// operations: at most one of an object is active, and one that has ended stays as it
// ended.
func (j *judge) operations(p picture) error {
	active := map[string]id.Operation{}
	for _, op := range p.ops {
		if other, ok := active[op.ObjectID]; ok && !op.State.Terminal() {
			return wrongly("I6 one operation at a time", "%s has %s and %s", op.ObjectID, other, op.ID)
		}
		if !op.State.Terminal() {
			active[op.ObjectID] = op.ID
		}
		before, known := j.ops[op.ID]
		if known && before.State.Terminal() && before != op {
			return wrongly("I4 what has ended stays", "operation %s %s ended %s (%s) and is %s (%s)", op.ID, op.Kind, before.State, before.Reason, op.State, op.Reason)
		}
		if op.State.Terminal() && op.EndedAt.IsZero() {
			return wrongly("I4 what has ended says when", "operation %s is %s", op.ID, op.State)
		}
	}
	return nil
}

// compensations: what has failed, or was taken back, has left nothing wanted; one that
// was not seen undone in time has at least set its last step back.
func (j *judge) compensations(p picture) error {
	last := map[string]saga.Operation{}
	for _, op := range p.ops {
		last[op.ObjectID] = op
	}
	for _, op := range p.ops {
		before, known := j.ops[op.ID]
		j.ops[op.ID] = op
		if !op.State.Terminal() || known && before.State.Terminal() {
			continue
		}
		if op.State == saga.Cancelled && op.CompensatingSince.IsZero() {
			j.world.tally.saw(sawSuperseded)
		}
		if op.CompensatingSince.IsZero() {
			continue
		}
		j.world.tally.saw(sawCompensated)
		if last[op.ObjectID] != op {
			continue
		}
		if err := j.undone(p, op); err != nil {
			return err
		}
	}
	return nil
}

// undone compares what an operation made, by its journal, with what is wanted now.
func (j *judge) undone(p picture, op saga.Operation) error {
	made, err := j.made(op)
	if err != nil {
		return err
	}
	for _, s := range p.sites {
		if string(s.ID) == op.ObjectID && made["publish_internally"] && s.Wanted == site.Present {
			return wrongly("I37 what failed is undone", "%s of %s ended %s, the site is still wanted", op.Kind, s.ID, op.State)
		}
		if string(s.ID) == op.ObjectID && made["publish_revision"] && op.Reason == saga.ReasonCancelled && s.WantedRevision != s.ConfirmedRevision {
			return wrongly("I37 what failed is undone", "%s of %s ended %s, revision %d is still wanted", op.Kind, s.ID, op.State, s.WantedRevision)
		}
	}
	for _, d := range p.domains {
		if string(d.ID) != op.ObjectID {
			continue
		}
		last := made["route"] && op.State == saga.NeedsAttention
		if made["publish_on_edges"] && !last && d.Wanted != network.Hidden || made["route"] && d.Wanted == network.Public {
			return wrongly("I37 what failed is undone", "%s of %s ended %s, the name is still wanted %s", op.Kind, d.Hostname, op.State, d.Wanted)
		}
	}
	return nil
}

// made returns the steps of an operation that wrote something.
func (j *judge) made(op saga.Operation) (made map[string]bool, err error) {
	ctx := j.world.context()
	made = map[string]bool{}
	err = j.world.db.View(ctx, func(tx store.Tx) error {
		entries, err := tx.JournalOf(ctx, []id.Operation{op.ID})
		for _, e := range entries {
			if e.Phase == saga.Intent && e.Result == saga.Made {
				made[e.Step] = true
			}
		}
		return err
	})
	return made, err
}

// claims: a hostname has at most one verified domain, and at most one published.
func claims(p picture) error {
	verified, published := map[string]id.Domain{}, map[string]id.Domain{}
	for _, d := range p.domains {
		if d.Status.Verified() {
			if other, ok := verified[d.Hostname]; ok {
				return wrongly("I11 one verified claim", "%s is verified for %s and %s", d.Hostname, other, d.ID)
			}
			verified[d.Hostname] = d.ID
		}
		if d.Wanted != network.Hidden {
			if other, ok := published[d.Hostname]; ok {
				return wrongly("I11 one published claim", "%s is published for %s and %s", d.Hostname, other, d.ID)
			}
			published[d.Hostname] = d.ID
		}
	}
	return nil
}

// statuses: what a status says of wanted columns and evidence holds, and a site's is
// that of its primary domain.
func (j *judge) statuses(p picture) error {
	for _, d := range p.domains {
		i := slices.IndexFunc(p.sites, func(s site.Site) bool { return s.ID == d.SiteID })
		if err := status(p, p.sites[i], d); err != nil {
			return err
		}
	}
	for _, s := range p.sites {
		if s.Status == site.Deleted && s.Wanted != site.Absent {
			return wrongly("I18 what is deleted is gone", "site %s is DELETED and wanted %s", s.ID, s.Wanted)
		}
	}
	return nil
}

func status(p picture, s site.Site, d network.Domain) error {
	if want := projected(d.Status); d.ID == s.PrimaryDomainID && s.Status.PastProvisioning() && s.Status != want {
		return wrongly("a site follows its primary", "site %s is %s, its primary %s is %s", s.ID, s.Status, d.Hostname, d.Status)
	}
	if (d.Status == network.Routed || d.Status == network.Active) && d.Wanted != network.Public {
		return wrongly("upwards infrastructure goes first", "%s is %s and wanted %s", d.Hostname, d.Status, d.Wanted)
	}
	if d.Status == network.Released && d.Wanted != network.Hidden {
		return wrongly("downwards status goes first", "%s is %s and wanted %s", d.Hostname, d.Status, d.Wanted)
	}
	if d.Wanted != network.Hidden && s.Wanted != site.Present {
		return wrongly("a name goes before its site", "%s is wanted %s, its site %s", d.Hostname, d.Wanted, s.Wanted)
	}
	if e := p.evidence[d.ID]; d.Status == network.Active && (e.PositiveAt.IsZero() || e.TenantID != d.TenantID) {
		return wrongly("I10 no ACTIVE without evidence", "%s is ACTIVE, its evidence is %+v", d.Hostname, e)
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

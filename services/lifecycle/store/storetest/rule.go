package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

var ruleTests = []test{
	{"a row that makes no sense is refused", senselessIsRefused},
	{"a primary domain that is not the site's own is refused", primaryOfAnother},
}

// senseless writes a row of each noun, right or with one wrong value, by what is wrong.
func (f *fixture) senseless() map[string]func(tx store.Tx, wrong bool) error {
	s, e := f.newSite("shop"), f.newEdge("one")
	d := f.newDomain(s, "shop.example.com")
	o := f.newOperation(string(s.ID))
	rival := f.rival("stranger", "rival.example.com")
	return map[string]func(tx store.Tx, wrong bool) error{
		"a tenant made at no time": ofTenant(f, func(t *admin.Tenant) { t.CreatedAt = time.Time{} }),
		"fewer than no sites":      ofTenant(f, func(t *admin.Tenant) { t.Limits.Sites = new(int64(-1)) }),
		"fewer than no domains":    ofTenant(f, func(t *admin.Tenant) { t.Limits.Domains = new(int64(-1)) }),
		"fewer than no claims":     ofTenant(f, func(t *admin.Tenant) { t.Limits.PendingClaims = new(int64(-1)) }),
		"no request per second":    ofTenant(f, func(t *admin.Tenant) { t.Limits.RequestsPerSecond = new(int64(0)) }),

		"a key of no role": func(tx store.Tx, wrong bool) error {
			k := f.blankKey(f.tenant)
			spoil(wrong, &k.Role, "fun")
			return tx.InsertKey(f.ctx, k)
		},
		"an entry by nobody": func(tx store.Tx, wrong bool) error {
			e := f.blankEntry("site_1")
			spoil(wrong, &e.Actor, "")
			return tx.AppendAudit(f.ctx, e)
		},
		"an entry about nothing": func(tx store.Tx, wrong bool) error {
			e := f.blankEntry("site_1")
			spoil(wrong, &e.Action, "")
			return tx.AppendAudit(f.ctx, e)
		},

		"a site of no status":     ofSite(f, func(s *site.Site) { s.Status = "FUN" }),
		"a site wanted somehow":   ofSite(f, func(s *site.Site) { s.Wanted = "FUN" }),
		"a site made at no time":  ofSite(f, func(s *site.Site) { s.CreatedAt = time.Time{} }),
		"a domain of no status":   ofDomain(f, s, func(d *network.Domain) { d.Status = "FUN" }),
		"a domain of no kind":     ofDomain(f, s, func(d *network.Domain) { d.Kind = "FUN" }),
		"a domain in no mode":     ofDomain(f, s, func(d *network.Domain) { d.Mode = "fun" }),
		"a domain wanted somehow": ofDomain(f, s, func(d *network.Domain) { d.Wanted = "FUN" }),
		"a rollback before the first": func(tx store.Tx, wrong bool) error {
			r := site.Revision{SiteID: s.ID, Spec: fullSpec(), CreatedAt: f.now}
			spoil(wrong, &r.RollbackOf, -1)
			_, err := tx.AddRevision(f.ctx, s.TenantID, r)
			return err
		},
		"a placement without a name":   ofPlacement(f, func(p *edge.Placement) { p.Name = "" }),
		"fewer than no edges":          ofPlacement(f, func(p *edge.Placement) { p.MinReady = -1 }),
		"a soak of less than nothing":  ofPlacement(f, func(p *edge.Placement) { p.CanarySoak = -time.Second }),
		"a placement made at no time":  ofPlacement(f, func(p *edge.Placement) { p.CreatedAt = time.Time{} }),
		"a join token of no edge":      ofToken(f, func(j *edge.JoinToken) { j.EdgeID = "" }),
		"a join token without a name":  ofToken(f, func(j *edge.JoinToken) { j.Name = "" }),
		"a join token made at no time": ofToken(f, func(j *edge.JoinToken) { j.CreatedAt = time.Time{} }),
		"a join token without an end":  ofToken(f, func(j *edge.JoinToken) { j.ExpiresAt = time.Time{} }),
		"a join token used by nobody":  ofToken(f, func(j *edge.JoinToken) { j.UsedAt = f.now }),
		"a join token used at no time": ofToken(f, func(j *edge.JoinToken) { j.UsedBy = []byte{1} }),
		"a pin of no revision": func(tx store.Tx, wrong bool) error {
			p := blankPin(e, s, 1)
			spoil(wrong, &p.Revision, 0)
			return tx.PutPin(f.ctx, p)
		},
		"evidence of nothing": func(tx store.Tx, wrong bool) error {
			e := network.Evidence{DomainID: d.ID, TenantID: d.TenantID, Kind: network.EvidenceNonce, Detail: "{}"}
			spoil(wrong, &e.Kind, "fun")
			return tx.PutEvidence(f.ctx, e)
		},
		"a contest without a token": func(tx store.Tx, wrong bool) error {
			c := blankContest(d, rival, f.now)
			spoil(wrong, &c.Token, "")
			return tx.PutContest(f.ctx, c)
		},
		"a contest of no outcome": func(tx store.Tx, wrong bool) error {
			c := blankContest(d, rival, f.now)
			spoil(wrong, &c.Outcome, "fun")
			return tx.PutContest(f.ctx, c)
		},
		"a condition of no status": func(tx store.Tx, wrong bool) error {
			c := f.blankCondition(string(s.ID), condition.EdgeSynced)
			spoil(wrong, &c.Status, "fun")
			return tx.PutCondition(f.ctx, c)
		},

		"a drift of nothing": func(tx store.Tx, wrong bool) error {
			d := f.blankDrift(oneEdge, "FILE_CHANGED", anyPlace)
			spoil(wrong, &d.Target.Kind, "fun")
			return tx.InsertDrift(f.ctx, d)
		},
		"a drift of no kind": func(tx store.Tx, wrong bool) error {
			d := f.blankDrift(oneEdge, "FILE_CHANGED", anyPlace)
			spoil(wrong, &d.Kind, "")
			return tx.InsertDrift(f.ctx, d)
		},
		"a hold of nothing": func(tx store.Tx, wrong bool) error {
			h := f.blankHold(drift.Target{Kind: drift.Edge, ID: "edge_1"}, "hold_1")
			spoil(wrong, &h.Target.Kind, "fun")
			return tx.InsertHold(f.ctx, h)
		},
		"a hold without an id": func(tx store.Tx, wrong bool) error {
			h := f.blankHold(oneEdge, "hold_1")
			spoil(wrong, &h.ID, "")
			return tx.InsertHold(f.ctx, h)
		},

		"an operation in no state": func(tx store.Tx, wrong bool) error {
			o := o
			spoil(wrong, &o.State, "FUN")
			return tx.UpdateOperation(f.ctx, o)
		},
		"a journal row of no phase": func(tx store.Tx, wrong bool) error {
			e := saga.Entry{OperationID: o.ID, Phase: saga.Outcome, Result: saga.OK, At: f.now}
			spoil(wrong, &e.Phase, "fun")
			return tx.AppendJournal(f.ctx, e)
		},
		"a journal row of no result": func(tx store.Tx, wrong bool) error {
			e := saga.Entry{OperationID: o.ID, Phase: saga.Outcome, Result: saga.OK, At: f.now}
			spoil(wrong, &e.Result, "fun")
			return tx.AppendJournal(f.ctx, e)
		},
		"an event without a time": func(tx store.Tx, wrong bool) error {
			c := f.siteChange(s, site.Provisioning)
			spoil(wrong, &c.At, time.Time{})
			return tx.TransitionSite(f.ctx, c)
		},
		"a change to nowhere": func(tx store.Tx, wrong bool) error {
			c := f.siteChange(s, site.Provisioning)
			spoil(wrong, &c.To, "")
			return tx.TransitionSite(f.ctx, c)
		},
		"an edge without a policy": func(tx store.Tx, wrong bool) error {
			e := edge.Edge{ID: e.ID, DriftPolicy: drift.Hold}
			spoil(wrong, &e.DriftPolicy, "")
			return tx.UpdateEdge(f.ctx, e)
		},
	}
}

// spoil makes a value wrong, if it shall be.
func spoil[T any](wrong bool, value *T, to T) {
	if wrong {
		*value = to
	}
}

func ofTenant(f *fixture, spoilt func(t *admin.Tenant)) func(tx store.Tx, wrong bool) error {
	return func(tx store.Tx, wrong bool) error {
		t := f.fullTenant("full")
		if wrong {
			spoilt(&t)
		}
		return tx.InsertTenant(f.ctx, t)
	}
}

func ofSite(f *fixture, spoilt func(s *site.Site)) func(tx store.Tx, wrong bool) error {
	return func(tx store.Tx, wrong bool) error {
		s, r := f.blankSite("other")
		if wrong {
			spoilt(&s)
		}
		return tx.InsertSite(f.ctx, s, r, f.cause("asked for"))
	}
}

func ofDomain(f *fixture, s site.Site, spoilt func(d *network.Domain)) func(tx store.Tx, wrong bool) error {
	return func(tx store.Tx, wrong bool) error {
		d := f.blankDomain(s, "other.example.com")
		if wrong {
			spoilt(&d)
		}
		return tx.InsertDomain(f.ctx, d, f.cause("asked for"))
	}
}

func senselessIsRefused(f *fixture) {
	for what, write := range f.senseless() {
		right := f.try(func(tx store.Tx) error {
			if err := write(tx, false); err != nil {
				return err
			}
			return errStop
		})
		f.is(right, errStop)
		if err := f.try(func(tx store.Tx) error { return write(tx, true) }); err == nil {
			f.Errorf("%s is taken", what)
		}
	}
	unknown := worker.Mark{Kind: "fun", Key: "k", DueAt: f.now}
	if err := f.try(func(tx store.Tx) error { return tx.MarkWork(f.ctx, unknown) }); err == nil {
		f.Error("work of no kind is taken")
	}
}

func primaryOfAnother(f *fixture) {
	s, other := f.newSite("shop"), f.newSite("other")
	theirs := f.rival("stranger", "theirs.example.com")
	for _, primary := range []network.Domain{f.newDomain(other, "other.example.com"), theirs, {ID: "dom_1"}} {
		wrong := s
		wrong.PrimaryDomainID = primary.ID
		f.refused(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, wrong) })
		blank, r := f.blankSite("third")
		blank.PrimaryDomainID = primary.ID
		f.refused(func(tx store.Tx) error { return tx.InsertSite(f.ctx, blank, r, f.cause("asked for")) })
	}
	equal(f, f.getSite(s), s)
}

// ofPlacement writes a placement that one value was made wrong of.
func ofPlacement(f *fixture, spoilt func(p *edge.Placement)) func(tx store.Tx, wrong bool) error {
	return func(tx store.Tx, wrong bool) error {
		p := edge.Placement{Name: "eu", CreatedAt: f.now}
		if wrong {
			spoilt(&p)
		}
		return tx.PutPlacement(f.ctx, p)
	}
}

// ofToken writes a join token that one value was made wrong of.
func ofToken(f *fixture, spoilt func(j *edge.JoinToken)) func(tx store.Tx, wrong bool) error {
	return func(tx store.Tx, wrong bool) error {
		j := f.blankToken()
		if wrong {
			spoilt(&j)
		}
		return tx.InsertJoinToken(f.ctx, j)
	}
}

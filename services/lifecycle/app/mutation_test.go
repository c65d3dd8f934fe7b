package app_test

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// call is one call of a mutation.
type call func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error)

// mutation is one that is ready to be asked for.
type mutation struct {
	// ask asks for it, other for something else that is well-formed.
	ask, other call
	// object is what it changes, empty for what it makes.
	object string
	// made and gone say that there was nothing before, or is nothing after.
	made, gone bool
	// event says that it leaves one event at least.
	event bool
}

// mutations are all there are, each on a scene that has what it needs.
var mutations = map[string]func(s scene) mutation{
	"CreateSite": func(s scene) mutation {
		ask := func(name string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.CreateSite(ctx, by, named(name), request)
			}
		}
		return mutation{ask: ask("Shop"), other: ask("Else"), made: true, event: true}
	},
	"UpdateSite": func(s scene) mutation {
		shop := s.serving()
		ask := func(change app.SiteChange) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.UpdateSite(ctx, by, shop.ID, change, request)
			}
		}
		change := renamed("The Shop")
		change.Spec = websocketSpec()
		return mutation{ask: ask(change), other: ask(renamed("Else")), object: string(shop.ID), event: true}
	},
	"RollbackSite": func(s scene) mutation {
		shop := s.serving()
		s.Deploy(shop, "X-Two")
		s.Settle()
		ask := func(revision int64) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.RollbackSite(ctx, by, shop.ID, revision, 0, request)
			}
		}
		return mutation{ask: ask(1), other: ask(2), object: string(shop.ID), event: true}
	},
	"DeleteSite": func(s scene) mutation {
		shop, other := s.serving(), s.Create("Else")
		ask := func(of site.Site) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.DeleteSite(ctx, by, of.ID, request)
			}
		}
		return mutation{ask: ask(shop), other: ask(other), object: string(shop.ID), event: true}
	},
	"RetrySite": func(s scene) mutation {
		shop := s.broken()
		ask := func(siteID id.Site) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.RetrySite(ctx, by, siteID, request)
			}
		}
		return mutation{ask: ask(shop.ID), other: ask("site_1"), object: string(shop.ID), event: true}
	},
	"SetPrimaryDomain": func(s scene) mutation {
		shop := s.serving()
		own, platform := s.proved(shop, "own.test"), s.Get(shop).Primary.Domain
		ask := func(d network.Domain) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.SetPrimaryDomain(ctx, by, shop.ID, d.ID, request)
			}
		}
		return mutation{ask: ask(own.Domain), other: ask(platform), object: string(shop.ID), event: true}
	},
	"AddDomain": func(s scene) mutation {
		shop := s.serving()
		ask := func(hostname string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.AddDomain(ctx, by, shop.ID, app.NewDomain{Hostname: hostname}, request)
			}
		}
		return mutation{ask: ask("own.test"), other: ask("else.test"), made: true, event: true}
	},
	"CheckDomain": func(s scene) mutation {
		d := s.add(s.serving(), "own.test").Domain
		s.RunFor(time.Minute)
		ask := func(d id.Domain) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.CheckDomain(ctx, by, d, request)
			}
		}
		return mutation{ask: ask(d.ID), other: ask("dom_1"), object: string(d.ID)}
	},
	"RemoveDomain": func(s scene) mutation {
		d := s.proved(s.serving(), "own.test").Domain
		ask := func(newPrimary id.Domain) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.RemoveDomain(ctx, by, d.ID, newPrimary, request)
			}
		}
		return mutation{ask: ask(""), other: ask("dom_1"), object: string(d.ID), event: true}
	},
	"CancelOperation": func(s scene) mutation {
		op := s.Get(s.Create("Shop")).Operation
		ask := func(op id.Operation) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.CancelOperation(ctx, by, op, request)
			}
		}
		return mutation{ask: ask(op.ID), other: ask("op_1"), object: string(op.ID), event: true}
	},
	"CreateTenant": func(s scene) mutation {
		ask := func(name string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.CreateTenant(ctx, by, name, admin.Limits{Sites: new(int64(3))}, request)
			}
		}
		return mutation{ask: ask("acme"), other: ask("else"), made: true, event: true}
	},
	"SetTenantLimits": func(s scene) mutation {
		tenant := s.NewTenant("acme").TenantID
		ask := func(sites int64) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.SetTenantLimits(ctx, by, tenant, admin.Limits{Sites: &sites}, request)
			}
		}
		return mutation{ask: ask(3), other: ask(4), object: string(tenant), event: true}
	},
	"SuspendTenant": func(s scene) mutation {
		tenant := s.NewTenant("acme").TenantID
		ask := func(reason string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.SuspendTenant(ctx, by, tenant, reason, request)
			}
		}
		return mutation{ask: ask("abuse"), other: ask("unpaid"), object: string(tenant), event: true}
	},
	"ResumeTenant": func(s scene) mutation {
		tenant := s.NewTenant("acme").TenantID
		s.Suspend(tenant)
		ask := func(tenant id.Tenant) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.ResumeTenant(ctx, by, tenant, request)
			}
		}
		return mutation{ask: ask(tenant), other: ask("ten_1"), object: string(tenant), event: true}
	},
	"DeleteTenant": func(s scene) mutation {
		tenant := s.NewTenant("acme").TenantID
		s.As(tenant, auth.Admin)
		ask := func(tenant id.Tenant) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.DeleteTenant(ctx, by, tenant, request)
			}
		}
		return mutation{ask: ask(tenant), other: ask("ten_1"), object: string(tenant), event: true}
	},
	"CreateKey": func(s scene) mutation {
		ask := func(name string) call {
			// It will have expired when the request is repeated after a while.
			in := app.KeyAsked{Name: name, Role: auth.Viewer, ExpiresAt: s.Clock.Now().Add(time.Second)}
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.CreateKey(ctx, by, in, request)
			}
		}
		return mutation{ask: ask("ci"), other: ask("else"), made: true, event: true}
	},
	"RevokeKey": func(s scene) mutation {
		key := s.As(s.Caller.TenantID, auth.Viewer).KeyID
		ask := func(key id.Key) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.RevokeKey(ctx, by, key, request)
			}
		}
		return mutation{ask: ask(key), other: ask("key_1"), object: string(key), event: true}
	},
	"GrantZone": func(s scene) mutation {
		ask := func(zone string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.GrantZone(ctx, by, zone, by.TenantID, request)
			}
		}
		return mutation{ask: ask("ours.test"), other: ask("else.test"), object: "ours.test", made: true, event: true}
	},
	"RevokeZone": func(s scene) mutation {
		s.GrantZone("ours.test", s.Caller.TenantID)
		ask := func(zone string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return nil, s.App.RevokeZone(ctx, by, zone, by.TenantID, request)
			}
		}
		return mutation{ask: ask("ours.test"), other: ask("else.test"), object: "ours.test", gone: true, event: true}
	},
	"SetDriftPolicy": func(s scene) mutation {
		edgeID := string(s.EdgeIDs()[0])
		ask := func(policy drift.Policy) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return nil, s.App.SetDriftPolicy(ctx, by, edgeID, policy, request)
			}
		}
		return mutation{ask: ask(drift.Hold), other: ask(drift.Repair), object: edgeID, event: true}
	},
	"RebuildEdge": func(s scene) mutation {
		ask := func(edgeID id.Edge) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return nil, s.App.RebuildEdge(ctx, by, edgeID, request)
			}
		}
		edgeID := s.EdgeIDs()[0]
		return mutation{ask: ask(edgeID), other: ask("edge_1"), object: string(edgeID)}
	},
	"UpdateEdge": func(s scene) mutation {
		edgeID := s.EdgeIDs()[0]
		ask := func(region string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.UpdateEdge(ctx, by, edgeID, app.EdgeChange{Labels: &edge.Labels{"region": region}}, request)
			}
		}
		return mutation{ask: ask("eu"), other: ask("us"), object: string(edgeID), event: true}
	},
	"PutPlacement": func(s scene) mutation {
		ask := func(minReady int) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.PutPlacement(ctx, by, edge.Placement{Name: "eu", MinReady: minReady}, request)
			}
		}
		return mutation{ask: ask(1), other: ask(2), object: "eu", made: true, event: true}
	},
	"DeletePlacement": func(s scene) mutation {
		s.Place(edge.Placement{Name: "eu"})
		ask := func(name string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return nil, s.App.DeletePlacement(ctx, by, name, request)
			}
		}
		return mutation{ask: ask("eu"), other: ask("us"), object: "eu", gone: true, event: true}
	},
	"SyncTarget": func(s scene) mutation {
		edgeID := string(s.EdgeIDs()[0])
		ask := func(target string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return nil, s.App.SyncTarget(ctx, by, target, request)
			}
		}
		return mutation{ask: ask(edgeID), other: ask("edge_1"), object: edgeID}
	},
	"CreateJoinToken": func(s scene) mutation {
		ask := func(name string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				made, err := s.App.CreateJoinToken(ctx, by, app.TokenAsked{Name: name, Labels: edge.Labels{"zone": "a"}}, request)
				made.Text = ""
				return made, err
			}
		}
		return mutation{ask: ask("fra1"), other: ask("fra2"), made: true, event: true}
	},
	"DeleteJoinToken": func(s scene) mutation {
		made, err := s.App.CreateJoinToken(s.t.Context(), s.Caller, app.TokenAsked{Name: "fra1"}, "")
		must(s.t, err)
		ask := func(token id.JoinToken) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return nil, s.App.DeleteJoinToken(ctx, by, token, request)
			}
		}
		return mutation{ask: ask(made.Token.ID), other: ask("join_1"), object: string(made.Token.ID), gone: true, event: true}
	},
	"EvictEdge": func(s scene) mutation {
		edgeID := s.EdgeIDs()[0]
		ask := func(edgeID id.Edge) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.EvictEdge(ctx, by, edgeID, request)
			}
		}
		return mutation{ask: ask(edgeID), other: ask("edge_1"), object: string(edgeID), event: true}
	},
	"ConfirmHold": func(s scene) mutation {
		s.Update(func(ctx context.Context, tx store.Tx) error {
			return hold.Begin(ctx, tx, hold.Hold{
				ID: "hold_1", Target: drift.Target{Kind: hold.DNSLost}, Names: []string{"a.example"}, Count: 1, Held: 2, Since: s.Clock.Now(),
			})
		})
		ask := func(holdID string) call {
			return func(ctx context.Context, by auth.Principal, request app.RequestID) (any, error) {
				return s.App.ConfirmHold(ctx, by, holdID, request)
			}
		}
		return mutation{ask: ask("hold_1"), other: ask("hold_2"), object: "hold_1", made: true, event: true}
	},
}

// Whoever adds a mutation adds it to the table.
func TestMutations_are_all_of_them(t *testing.T) {
	t.Parallel()
	var want, got []string
	methods := reflect.TypeFor[*app.ControlPlane]()
	for i := range methods.NumMethod() {
		method := methods.Method(i)
		for j := range method.Type.NumIn() {
			if method.Type.In(j) == reflect.TypeFor[app.RequestID]() {
				want = append(want, method.Name)
			}
		}
	}
	for name := range mutations {
		got = append(got, name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the table has %v, the control plane %v", got, want)
	}
}

// everyMutation runs a test for each, on a scene of its own.
func everyMutation(t *testing.T, test func(t *testing.T, s scene, name string, m mutation)) {
	t.Helper()
	for name, build := range mutations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := people(t)
			test(t, s, name, build(s))
		})
	}
}

// people is a scene with a zone, where own names below .test are taken.
func people(t *testing.T, configure ...func(*lifecycle.Config)) scene {
	t.Helper()
	w := apptest.New(t, apptest.Options{Tunnel: fake.NewTunnel("ours.test"), Configure: func(cfg *lifecycle.Config) {
		cfg.AllowReservedTLDs = true
		for _, set := range configure {
			set(cfg)
		}
	}})
	w.DNS.Through(w.Tunnel)
	w.Run()
	return scene{w, t}
}

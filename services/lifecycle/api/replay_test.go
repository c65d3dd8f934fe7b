package api_test

import (
	"context"
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/api"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// readers are the RPCs that change nothing.
var readers = map[protoreflect.Name]bool{
	"GetSite": true, "ListSites": true, "ListSiteRevisions": true, "GetSiteTimeline": true, "GetDomain": true, "ListDomains": true,
	"GetTenant": true, "ListTenants": true, "GetCaller": true, "ListKeys": true, "WatchEvents": true, "ListEvents": true, "ListAudit": true,
	"ListZoneGrants": true, "GetOperation": true, "ListEdges": true, "ListTunnels": true, "ListDrifts": true, "ListHolds": true,
	"ListPlacements": true, "GetEdge": true, "PreviewEdge": true, "ListJoinTokens": true,
	"RunChecks": true,
}

func mutations() (all []protoreflect.MethodDescriptor) {
	for _, m := range rpcs() {
		if !readers[m.Name()] {
			all = append(all, m)
		}
	}
	return all
}

func TestReplay_every_mutation_takes_a_request_id(t *testing.T) {
	for _, m := range rpcs() {
		if takes := requestID(m) != nil; takes == readers[m.Name()] {
			t.Errorf("%s takes a request id: %t", m.Name(), takes)
		}
	}
}

// A request that is repeated is answered as the first one was, whatever has happened
// since, over gRPC and over REST; only secrets are not shown again.
func TestReplay_of_every_mutation(t *testing.T) {
	for _, m := range mutations() {
		t.Run(string(m.Name()), func(t *testing.T) {
			s := setup(t)
			e, key := s.owned(s.world.Caller)[0], s.keyOf[auth.PlatformAdmin]
			req := withRequestID(m, request(m, e), "once")
			first, err := s.ask(m, key, req)
			s.must(err)
			hideSecret(t, first)
			s.world.Host().SetDown(false)
			s.world.Run()
			before := s.changes()
			again, err := s.ask(m, key, req)
			s.must(err)
			if !proto.Equal(again, first) {
				t.Errorf("first answered\n%v, then\n%v", first, again)
			}
			if rest := s.askREST(m, key, req); !proto.Equal(rest, first) {
				t.Errorf("first answered\n%v, then over REST\n%v", first, rest)
			}
			if after := s.changes(); after != before {
				t.Errorf("before the repetitions there were %+v, then %+v", before, after)
			}
		})
	}
}

// hideSecret takes the key or token out of the first answer, where it must be.
func hideSecret(t *testing.T, answer proto.Message) {
	t.Helper()
	m := answer.ProtoReflect()
	for _, name := range []protoreflect.Name{"api_key", "token"} {
		f := m.Descriptor().Fields().ByName(name)
		if f == nil {
			continue
		}
		if m.Get(f).String() == "" {
			t.Errorf("the first answer has no %s", name)
		}
		m.Clear(f)
	}
}

// askREST calls an RPC over REST, which must answer well.
func (s *server) askREST(m protoreflect.MethodDescriptor, key string, req proto.Message) proto.Message {
	s.Helper()
	verb, path, body := restOf(s.T, m, req)
	a := s.call(verb, path, key, body)
	if a.code != http.StatusOK {
		s.Fatalf("%s %s answered %d %v", verb, path, a.code, a.body)
	}
	out := newAnswer(s.T, m)
	s.must(protojson.Unmarshal(a.raw, out))
	return out
}

// changes counts what any change leaves behind.
type changes struct{ audit, events int }

func (s *server) changes() (n changes) {
	s.Helper()
	s.world.View(func(ctx context.Context, tx store.Tx) error {
		audit, err := tx.ListAudit(ctx, admin.AuditPage{Limit: 1 << 20})
		n.audit = len(audit)
		return err
	})
	s.world.View(func(ctx context.Context, tx store.Tx) error {
		events, err := tx.Events(ctx, event.Query{Limit: 1 << 20})
		n.events = len(events)
		return err
	})
	return n
}

// The same id with anything else asked for is refused.
func TestReplay_of_another_body(t *testing.T) {
	for _, m := range mutations() {
		t.Run(string(m.Name()), func(t *testing.T) {
			s := setup(t)
			e, key := s.owned(s.world.Caller)[0], s.keyOf[auth.PlatformAdmin]
			req := withRequestID(m, request(m, e), "once")
			_, err := s.ask(m, key, req)
			s.must(err)
			others := otherBodies(m, req)
			if len(others) == 0 {
				t.Error("there is no other body")
			}
			for field, other := range others {
				_, err := s.ask(m, key, other)
				if status.Code(err) != codes.AlreadyExists || rpcerr.Reason(err) != "REQUEST_ID_REUSED" {
					t.Errorf("another %s is answered %v", field, err)
				}
				verb, path, body := restOf(t, m, other)
				wantRefused(t, s.call(verb, path, key, body), http.StatusConflict, "6", "REQUEST_ID_REUSED")
			}
		})
	}
	t.Run("another RPC", func(t *testing.T) {
		s := setup(t)
		e, key := s.owned(s.world.Caller)[0], s.keyOf[auth.PlatformAdmin]
		asked := false
		for _, m := range mutations() {
			_, err := s.ask(m, key, withRequestID(m, request(m, e), "once"))
			if !asked {
				s.must(err)
				asked = true
				continue
			}
			wantError(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
		}
	})
}

// otherBodies are a request with one thing different each. An etag is none: it is
// which version was seen, and not what is asked for.
func otherBodies(m protoreflect.MethodDescriptor, req proto.Message) map[string]proto.Message {
	others := map[string]proto.Message{}
	fields := m.Input().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Name() == "request_id" || f.Name() == "etag" || f.IsList() {
			continue
		}
		if f.Name() == "site" {
			for _, below := range []string{"site_id", "name"} {
				if below == "site_id" && m.Name() == "CreateSite" {
					continue
				}
				other := proto.Clone(req)
				site := other.ProtoReflect().Mutable(f).Message()
				change(site, site.Descriptor().Fields().ByName(protoreflect.Name(below)))
				others["site."+below] = other
			}
			continue
		}
		other := proto.Clone(req)
		if change(other.ProtoReflect(), f) {
			others[string(f.Name())] = other
		}
	}
	return others
}

// change gives a field another value.
func change(m protoreflect.Message, f protoreflect.FieldDescriptor) bool {
	switch f.Kind() {
	case protoreflect.StringKind:
		text := "other.test"
		if of, ok := idOf[f.Name()]; ok {
			text = of(nobodys())
		} else if f.Name() == "name" {
			text = "other"
		}
		m.Set(f, protoreflect.ValueOfString(text))
	case protoreflect.BoolKind:
		m.Set(f, protoreflect.ValueOfBool(!m.Get(f).Bool()))
	case protoreflect.EnumKind:
		next := protoreflect.EnumNumber(1)
		if m.Get(f).Enum() == next {
			next++
		}
		m.Set(f, protoreflect.ValueOfEnum(next))
	case protoreflect.Int64Kind:
		m.Set(f, protoreflect.ValueOfInt64(m.Get(f).Int()+1))
	default:
		switch sub := m.Mutable(f).Message().Interface().(type) {
		case *timestamppb.Timestamp:
			sub.Seconds = 1 << 33
		case *lifecyclev1.Placement:
			sub.MinReady++
		case *lifecyclev1.EdgeLabels:
			sub.Labels = map[string]string{"other": "label"}
		case *lifecyclev1.EdgeAddresses:
			sub.Addresses = append(sub.Addresses, "192.0.2.99")
		case *lifecyclev1.TenantLimits:
			sub.Sites = proto.Int64(sub.GetSites() + 1)
		default:
			return false
		}
	}
	return true
}

// The answer to a repeated request is for who may see it: a key for another site of
// the tenant gets none of it.
func TestReplay_of_a_site_that_the_key_does_not_know(t *testing.T) {
	s := setup(t)
	estates := s.owned(s.world.Caller, s.world.Caller)
	theirs, mine := estates[0], estates[1]
	key, _ := s.newKey(s.world.Caller, auth.Operator, mine.site, mine.broken)
	for _, m := range mutations() {
		if !auth.Operator.Includes(api.Policy()[fullName(m)]) || m.Name() == "CreateSite" {
			continue
		}
		t.Run(string(m.Name()), func(t *testing.T) {
			defer s.in(t)()
			req := withRequestID(m, request(m, theirs), string(m.Name()))
			_, _ = s.ask(m, s.keyOf[auth.Operator], req) // what comes after another may be refused
			_, err := s.ask(m, key, req)
			wantError(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
			_, err = s.ask(m, key, withRequestID(m, req, "its own "+string(m.Name())))
			wantError(t, err, codes.NotFound, "NOT_FOUND")
		})
	}
}

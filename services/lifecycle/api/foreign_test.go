package api_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/api"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// idOf is the id of an estate that a field of this name takes.
var idOf = map[protoreflect.Name]func(e estate) string{
	"site_id": func(e estate) string { return e.site }, "site_ids": func(e estate) string { return e.site },
	"domain_id": func(e estate) string { return e.domain }, "new_primary_domain_id": func(e estate) string { return e.domain },
	"operation_id": func(e estate) string { return e.operation }, "key_id": func(e estate) string { return e.key },
	"tenant_id": func(e estate) string { return e.tenant }, "object_id": func(e estate) string { return e.site },
	"target_id": func(e estate) string { return e.edge }, "edge_id": func(e estate) string { return e.edge }, "hold_id": func(e estate) string { return e.hold },
	"join_token_id": func(e estate) string { return e.token },
	"actor":         func(e estate) string { return "key:" + e.key },
}

// limits are fields that say which part of a list is wanted: what is not there has
// an empty part, and so has what is another's.
var limits = map[string]bool{
	"ListEvents.filter.object_id": true, "WatchEvents.filter.object_id": true, "ListAudit.object_id": true, "ListAudit.actor": true,
}

// idFields are the paths of the fields of a request that name something. What only
// answers carry is none.
func idFields(d protoreflect.MessageDescriptor) (paths []string) {
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		name := string(f.Name())
		switch {
		case name == "request_id":
		case strings.HasSuffix(name, "_id"), strings.HasSuffix(name, "_ids"), name == "actor":
			paths = append(paths, name)
		case f.Message() != nil && strings.HasPrefix(string(f.Message().FullName()), "siteplane.") && !outputOnly(f):
			for _, below := range idFields(f.Message()) {
				paths = append(paths, name+"."+below)
			}
		}
	}
	return paths
}

func outputOnly(f protoreflect.FieldDescriptor) bool {
	behaviors, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	for _, b := range behaviors {
		if b == annotations.FieldBehavior_OUTPUT_ONLY {
			return true
		}
	}
	return false
}

// place is one field of one RPC that names something.
type place struct {
	rpc  protoreflect.MethodDescriptor
	path string
}

func (p place) String() string { return string(p.rpc.Name()) + "." + p.path }

// ignored is what a request has and nobody reads: the id of a site that is to be.
const ignored = "CreateSite.site.site_id"

func places() (all []place) {
	for _, m := range rpcs() {
		for _, path := range idFields(m.Input()) {
			if p := (place{m, path}); p.String() != ignored {
				all = append(all, p)
			}
		}
	}
	return all
}

// with returns a request of mine that names something of theirs in this place.
func (p place) with(mine, theirs estate) proto.Message {
	req := request(p.rpc, mine)
	below := strings.Split(p.path, ".")
	m := req.ProtoReflect()
	for _, name := range below[:len(below)-1] {
		m = m.Mutable(m.Descriptor().Fields().ByName(protoreflect.Name(name))).Message()
	}
	f := m.Descriptor().Fields().ByName(protoreflect.Name(below[len(below)-1]))
	text := protoreflect.ValueOfString(p.id(theirs))
	if f.IsList() {
		m.Mutable(f).List().Append(text)
	} else {
		m.Set(f, text)
	}
	return req
}

func (p place) id(e estate) string {
	name := p.path[strings.LastIndex(p.path, ".")+1:]
	return idOf[protoreflect.Name(name)](e)
}

func TestForeign_every_field_is_known(t *testing.T) {
	found := map[string]bool{ignored: true}
	for _, p := range places() {
		found[p.String()] = true
		if name := p.path[strings.LastIndex(p.path, ".")+1:]; idOf[protoreflect.Name(name)] == nil {
			t.Errorf("%s takes an unknown kind of id", p)
		}
	}
	for name := range limits {
		if !found[name] {
			t.Errorf("there is no field %s", name)
		}
	}
	if len(found) < 30 {
		t.Errorf("only %d fields were found", len(found))
	}
}

// said is what a refusal tells, without the id that was asked about and the trace.
func said(err error, asked string) string {
	s, meta := status.Convert(err), rpcerr.MetadataOf(err)
	delete(meta, "trace_id")
	return strings.ReplaceAll(fmt.Sprint(s.Code(), s.Message(), rpcerr.Reason(err), meta, rpcerr.Violations(err), len(s.Details())), asked, "ID")
}

// nothingFor checks that what is asked about in a place is answered as what is not
// there at all, and that nothing comes of it.
func (s *server) nothingFor(p place, key string, mine, theirs estate, want codes.Code) {
	s.Helper()
	nowhere := nobodys()
	foreign, foreignErr := s.ask(p.rpc, key, p.with(mine, theirs))
	unknown, unknownErr := s.ask(p.rpc, key, p.with(mine, nowhere))
	if got, want := said(foreignErr, p.id(theirs)), said(unknownErr, p.id(nowhere)); got != want {
		s.Errorf("what is another's is answered %s, what is not there %s", got, want)
	}
	if status.Code(foreignErr) != want {
		s.Errorf("answered %v, want %s", foreignErr, want)
	}
	if want == codes.OK && !proto.Equal(withoutCursors(foreign), withoutCursors(unknown)) {
		s.Errorf("what is another's is answered %v, what is not there %v", foreign, unknown)
	}
	if want == codes.OK && proto.Size(withoutCursors(foreign)) > 0 {
		s.Errorf("answered %v", foreign)
	}
}

// withoutCursors leaves out where to go on, which every answer about events has.
func withoutCursors(answer proto.Message) proto.Message {
	switch a := answer.(type) {
	case *lifecyclev1.ListEventsResponse:
		a.NextCursor = ""
	case *lifecyclev1.WatchEventsResponse:
		a.Cursor = ""
	}
	return answer
}

// expected is how a caller of a role is answered who names what is another's.
func (p place) expected(role auth.Role) codes.Code {
	switch {
	case !role.Includes(api.Policy()[fullName(p.rpc)]):
		return codes.PermissionDenied
	case limits[p.String()]:
		return codes.OK
	}
	return codes.NotFound
}

// unchanged checks that a call has committed nothing; that a key was used is noted
// before.
func (s *server) unchanged(t *testing.T, p place, call func()) {
	t.Helper()
	before := s.world.Store.Commits()
	call()
	if p.rpc.Parent().Name() == "EventService" {
		return // it has the events put in order
	}
	if got := s.world.Store.Commits(); got != before {
		t.Errorf("%d transactions were committed", got-before)
	}
}

// What is another tenant's is not there: not by its id, and not by an answer that
// differs from that for an id that nothing has.
func TestForeign_of_another_tenant(t *testing.T) { foreignOfAnotherTenant(t, setup(t)) }

func foreignOfAnotherTenant(t *testing.T, s *server) {
	other := s.world.NewTenant("other")
	estates := s.owned(s.world.Caller, other)
	theirs, mine := estates[0], estates[1]
	for _, role := range []auth.Role{auth.Operator, auth.Admin} {
		key, _ := s.newKey(other, role)
		s.warm(key)
		for _, p := range places() {
			t.Run(p.String()+" by "+string(role), func(t *testing.T) {
				defer s.in(t)()
				s.unchanged(t, p, func() { s.nothingFor(p, key, mine, theirs, p.expected(role)) })
			})
		}
	}
}

// A platform admin has the installation, and no more of other tenants' sites than
// anybody.
func TestForeign_of_a_platform_admin(t *testing.T) {
	s := setup(t)
	other := s.world.NewTenant("other")
	estates := s.owned(s.world.Caller, other)
	theirs, mine := estates[0], estates[1]
	key, _ := s.newKey(other, auth.PlatformAdmin)
	s.warm(key)
	for _, p := range places() {
		platform := p.rpc.Parent().Name()
		t.Run(p.String(), func(t *testing.T) {
			defer s.in(t)()
			want := p.expected(auth.PlatformAdmin)
			s.unchanged(t, p, func() {
				switch {
				case platform == "TenantService", platform == "ZoneService", platform == "InfrastructureService",
					p.String() == "CreateKey.tenant_id", p.String() == "ListKeys.tenant_id", p.String() == "RevokeKey.key_id":
					_, err := s.ask(p.rpc, key, p.with(mine, nobodys()))
					wantError(t, err, codes.NotFound, "NOT_FOUND")
				default:
					s.nothingFor(p, key, mine, theirs, want)
				}
			})
		})
	}
}

// What a key for single sites does not know is not there, be it of the same tenant.
func TestForeign_of_another_site(t *testing.T) {
	s := setup(t)
	estates := s.owned(s.world.Caller, s.world.Caller)
	theirs, mine := estates[0], estates[1]
	for _, role := range []auth.Role{auth.Viewer, auth.Operator} {
		key, _ := s.newKey(s.world.Caller, role, mine.site, mine.broken)
		s.warm(key)
		for _, p := range places() {
			if p.rpc.Name() == "GetTenant" { // its own tenant is no secret to it
				continue
			}
			t.Run(p.String()+" by "+string(role), func(t *testing.T) {
				defer s.in(t)()
				s.unchanged(t, p, func() { s.nothingFor(p, key, mine, theirs, p.expected(role)) })
			})
		}
	}
}

// warm calls with a key once, so that its use is noted.
func (s *server) warm(key string) {
	s.Helper()
	_, err := s.keys.GetCaller(as(s.T, key), &lifecyclev1.GetCallerRequest{})
	s.must(err)
}

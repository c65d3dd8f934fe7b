package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// requests has a request of each RPC that the owner of an estate may make, as a
// platform admin, and that is answered well.
var requests = map[protoreflect.Name]func(e estate) proto.Message{
	"CreateSite": func(estate) proto.Message { return newSite("Another") },
	"GetSite":    func(e estate) proto.Message { return &lifecyclev1.GetSiteRequest{SiteId: e.site} },
	"ListSites":  func(estate) proto.Message { return &lifecyclev1.ListSitesRequest{} },
	"UpdateSite": func(e estate) proto.Message {
		return &lifecyclev1.UpdateSiteRequest{Site: &lifecyclev1.Site{SiteId: e.site, Name: "Renamed", Spec: websocketSpec()}}
	},
	"RollbackSite":      func(e estate) proto.Message { return &lifecyclev1.RollbackSiteRequest{SiteId: e.site, Revision: 1} },
	"ListSiteRevisions": func(e estate) proto.Message { return &lifecyclev1.ListSiteRevisionsRequest{SiteId: e.site} },
	"DeleteSite":        func(e estate) proto.Message { return &lifecyclev1.DeleteSiteRequest{SiteId: e.site} },
	"RetrySite":         func(e estate) proto.Message { return &lifecyclev1.RetrySiteRequest{SiteId: e.broken} },
	"SetPrimaryDomain": func(e estate) proto.Message {
		return &lifecyclev1.SetPrimaryDomainRequest{SiteId: e.site, DomainId: e.primary}
	},
	"GetSiteTimeline": func(e estate) proto.Message { return &lifecyclev1.GetSiteTimelineRequest{SiteId: e.site} },

	"AddDomain": func(e estate) proto.Message {
		return &lifecyclev1.AddDomainRequest{SiteId: e.site, Hostname: "more.customer.test"}
	},
	"GetDomain":    func(e estate) proto.Message { return &lifecyclev1.GetDomainRequest{DomainId: e.domain} },
	"ListDomains":  func(e estate) proto.Message { return &lifecyclev1.ListDomainsRequest{SiteId: e.site} },
	"CheckDomain":  func(e estate) proto.Message { return &lifecyclev1.CheckDomainRequest{DomainId: e.domain} },
	"RemoveDomain": func(e estate) proto.Message { return &lifecyclev1.RemoveDomainRequest{DomainId: e.domain} },

	"CreateTenant": func(estate) proto.Message { return &lifecyclev1.CreateTenantRequest{Name: "newcomer"} },
	"GetTenant":    func(e estate) proto.Message { return &lifecyclev1.GetTenantRequest{TenantId: e.tenant} },
	"ListTenants":  func(estate) proto.Message { return &lifecyclev1.ListTenantsRequest{} },
	"SetTenantLimits": func(e estate) proto.Message {
		return &lifecyclev1.SetTenantLimitsRequest{TenantId: e.bystander, Limits: &lifecyclev1.TenantLimits{Sites: proto.Int64(3)}}
	},
	"SuspendTenant": func(e estate) proto.Message {
		return &lifecyclev1.SuspendTenantRequest{TenantId: e.bystander, Reason: "does not pay"}
	},
	"ResumeTenant": func(e estate) proto.Message { return &lifecyclev1.ResumeTenantRequest{TenantId: e.bystander} },
	"DeleteTenant": func(e estate) proto.Message { return &lifecyclev1.DeleteTenantRequest{TenantId: e.bystander} },

	"CreateKey": func(estate) proto.Message {
		return &lifecyclev1.CreateKeyRequest{Name: "ci", Role: lifecyclev1.Role_ROLE_VIEWER}
	},
	"GetCaller": func(estate) proto.Message { return &lifecyclev1.GetCallerRequest{} },
	"ListKeys":  func(estate) proto.Message { return &lifecyclev1.ListKeysRequest{} },
	"RevokeKey": func(e estate) proto.Message { return &lifecyclev1.RevokeKeyRequest{KeyId: e.key} },

	"WatchEvents": func(estate) proto.Message { return &lifecyclev1.WatchEventsRequest{Cursor: "start"} },
	"ListEvents":  func(estate) proto.Message { return &lifecyclev1.ListEventsRequest{} },
	"ListAudit":   func(estate) proto.Message { return &lifecyclev1.ListAuditRequest{} },

	"GrantZone": func(e estate) proto.Message {
		return &lifecyclev1.GrantZoneRequest{ZoneName: "ours.test", TenantId: e.bystander}
	},
	"RevokeZone": func(e estate) proto.Message {
		return &lifecyclev1.RevokeZoneRequest{ZoneName: "ours.test", TenantId: e.bystander}
	},
	"ListZoneGrants": func(estate) proto.Message { return &lifecyclev1.ListZoneGrantsRequest{} },

	"GetOperation":    func(e estate) proto.Message { return &lifecyclev1.GetOperationRequest{OperationId: e.operation} },
	"CancelOperation": func(e estate) proto.Message { return &lifecyclev1.CancelOperationRequest{OperationId: e.operation} },

	"ListEdges":   func(estate) proto.Message { return &lifecyclev1.ListEdgesRequest{} },
	"GetEdge":     func(e estate) proto.Message { return &lifecyclev1.GetEdgeRequest{EdgeId: e.edge} },
	"PreviewEdge": func(e estate) proto.Message { return &lifecyclev1.PreviewEdgeRequest{EdgeId: e.edge} },
	"RebuildEdge": func(e estate) proto.Message { return &lifecyclev1.RebuildEdgeRequest{EdgeId: e.edge} },
	"UpdateEdge": func(e estate) proto.Message {
		return &lifecyclev1.UpdateEdgeRequest{EdgeId: e.edge, Labels: &lifecyclev1.EdgeLabels{Labels: map[string]string{"region": "us"}}}
	},
	"EvictEdge": func(e estate) proto.Message { return &lifecyclev1.EvictEdgeRequest{EdgeId: e.spare} },
	"CreateJoinToken": func(estate) proto.Message {
		return &lifecyclev1.CreateJoinTokenRequest{Name: "fra1", Labels: &lifecyclev1.EdgeLabels{Labels: map[string]string{"region": "eu"}}}
	},
	"ListJoinTokens":  func(estate) proto.Message { return &lifecyclev1.ListJoinTokensRequest{} },
	"DeleteJoinToken": func(e estate) proto.Message { return &lifecyclev1.DeleteJoinTokenRequest{JoinTokenId: e.token} },
	"PutPlacement": func(estate) proto.Message {
		return &lifecyclev1.PutPlacementRequest{Placement: &lifecyclev1.Placement{Name: "us", EdgeLabels: map[string]string{"region": "us"}}}
	},
	"ListPlacements":  func(estate) proto.Message { return &lifecyclev1.ListPlacementsRequest{} },
	"DeletePlacement": func(e estate) proto.Message { return &lifecyclev1.DeletePlacementRequest{Name: e.placement} },
	"ListTunnels":     func(estate) proto.Message { return &lifecyclev1.ListTunnelsRequest{} },
	"SetDriftPolicy": func(e estate) proto.Message {
		return &lifecyclev1.SetDriftPolicyRequest{TargetId: e.edge, Policy: lifecyclev1.DriftPolicy_DRIFT_POLICY_HOLD}
	},
	"SyncTarget":  func(e estate) proto.Message { return &lifecyclev1.SyncTargetRequest{TargetId: e.tunnel} },
	"ListDrifts":  func(estate) proto.Message { return &lifecyclev1.ListDriftsRequest{} },
	"ListHolds":   func(estate) proto.Message { return &lifecyclev1.ListHoldsRequest{} },
	"ConfirmHold": func(e estate) proto.Message { return &lifecyclev1.ConfirmHoldRequest{HoldId: e.hold} },
	"RunChecks":   func(estate) proto.Message { return &lifecyclev1.RunChecksRequest{} },
}

func TestRequests_are_known_of_every_RPC(t *testing.T) {
	known := map[protoreflect.Name]bool{}
	for _, m := range rpcs() {
		known[m.Name()] = true
		make, ok := requests[m.Name()]
		if !ok {
			t.Errorf("%s has no request", m.FullName())
		} else if got := make(estate{}).ProtoReflect().Descriptor(); got != m.Input() {
			t.Errorf("the request of %s is a %s", m.FullName(), got.FullName())
		}
	}
	for name := range requests {
		if !known[name] {
			t.Errorf("there is no RPC %s", name)
		}
	}
}

// fullName is how gRPC calls an RPC.
func fullName(m protoreflect.MethodDescriptor) string {
	return "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
}

// requestID is the field that makes a request safe to repeat, nil for RPCs that only
// read.
func requestID(m protoreflect.MethodDescriptor) protoreflect.FieldDescriptor {
	return m.Input().Fields().ByName("request_id")
}

// withRequestID returns a request with an id.
func withRequestID(m protoreflect.MethodDescriptor, req proto.Message, id string) proto.Message {
	out := proto.Clone(req)
	out.ProtoReflect().Set(requestID(m), protoreflect.ValueOfString(id))
	return out
}

// ask calls an RPC over gRPC. Of a stream it returns the first answer.
func (s *server) ask(m protoreflect.MethodDescriptor, key string, req proto.Message) (proto.Message, error) {
	s.Helper()
	out := newAnswer(s.T, m)
	ctx := s.Context()
	if key != "" {
		ctx = as(s.T, key)
	}
	if !m.IsStreamingServer() {
		return out, s.conn.Invoke(ctx, fullName(m), req, out)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	stream, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, fullName(m))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(stream.SendMsg(req), stream.CloseSend()); err != nil {
		return nil, err
	}
	return out, stream.RecvMsg(out)
}

func newRequest(t *testing.T, m protoreflect.MethodDescriptor) proto.Message {
	t.Helper()
	return newMessage(t, m.Input())
}

func newAnswer(t *testing.T, m protoreflect.MethodDescriptor) proto.Message {
	t.Helper()
	return newMessage(t, m.Output())
}

func newMessage(t *testing.T, d protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}

// httpRule is how REST calls an RPC.
func httpRule(m protoreflect.MethodDescriptor) (verb, path, body string) {
	rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get, rule.GetBody()
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post, rule.GetBody()
	case *annotations.HttpRule_Put:
		return http.MethodPut, p.Put, rule.GetBody()
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, p.Patch, rule.GetBody()
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete, rule.GetBody()
	}
	return "", "", ""
}

var pathVariable = regexp.MustCompile(`\{([^}]*)\}`)

// restOf is a request as REST has it.
func restOf(t *testing.T, m protoreflect.MethodDescriptor, req proto.Message) (verb, path, body string) {
	t.Helper()
	verb, template, wholeBody := httpRule(m)
	var inPath []string
	path = pathVariable.ReplaceAllStringFunc(template, func(variable string) string {
		name := strings.Trim(variable, "{}")
		inPath = append(inPath, name)
		return url.PathEscape(leaf(req.ProtoReflect(), name))
	})
	if wholeBody == "*" {
		raw, err := protojson.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		return verb, path, string(raw)
	}
	query := url.Values{}
	req.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if name := string(f.Name()); !slices.Contains(inPath, name) {
			query.Set(name, v.String())
		}
		return true
	})
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return verb, path, ""
}

// leaf reads a text below a message.
func leaf(m protoreflect.Message, path string) string {
	name, rest, nested := strings.Cut(path, ".")
	v := m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name)))
	if nested {
		return leaf(v.Message(), rest)
	}
	return v.String()
}

// request is a valid one for an RPC.
func request(rpc protoreflect.MethodDescriptor, e estate) proto.Message {
	make, ok := requests[rpc.Name()]
	if !ok {
		panic("request_test.go: the table requests has no row for " + string(rpc.Name()))
	}
	return make(e)
}

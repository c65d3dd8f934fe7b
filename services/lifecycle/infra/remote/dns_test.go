package remote_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/remote"
)

// validator answers as it is told and keeps what it was asked.
type validator struct {
	dnsvalidatorv1.UnimplementedDNSValidatorServiceServer

	addresses *dnsvalidatorv1.CheckAddressesResponse
	ownership *dnsvalidatorv1.CheckOwnershipResponse
	probe     *dnsvalidatorv1.ProbeHostnameResponse
	asked     proto.Message
	err       error
}

func (v *validator) CheckAddresses(_ context.Context, req *dnsvalidatorv1.CheckAddressesRequest) (*dnsvalidatorv1.CheckAddressesResponse, error) {
	v.asked = req
	return v.addresses, v.err
}

func (v *validator) CheckOwnership(_ context.Context, req *dnsvalidatorv1.CheckOwnershipRequest) (*dnsvalidatorv1.CheckOwnershipResponse, error) {
	v.asked = req
	return v.ownership, v.err
}

func (v *validator) ProbeHostname(_ context.Context, req *dnsvalidatorv1.ProbeHostnameRequest) (*dnsvalidatorv1.ProbeHostnameResponse, error) {
	v.asked = req
	return v.probe, v.err
}

func dns(t *testing.T, v *validator) *remote.DNS {
	t.Helper()
	return remote.NewDNS(serve(t, func(s *grpc.Server) { dnsvalidatorv1.RegisterDNSValidatorServiceServer(s, v) }))
}

func TestDNS_CheckAddresses(t *testing.T) {
	answer := &dnsvalidatorv1.CheckAddressesResponse{
		Outcome: dnsvalidatorv1.Outcome_OUTCOME_CONTRADICTED,
		Observations: []*dnsvalidatorv1.Observation{
			{Name: "a.example", Type: "A", Server: "192.0.2.53:53", Answers: []string{"192.0.2.1", "192.0.2.2"}},
			{Name: "a.example", Type: "AAAA", Server: "192.0.2.53:53", Rcode: "NXDOMAIN"},
			{Name: "a.example", Type: "A", Server: "192.0.2.54:53", Error: "timeout"},
		},
		Diagnoses: []*diagnosisv1.Diagnosis{{
			Code: diagnosisv1.Code_CODE_DNS_NXDOMAIN, Actor: diagnosisv1.Actor_ACTOR_TENANT, Summary: "no such name",
			Expected: []string{"x"}, Observed: []string{"y"}, Fix: []string{"z"},
		}},
	}
	v := &validator{addresses: answer}
	got, err := dns(t, v).CheckAddresses(t.Context(), "a.example", infra.RightTarget{EdgeAddresses: []string{"192.0.2.1"}, Name: "t.example", Cloudflare: true})
	want := infra.Finding{
		Outcome: infra.Contradicted,
		Seen: []string{
			"a.example A at 192.0.2.53:53: 192.0.2.1, 192.0.2.2", "a.example AAAA at 192.0.2.53:53: NXDOMAIN", "a.example A at 192.0.2.54:53: timeout",
		},
		Diagnoses: []infra.Diagnosis{{
			Code: "DNS_NXDOMAIN", Actor: condition.Tenant, Summary: "no such name", Expected: []string{"x"}, Observed: []string{"y"}, Fix: []string{"z"},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	asked := &dnsvalidatorv1.CheckAddressesRequest{
		Hostname: "a.example", EdgeAddresses: []string{"192.0.2.1"}, Target: "t.example", AcceptCloudflare: true,
	}
	if diff := cmp.Diff(proto.Message(asked), v.asked, protocmp.Transform()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestDNS_CheckOwnership(t *testing.T) {
	v := &validator{ownership: &dnsvalidatorv1.CheckOwnershipResponse{
		Outcome: dnsvalidatorv1.Outcome_OUTCOME_CONTRADICTED,
		Observations: []*dnsvalidatorv1.Observation{
			{Name: "_x.a.example", Type: "TXT", Server: "192.0.2.53:53", Answers: []string{`"one"`, `"two"`}},
		},
		Diagnoses: []*diagnosisv1.Diagnosis{{Code: diagnosisv1.Code_CODE_OWNERSHIP_TXT_WRONG, Actor: diagnosisv1.Actor_ACTOR_TENANT, Summary: "wrong"}},
	}}
	got, err := dns(t, v).CheckOwnership(t.Context(), "a.example", "_x.a.example", "0123456789abcdef")
	want := infra.Finding{
		Outcome: infra.Contradicted, Seen: []string{`_x.a.example TXT at 192.0.2.53:53: "one", "two"`},
		Diagnoses: []infra.Diagnosis{{Code: "OWNERSHIP_TXT_WRONG", Actor: condition.Tenant, Summary: "wrong"}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	asked := &dnsvalidatorv1.CheckOwnershipRequest{Hostname: "a.example", RecordName: "_x.a.example", Token: "0123456789abcdef"}
	if diff := cmp.Diff(proto.Message(asked), v.asked, protocmp.Transform()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestDNS_keeps_a_bounded_part_of_what_strangers_answer(t *testing.T) {
	answer := &dnsvalidatorv1.CheckOwnershipResponse{Outcome: dnsvalidatorv1.Outcome_OUTCOME_UNKNOWN}
	for range 1000 {
		answer.Observations = append(answer.Observations, &dnsvalidatorv1.Observation{
			Name: "a.example", Type: "TXT", Server: "192.0.2.53:53", Answers: []string{strings.Repeat("ü", 1000)},
		})
	}
	got, err := dns(t, &validator{ownership: answer}).CheckOwnership(t.Context(), "a.example", "_x.a.example", "token")
	if err != nil || len(got.Seen) != 101 || got.Seen[100] != "and 900 more answers" {
		t.Fatalf("%d lines, the last is %.60q, %v", len(got.Seen), got.Seen[len(got.Seen)-1], err)
	}
	if line := got.Seen[0]; len(line) > 520 || !strings.HasSuffix(line, "ü…") {
		t.Errorf("a line has %d bytes and ends in %q", len(line), line[len(line)-6:])
	}
}

func TestDNS_ProbeHostname(t *testing.T) {
	v := &validator{probe: &dnsvalidatorv1.ProbeHostnameResponse{
		Outcome: dnsvalidatorv1.Outcome_OUTCOME_CONFIRMED,
		Attempts: []*dnsvalidatorv1.ProbeAttempt{
			{Address: "192.0.2.1:80", Error: "refused"}, {Address: "192.0.2.2:80", EdgeId: "edge_1"},
		},
	}}
	p := infra.Probe{
		Hostname: "a.example", Accepted: map[id.Edge][]byte{"edge_2": []byte("two"), "edge_1": []byte("one")},
		EdgeAddresses: []string{"192.0.2.1"},
	}
	for policy, want := range map[infra.ProbePolicy]dnsvalidatorv1.ProbePolicy{
		infra.ProbePublic: dnsvalidatorv1.ProbePolicy_PROBE_POLICY_PUBLIC, infra.ProbeEdge: dnsvalidatorv1.ProbePolicy_PROBE_POLICY_EDGE,
	} {
		p.Policy = policy
		got, err := dns(t, v).ProbeHostname(t.Context(), p)
		finding := infra.Finding{Outcome: infra.Confirmed, Seen: []string{"GET via 192.0.2.1:80: refused", "GET via 192.0.2.2:80: signed by edge_1"}}
		if diff := cmp.Diff(finding, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		asked := &dnsvalidatorv1.ProbeHostnameRequest{
			Hostname: "a.example", EdgeAddresses: []string{"192.0.2.1"}, Policy: want, AcceptedEdges: []*dnsvalidatorv1.AcceptedEdge{
				{EdgeId: "edge_1", PublicKey: []byte("one")}, {EdgeId: "edge_2", PublicKey: []byte("two")},
			},
		}
		if diff := cmp.Diff(proto.Message(asked), v.asked, protocmp.Transform()); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
	}
}

// What we do not know says nothing: never confirmed, never contradicted.
func TestDNS_outcomes(t *testing.T) {
	for wire, want := range map[dnsvalidatorv1.Outcome]infra.Outcome{
		dnsvalidatorv1.Outcome_OUTCOME_CONFIRMED: infra.Confirmed, dnsvalidatorv1.Outcome_OUTCOME_CONTRADICTED: infra.Contradicted,
		dnsvalidatorv1.Outcome_OUTCOME_UNKNOWN: infra.Unknown, dnsvalidatorv1.Outcome_OUTCOME_UNSPECIFIED: infra.Unknown, 99: infra.Unknown,
	} {
		d := dns(t, &validator{
			addresses: &dnsvalidatorv1.CheckAddressesResponse{Outcome: wire},
			ownership: &dnsvalidatorv1.CheckOwnershipResponse{Outcome: wire},
			probe:     &dnsvalidatorv1.ProbeHostnameResponse{Outcome: wire},
		})
		for method, ask := range asking(t, d) {
			if got, err := ask(); err != nil || got.Outcome != want {
				t.Errorf("%v of %s gives %q, %v", wire, method, got.Outcome, err)
			}
		}
	}
	t.Run("an error is none", func(t *testing.T) {
		d := dns(t, &validator{err: rpcerr.New(codes.NotFound, "NOT_FOUND", "x", rpcerr.RetryAfter(time.Second))})
		for method, ask := range asking(t, d) {
			if got, err := ask(); !unavailable(time.Second)(err) || got.Outcome != "" {
				t.Errorf("%s gives %+v, %v", method, got, err)
			}
		}
	})
}

// asking is every question that there is.
func asking(t *testing.T, d *remote.DNS) map[string]func() (infra.Finding, error) {
	return map[string]func() (infra.Finding, error){
		"CheckAddresses": func() (infra.Finding, error) { return d.CheckAddresses(t.Context(), "a.example", infra.RightTarget{}) },
		"CheckOwnership": func() (infra.Finding, error) { return d.CheckOwnership(t.Context(), "a.example", "x.a.example", "x") },
		"ProbeHostname":  func() (infra.Finding, error) { return d.ProbeHostname(t.Context(), infra.Probe{}) },
	}
}

package remote

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

const checkLimit = 30 * time.Second

// DNS is an infra.DNSValidator over the dnsvalidator service.
type DNS struct {
	client dnsvalidatorv1.DNSValidatorServiceClient
}

var _ infra.DNSValidator = (*DNS)(nil)

// NewDNS returns a validator on a connection.
func NewDNS(conn grpc.ClientConnInterface) *DNS {
	return &DNS{client: dnsvalidatorv1.NewDNSValidatorServiceClient(conn)}
}

// CheckAddresses implements infra.DNSValidator.
func (d *DNS) CheckAddresses(ctx context.Context, hostname string, right infra.RightTarget) (infra.Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	answer, err := d.client.CheckAddresses(ctx, &dnsvalidatorv1.CheckAddressesRequest{
		Hostname: hostname, EdgeAddresses: right.EdgeAddresses, Target: right.Name, AcceptCloudflare: right.Cloudflare,
	})
	if err != nil {
		return infra.Finding{}, unavailable("dnsvalidator", err)
	}
	return observed(answer), nil
}

// CheckOwnership implements infra.DNSValidator.
func (d *DNS) CheckOwnership(ctx context.Context, hostname, recordName, token string) (infra.Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	answer, err := d.client.CheckOwnership(ctx, &dnsvalidatorv1.CheckOwnershipRequest{
		Hostname: hostname, RecordName: recordName, Token: token,
	})
	if err != nil {
		return infra.Finding{}, unavailable("dnsvalidator", err)
	}
	return observed(answer), nil
}

// What strangers answered is kept with each condition and shown in each list, so
// that a name's evidence has maxSeen lines of maxLine bytes at most.
const (
	maxSeen = 100
	maxLine = 512
)

// observed is the finding of an answer that lists its questions, as far as there
// is room.
func observed(answer interface {
	GetOutcome() dnsvalidatorv1.Outcome
	GetObservations() []*dnsvalidatorv1.Observation
	GetDiagnoses() []*diagnosisv1.Diagnosis
}) infra.Finding {
	f := infra.Finding{Outcome: outcome(answer.GetOutcome()), Diagnoses: diagnoses(answer.GetDiagnoses())}
	for i, o := range answer.GetObservations() {
		if i == maxSeen {
			f.Seen = append(f.Seen, fmt.Sprintf("and %d more answers", len(answer.GetObservations())-maxSeen))
			break
		}
		f.Seen = append(f.Seen, shortened(observation(o)))
	}
	return f
}

// ProbeHostname implements infra.DNSValidator.
func (d *DNS) ProbeHostname(ctx context.Context, probe infra.Probe) (infra.Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	answer, err := d.client.ProbeHostname(ctx, probeRequest(probe))
	if err != nil {
		return infra.Finding{}, unavailable("dnsvalidator", err)
	}
	f := infra.Finding{Outcome: outcome(answer.GetOutcome()), Diagnoses: diagnoses(answer.GetDiagnoses())}
	for _, a := range answer.GetAttempts() {
		seen := "signed by " + a.GetEdgeId()
		if a.GetError() != "" {
			seen = a.GetError()
		}
		f.Seen = append(f.Seen, fmt.Sprintf("GET via %s: %s", a.GetAddress(), seen))
	}
	return f, nil
}

func probeRequest(p infra.Probe) *dnsvalidatorv1.ProbeHostnameRequest {
	req := &dnsvalidatorv1.ProbeHostnameRequest{
		Hostname: p.Hostname, EdgeAddresses: p.EdgeAddresses,
		Policy: dnsvalidatorv1.ProbePolicy_PROBE_POLICY_PUBLIC,
	}
	if p.Policy == infra.ProbeEdge {
		req.Policy = dnsvalidatorv1.ProbePolicy_PROBE_POLICY_EDGE
	}
	for edge, key := range p.Accepted {
		req.AcceptedEdges = append(req.AcceptedEdges, &dnsvalidatorv1.AcceptedEdge{EdgeId: string(edge), PublicKey: key})
	}
	slices.SortFunc(req.AcceptedEdges, func(a, b *dnsvalidatorv1.AcceptedEdge) int { return strings.Compare(a.EdgeId, b.EdgeId) })
	return req
}

// outcome translates an outcome; what we do not know says nothing.
func outcome(o dnsvalidatorv1.Outcome) infra.Outcome {
	switch o {
	case dnsvalidatorv1.Outcome_OUTCOME_CONFIRMED:
		return infra.Confirmed
	case dnsvalidatorv1.Outcome_OUTCOME_CONTRADICTED:
		return infra.Contradicted
	}
	return infra.Unknown
}

// shortened cuts a line that is too long.
func shortened(line string) string {
	if len(line) <= maxLine {
		return line
	}
	return strings.ToValidUTF8(line[:maxLine], "") + "…"
}

func observation(o *dnsvalidatorv1.Observation) string {
	answer := o.GetRcode()
	if len(o.GetAnswers()) > 0 {
		answer = strings.Join(o.GetAnswers(), ", ")
	}
	if o.GetError() != "" {
		answer = o.GetError()
	}
	return fmt.Sprintf("%s %s at %s: %s", o.GetName(), o.GetType(), o.GetServer(), strings.ReplaceAll(answer, "\t", " "))
}

package api

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/check"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/probe"
)

func addressesResponse(found check.Evidence) *dnsvalidatorv1.CheckAddressesResponse {
	return &dnsvalidatorv1.CheckAddressesResponse{
		Outcome:      outcome(found.Outcome),
		Addresses:    texts(found.Addresses[:min(len(found.Addresses), maxAddresses)]),
		Observations: observations(found.Answers),
		Diagnoses:    diagnoses(found.Diagnoses),
		CheckedAt:    timestamppb.New(found.At),
	}
}

func ownershipResponse(found check.Evidence) *dnsvalidatorv1.CheckOwnershipResponse {
	return &dnsvalidatorv1.CheckOwnershipResponse{
		Outcome:      outcome(found.Outcome),
		Observations: observations(found.Answers),
		Diagnoses:    diagnoses(found.Diagnoses),
		CheckedAt:    timestamppb.New(found.At),
	}
}

func probeResponse(found probe.Evidence) *dnsvalidatorv1.ProbeHostnameResponse {
	response := &dnsvalidatorv1.ProbeHostnameResponse{
		Outcome:   outcome(found.Outcome),
		Diagnoses: diagnoses(found.Diagnoses),
		CheckedAt: timestamppb.New(found.At),
	}
	for _, a := range found.Attempts {
		response.Attempts = append(response.Attempts, attempt(a))
	}
	return response
}

func attempt(a probe.Attempt) *dnsvalidatorv1.ProbeAttempt {
	out := &dnsvalidatorv1.ProbeAttempt{
		Address: a.Address.String(), EdgeId: a.EdgeID,
		HttpStatus: int32(a.Status), Duration: durationpb.New(a.Duration),
	}
	if a.Err != nil {
		out.Error = text(a.Err.Error())
	}
	return out
}

// maxAddresses and maxObservations are how many of each are passed on, the first.
// Hostile zones give more than a gRPC message of 4 MiB holds, and a look that is
// lost for its length could never contradict.
const (
	maxAddresses    = 256
	maxObservations = 1000
)

func observations(answers []dnsq.Answer) []*dnsvalidatorv1.Observation {
	answers = answers[:min(len(answers), maxObservations)]
	all := make([]*dnsvalidatorv1.Observation, len(answers))
	for i, answer := range answers {
		all[i] = observation(answer)
	}
	return all
}

// maxAnswers is how much of one answer of up to 64 KiB is passed on, in bytes.
const maxAnswers = 2 << 10

func observation(a dnsq.Answer) *dnsvalidatorv1.Observation {
	out := &dnsvalidatorv1.Observation{
		Server: a.Server, Name: text(a.Name), Type: dns.TypeToString[a.Type],
		Authoritative: a.Authoritative, Duration: durationpb.New(a.Duration),
	}
	if a.Err != nil {
		out.Error = text(a.Err.Error())
		return out
	}
	out.Rcode = dns.RcodeToString[a.Rcode]
	out.Answers = answers(a.Records)
	return out
}

// answers shows records in presentation format, as many as there is room for.
func answers(records []dns.RR) []string {
	var lines []string
	room := maxAnswers
	for i, rr := range records {
		line := text(strings.ReplaceAll(rr.String(), "\t", " "))
		if room -= len(line); room < 0 {
			return append(lines, fmt.Sprintf("and %d more records", len(records)-i))
		}
		lines = append(lines, line)
	}
	return lines
}

func diagnoses(found []diagnosis.Diagnosis) []*diagnosisv1.Diagnosis {
	var out []*diagnosisv1.Diagnosis
	for _, d := range found {
		out = append(out, &diagnosisv1.Diagnosis{
			Code:     diagnosisv1.Code(diagnosisv1.Code_value["CODE_"+string(d.Code)]),
			Severity: diagnosisv1.Severity(diagnosisv1.Severity_value["SEVERITY_"+string(d.Severity)]),
			Actor:    diagnosisv1.Actor(diagnosisv1.Actor_value["ACTOR_"+string(d.Actor)]),
			Summary:  text(d.Summary),
			Expected: validTexts(d.Expected),
			Observed: validTexts(d.Observed),
			Fix:      validTexts(d.Fix),
		})
	}
	return out
}

func codeNames(found []diagnosis.Diagnosis) []string {
	names := make([]string, len(found))
	for i, d := range found {
		names[i] = string(d.Code)
	}
	return names
}

func outcome(o evidence.Outcome) dnsvalidatorv1.Outcome {
	return dnsvalidatorv1.Outcome(dnsvalidatorv1.Outcome_value["OUTCOME_"+string(o)])
}

func texts(addrs []netip.Addr) []string {
	out := make([]string, len(addrs))
	for i, addr := range addrs {
		out[i] = addr.String()
	}
	return out
}

// text makes what strangers wrote fit for protobuf, which takes UTF-8 only.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func validTexts(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = text(line)
	}
	return out
}

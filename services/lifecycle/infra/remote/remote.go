// Package remote implements the interfaces of package infra over gRPC: the edge
// agents, the tunnel service and the DNS validator as other processes. It owns
// the translation between our types and the wire, and of statuses to the errors
// that package infra promises. It decides nothing.
package remote

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// unavailable wraps a failed call whose answer is not known.
func unavailable(service string, err error) error {
	delay, _ := rpcerr.RetryDelay(err)
	text := errors.New(status.Convert(err).Message())
	if code := status.Code(err); code != codes.Unavailable {
		text = fmt.Errorf("%s: %w", code, text)
	}
	return &infra.UnavailableError{Service: service, RetryAfter: delay, Err: text}
}

// codePrefix is what protobuf puts before a diagnosis code.
const codePrefix = "CODE_"

func diagnoses(wire []*diagnosisv1.Diagnosis) []infra.Diagnosis {
	var out []infra.Diagnosis
	for _, d := range wire {
		out = append(out, diagnosis(d))
	}
	return out
}

func diagnosis(d *diagnosisv1.Diagnosis) infra.Diagnosis {
	return infra.Diagnosis{
		Code:  strings.TrimPrefix(d.GetCode().String(), codePrefix),
		Actor: actors[d.GetActor()], Summary: d.GetSummary(),
		Expected: d.GetExpected(), Observed: d.GetObserved(), Fix: d.GetFix(),
	}
}

// actors translates who must act.
var actors = map[diagnosisv1.Actor]condition.Actor{
	diagnosisv1.Actor_ACTOR_TENANT:     condition.Tenant,
	diagnosisv1.Actor_ACTOR_OPERATOR:   condition.Operator,
	diagnosisv1.Actor_ACTOR_CA:         condition.CA,
	diagnosisv1.Actor_ACTOR_CLOUDFLARE: condition.Cloudflare,
	diagnosisv1.Actor_ACTOR_NOBODY:     condition.Nobody,
}

// Package remote implements the interfaces of package infra over gRPC: the edge
// agents, the tunnel service and the DNS validator as other processes. It owns
// the translation between our types and the wire, and of statuses to the errors
// that package infra promises. It decides nothing.
package remote

import (
	"errors"
	"fmt"
	"strconv"
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

// maxNames bounds the names of a hold.
const maxNames = 100

// held translates what a shrink guard says. A hold without a name could never be
// confirmed: then it is not known what the service wants.
func held(service string, err error) error {
	metadata := rpcerr.MetadataOf(err)
	if metadata["hold_id"] == "" {
		return unavailable(service, err)
	}
	out := &infra.HeldError{ID: metadata["hold_id"], Message: status.Convert(err).Message()}
	out.Held, _ = strconv.Atoi(metadata["held_count"]) // only told, never counted with
	out.Count, _ = strconv.Atoi(metadata["unexplained_count"])
	for _, v := range rpcerr.Violations(err) {
		out.Names = append(out.Names, v.Field)
	}
	out.Names = out.Names[:min(len(out.Names), maxNames)]
	return out
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

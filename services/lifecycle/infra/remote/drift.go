package remote

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
)

// kindPrefix is what protobuf puts before a kind of drift. A kind that is newer
// than this program comes as its number: it is drift all the same.
const kindPrefix = "DRIFT_KIND_"

func edgeDrifts(wire []*edgev1.Drift) (out []drift.Finding) {
	for _, d := range wire {
		out = append(out, drift.Finding{
			Kind: strings.TrimPrefix(d.GetKind().String(), kindPrefix), Place: d.GetPath(),
			Detail: d.GetDetail(), Cause: d.GetCause(), Since: timeOf(d.GetSince()), Diff: d.GetDiff(), Owner: d.GetOwner(),
		})
	}
	return out
}

func tunnelDrifts(wire []*tunnelv1.Drift) (out []drift.Finding) {
	for _, d := range wire {
		out = append(out, drift.Finding{
			Kind: strings.TrimPrefix(d.GetKind().String(), kindPrefix), Place: d.GetHostname(),
			Detail: d.GetDetail(), Cause: d.GetCause(), Since: timeOf(d.GetSince()), Foreign: foreign[d.GetKind()],
		})
	}
	return out
}

// foreign are the kinds that are about what is somebody else's.
var foreign = map[tunnelv1.DriftKind]bool{
	tunnelv1.DriftKind_DRIFT_KIND_RULE_FOREIGN: true,
	tunnelv1.DriftKind_DRIFT_KIND_BLOCKED:      true,
}

// timeOf is the zero time where the wire has none.
func timeOf(wire *timestamppb.Timestamp) time.Time {
	if wire == nil {
		return time.Time{}
	}
	return wire.AsTime()
}

package remote

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// chunk is how many sites one message carries, well below the message limit.
const chunk = 500

// Apply implements infra.EdgeProvider.
func (p *Edges) Apply(ctx context.Context, edge id.Edge, update infra.EdgeUpdate) (infra.EdgeProof, error) {
	client, err := p.client(ctx, edge)
	if err != nil {
		return infra.EdgeProof{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, applyLimit)
	defer cancel()
	begun := time.Now()
	stream, err := client.Apply(ctx)
	if err != nil {
		return infra.EdgeProof{}, applyError(err)
	}
	if err := sendAll(stream, edge, update); err != nil {
		return infra.EdgeProof{}, err
	}
	answer, err := stream.CloseAndRecv()
	if err != nil {
		return infra.EdgeProof{}, applyError(err)
	}
	if err := unproved(answer, update); err != nil {
		return infra.EdgeProof{}, err
	}
	return infra.EdgeProof{
		Generation: answer.GetFence().GetGeneration(), Digest: answer.GetDigest(),
		Sites: int(answer.GetSiteCount()), Took: time.Since(begun),
		Rejected: rejections(answer.GetRejected()), Drifts: edgeDrifts(answer.GetDrifts()),
	}, nil
}

// unproved says what an answer lacks as a proof of an update. Only an edge that
// rejects sites may hold something else than it was sent.
func unproved(answer *edgev1.ApplyResponse, update infra.EdgeUpdate) error {
	generation, digest := answer.GetFence().GetGeneration(), answer.GetDigest()
	asked := digest == update.Digest || len(answer.GetRejected()) > 0 && digest != ""
	if generation == update.Fence.Generation && asked {
		return nil
	}
	return &infra.NotProvenError{Message: fmt.Sprintf(
		"it answers with generation %d and digest %.12s, sent were %d and %.12s", generation, digest, update.Fence.Generation, update.Digest)}
}

func rejections(wire []*edgev1.Rejection) (out []infra.Rejection) {
	for _, r := range wire {
		out = append(out, infra.Rejection{
			SiteID: id.Site(r.GetSiteId()), Revision: r.GetRevision(), Message: r.GetMessage(), KeptRevision: r.GetKeptRevision(),
		})
	}
	return out
}

// sendAll streams the header and the sites, and makes each message when it is its turn.
// An error of Send only says that the stream ended; the reason comes with the answer.
func sendAll(stream grpc.ClientStreamingClient[edgev1.ApplyRequest, edgev1.ApplyResponse], edge id.Edge, update infra.EdgeUpdate) error {
	for m := range messages(edge, update) {
		if stream.Send(m) != nil {
			_, err := stream.CloseAndRecv()
			return applyError(err)
		}
	}
	return nil
}

// messages are those that an update is sent in.
func messages(edge id.Edge, update infra.EdgeUpdate) iter.Seq[*edgev1.ApplyRequest] {
	return func(yield func(*edgev1.ApplyRequest) bool) {
		if !yield(&edgev1.ApplyRequest{Part: &edgev1.ApplyRequest_Header{Header: header(edge, update)}}) {
			return
		}
		for sites := range slices.Chunk(update.Sites, chunk) {
			part := &edgev1.ApplySites{}
			for _, s := range sites {
				part.Sites = append(part.Sites, wireSite(s))
			}
			if !yield(&edgev1.ApplyRequest{Part: &edgev1.ApplyRequest_Sites{Sites: part}}) {
				return
			}
		}
	}
}

func header(edge id.Edge, update infra.EdgeUpdate) *edgev1.ApplyHeader {
	return &edgev1.ApplyHeader{
		EdgeId: string(edge), Whole: update.Whole, Digest: update.Digest,
		Fence:    &edgev1.Fence{Era: update.Fence.Era, Epoch: update.Fence.Epoch, Generation: update.Fence.Generation},
		Removals: operations(update.Removals), Explanations: operations(update.Explanations),
		ConfirmedHold: update.ConfirmedHold, HoldDrift: update.HoldDrift,
	}
}

// operations names the operation behind each site, ordered by site.
func operations(behind map[id.Site]string) (out []*edgev1.Removal) {
	for _, site := range slices.Sorted(maps.Keys(behind)) {
		out = append(out, &edgev1.Removal{SiteId: string(site), OperationId: behind[site]})
	}
	return out
}

// applyError translates the status of an apply. An agent whose nginx is down, whose disk
// takes nothing, or whose workers have not gone can be reached, but proves nothing.
func applyError(err error) error {
	switch rpcerr.Reason(err) {
	case "NGINX_DOWN", "EDGE_DISK_FULL", "EDGE_DISK_FAILED", "EDGE_DRAINING", "EDGE_MEMORY_SHORT", "ROLLBACK_FAILED":
		return &infra.NotProvenError{Message: status.Convert(err).Message()}
	case infra.CodeHeld:
		return held("edge", err)
	case infra.CodeDriftHeld:
		return &infra.DriftError{Message: status.Convert(err).Message()}
	}
	return edgeError(err)
}

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

const (
	previewLimit = 45 * time.Second
	// mostDiffs is how many files one preview may name, and mostDiffText how much
	// text they carry together: what is beyond that is counted only.
	mostDiffs    = 1000
	mostDiffText = 1 << 20
)

// Preview implements infra.EdgeProvider.
func (p *Edges) Preview(ctx context.Context, edge id.Edge, update infra.EdgeUpdate) ([]infra.FileDiff, error) {
	client, err := p.client(ctx, edge)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, previewLimit)
	defer cancel()
	stream, err := client.Preview(ctx)
	if err != nil {
		return nil, edgeError(err)
	}
	for m := range messages(edge, update) {
		if stream.Send(previewed(m)) != nil {
			break // the reason comes with the answer
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, edgeError(err)
	}
	return diffs(stream)
}

// previewed is a message of an apply as one of its preview.
func previewed(m *edgev1.ApplyRequest) *edgev1.PreviewRequest {
	if header := m.GetHeader(); header != nil {
		return &edgev1.PreviewRequest{Part: &edgev1.PreviewRequest_Header{Header: header}}
	}
	return &edgev1.PreviewRequest{Part: &edgev1.PreviewRequest_Sites{Sites: m.GetSites()}}
}

// diffs reads the answer to its end; one that breaks off is none.
func diffs(stream grpc.BidiStreamingClient[edgev1.PreviewRequest, edgev1.PreviewResponse]) (out []infra.FileDiff, err error) {
	text := 0
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, edgeError(err)
		}
		if len(out) == mostDiffs {
			return nil, &infra.UnavailableError{Service: "edge", Err: fmt.Errorf("its preview names more than %d files", mostDiffs)}
		}
		file := part.GetFile()
		diff := infra.FileDiff{
			Path: file.GetPath(), Diff: file.GetDiff(),
			Added: int(file.GetAdded()), Removed: int(file.GetRemoved()), Truncated: file.GetTruncated(),
		}
		if text += len(diff.Diff); text > mostDiffText {
			diff.Diff, diff.Truncated = "", true
		}
		out = append(out, diff)
	}
}

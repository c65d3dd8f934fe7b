package api

import (
	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/apply"
	"github.com/siteplane/siteplane/services/edge-agent/internal/unified"
)

// Preview collects the stream as Apply does, and streams what that would change.
// Of the request it passes on the change alone: nobody's turn is claimed.
func (s *EdgeService) Preview(stream edgev1.EdgeService_PreviewServer) error {
	request, err := receive(s.config.EdgeID, stream.Recv)
	if err != nil {
		return statusOf(err)
	}
	return statusOf(s.config.Preview.Files(stream.Context(), request.Change, func(file apply.FileDiff) error {
		return stream.Send(&edgev1.PreviewResponse{File: &edgev1.FileDiff{
			Path: unified.Harmless(file.Path), Diff: file.Text,
			Added: int32(file.Added), Removed: int32(file.Removed), Truncated: file.Truncated,
		}})
	}))
}

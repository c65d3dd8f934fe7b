package api

import (
	"errors"
	"io"
	"slices"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/apply"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// part is one message of an apply, or of a preview of one.
type part interface {
	GetHeader() *edgev1.ApplyHeader
	GetSites() *edgev1.ApplySites
}

// receive collects a stream: the header, which must name this edge, then sites.
func receive[M part](edgeID string, next func() (M, error)) (apply.Request, error) {
	first, err := next()
	if err != nil && !errors.Is(err, io.EOF) {
		return apply.Request{}, err
	}
	header := first.GetHeader()
	if header == nil {
		return apply.Request{}, &malformedError{Field: "header", Problem: "the first message is not the header"}
	}
	if header.GetEdgeId() != edgeID {
		return apply.Request{}, &wrongEdgeError{Asked: header.GetEdgeId(), Here: edgeID}
	}
	request := requestOf(header)
	for {
		message, err := next()
		if errors.Is(err, io.EOF) {
			return request, nil
		}
		if err != nil {
			return apply.Request{}, err
		}
		if message.GetHeader() != nil {
			return apply.Request{}, &malformedError{Field: "header", Problem: "there is a second header"}
		}
		request.Sites = append(request.Sites, message.GetSites().GetSites()...)
	}
}

// requestOf reads everything but the sites. An explanation without an operation
// explains nothing.
func requestOf(header *edgev1.ApplyHeader) apply.Request {
	request := apply.Request{
		Change:    snapshot.Change{Fence: snapshot.FenceOf(header.GetFence()), Whole: header.GetWhole(), Digest: header.GetDigest()},
		Explained: map[string]bool{}, ConfirmedHold: header.GetConfirmedHold(), HoldDrift: header.GetHoldDrift(),
	}
	for _, removal := range header.GetRemovals() {
		request.Removed = append(request.Removed, removal.GetSiteId())
	}
	for _, removal := range slices.Concat(header.GetRemovals(), header.GetExplanations()) {
		if removal.GetOperationId() != "" {
			request.Explained[removal.GetSiteId()] = true
		}
	}
	return request
}

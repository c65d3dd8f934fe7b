package snapshot

import edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

// Rejection is one site that was sent and not taken over.
type Rejection struct {
	SiteID string
	// Revision that was refused.
	Revision int64
	// Message says why, for whoever owns the site.
	Message string
	// Kept is the revision that is held instead; 0: the site is left out.
	Kept int64
}

// RejectionMessages returns rejections as messages.
func RejectionMessages(rejections []Rejection) []*edgev1.Rejection {
	messages := make([]*edgev1.Rejection, 0, len(rejections))
	for _, r := range rejections {
		messages = append(messages, &edgev1.Rejection{SiteId: r.SiteID, Revision: r.Revision, Message: r.Message, KeptRevision: r.Kept})
	}
	return messages
}

func rejectionsOf(messages []*edgev1.Rejection) []Rejection {
	var rejections []Rejection
	for _, m := range messages {
		rejections = append(rejections, Rejection{SiteID: m.GetSiteId(), Revision: m.GetRevision(), Message: m.GetMessage(), Kept: m.GetKeptRevision()})
	}
	return rejections
}

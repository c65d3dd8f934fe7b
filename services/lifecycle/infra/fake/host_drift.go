package fake

import (
	"slices"
	"strings"

	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// The kinds of drift that a host shows, as edges name them.
const (
	fileChanged = "FILE_CHANGED"
	reloaded    = "RELOADED"
)

// Edit changes a file by hand; the host does not run it until somebody reloads.
func (h *Host) Edit(path string) {
	h.drift(drift.Finding{Kind: fileChanged, Place: path, Detail: "the file has other contents", Cause: "edited by user root (uid 0)"})
}

// EditTo changes a file by hand and says what an edge says of its contents.
func (h *Host) EditTo(path, diff, owner string) {
	h.drift(drift.Finding{
		Kind: fileChanged, Place: path, Detail: "the file has other contents", Cause: "edited by user " + owner, Diff: diff, Owner: owner,
	})
}

// PutBack undoes an Edit by hand.
func (h *Host) PutBack(path string) {
	h.change(func() {
		h.drifts = slices.DeleteFunc(h.drifts, drift.Finding{Kind: fileChanged, Place: path}.Same)
	})
}

// Reload reloads by hand, so that the workers may run anything until the next
// apply, whatever becomes of the files.
func (h *Host) Reload() {
	h.drift(drift.Finding{Kind: reloaded, Detail: "the workers are not those that were ordered", Cause: "somebody else reloaded nginx"})
}

// drift notes what an apply will overwrite, each thing once.
func (h *Host) drift(f drift.Finding) {
	h.change(func() {
		if !slices.ContainsFunc(h.drifts, f.Same) {
			h.drifts = append(h.drifts, f)
		}
	})
}

// heldDrift refuses to overwrite drift, if that is what the caller asks.
func (h *Host) heldDrift(update infra.EdgeUpdate) error {
	if !update.HoldDrift || len(h.drifts) == 0 {
		return nil
	}
	var found []string
	for _, f := range h.drifts {
		found = append(found, strings.TrimSpace(f.Kind+" "+f.Place))
	}
	return &infra.DriftError{Message: strings.Join(found, ", ")}
}

// intact says whether the files are as they were written.
func (h *Host) intact() bool {
	return !slices.ContainsFunc(h.drifts, func(f drift.Finding) bool { return f.Kind == fileChanged })
}

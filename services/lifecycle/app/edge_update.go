package app

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// EdgeChange is what shall be different about an edge; what is nil stays.
type EdgeChange struct {
	Labels *edge.Labels `json:",omitempty"`
	// PublicAddresses are IP addresses.
	PublicAddresses *[]string `json:",omitempty"`
}

// UpdateEdge gives an edge other labels or public addresses. An edge that other
// placements select then is sent everything anew. Errors: *lifecycle.InvalidError,
// *lifecycle.NotFoundError, *lifecycle.PreconditionError for one that was evicted.
func (c *ControlPlane) UpdateEdge(ctx context.Context, by auth.Principal, edgeID id.Edge, change EdgeChange, request RequestID) (EdgeView, error) {
	body := struct {
		EdgeID id.Edge
		Change EdgeChange
	}{edgeID, change}
	change, problems := change.normalize()
	return mutate(ctx, c, ask{by: by, action: "UpdateEdge", request: request, body: body}, func(tx store.Tx, r *record) (EdgeView, error) {
		e, err := tx.GetEdge(ctx, edgeID)
		switch {
		case err != nil:
			return EdgeView{}, err
		case problems.Err() != nil:
			return EdgeView{}, problems.Err()
		case e.Evicted():
			return EdgeView{}, &lifecycle.PreconditionError{Message: "the edge was evicted; it takes no change any more"}
		}
		was, is := e, change.applied(e)
		*r = record{object: string(edgeID), before: auditedEdge(was), after: auditedEdge(is)}
		if !maps.Equal(was.Labels, is.Labels) || !slices.Equal(was.PublicAddresses, is.PublicAddresses) {
			r.event, r.data = event.EdgeUpdated, auditedEdge(is)
		}
		return c.relabel(ctx, tx, was, is)
	})
}

// relabel writes an edge that may have other labels. All edges are looked at: what
// waits for canaries may wait no more.
func (c *ControlPlane) relabel(ctx context.Context, tx store.Tx, was, is edge.Edge) (EdgeView, error) {
	placements, err := tx.ListPlacements(ctx)
	if err != nil {
		return EdgeView{}, err
	}
	is.NeedsWhole = slices.ContainsFunc(placements, func(p edge.Placement) bool {
		return was.Labels.Have(p.EdgeLabels) != is.Labels.Have(p.EdgeLabels)
	})
	if err := tx.DescribeEdge(ctx, is); err != nil {
		return EdgeView{}, err
	}
	if was.Canary() != is.Canary() {
		if err := reconcile.CanaryChanged(ctx, tx, is.ID, c.clock()); err != nil {
			return EdgeView{}, err
		}
	}
	edges, err := tx.ListEdges(ctx)
	if err != nil {
		return EdgeView{}, err
	}
	if !maps.Equal(was.Labels, is.Labels) {
		if err := c.markEdges(ctx, tx, edges); err != nil {
			return EdgeView{}, err
		}
	}
	if is, err = tx.GetEdge(ctx, is.ID); err != nil {
		return EdgeView{}, err
	}
	return viewEdge(ctx, tx, is)
}

// normalize writes addresses in one way, and notes what is wrong.
func (change EdgeChange) normalize() (EdgeChange, lifecycle.Violations) {
	var problems lifecycle.Violations
	if change.Labels == nil && change.PublicAddresses == nil {
		problems.Add("labels", "nothing is to be changed: give labels, public_addresses or both")
	}
	if change.Labels != nil {
		change.Labels.Check(&problems, "labels.labels")
	}
	if change.PublicAddresses != nil {
		var addresses []string
		for _, text := range *change.PublicAddresses {
			address, err := netip.ParseAddr(text)
			if err != nil || address.Zone() != "" {
				problems.Add("public_addresses.addresses", "%q is no IP address", text)
			} else if text = address.Unmap().String(); !slices.Contains(addresses, text) {
				addresses = append(addresses, text)
			}
		}
		change.PublicAddresses = &addresses
	}
	return change, problems
}

// applied is an edge with the change.
func (change EdgeChange) applied(e edge.Edge) edge.Edge {
	if change.Labels != nil {
		e.Labels = *change.Labels
	}
	if change.PublicAddresses != nil {
		e.PublicAddresses = *change.PublicAddresses
	}
	return e
}

// auditEdge is what the audit and events keep of what operators say of an edge.
type auditEdge struct {
	Name            string      `json:"name"`
	Labels          edge.Labels `json:"labels,omitempty"`
	PublicAddresses []string    `json:"public_addresses,omitempty"`
}

func auditedEdge(e edge.Edge) auditEdge {
	return auditEdge{Name: e.Name, Labels: e.Labels, PublicAddresses: e.PublicAddresses}
}

package api

import (
	"context"
	"log/slog"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
)

// infrastructureService implements lifecyclev1.InfrastructureServiceServer.
type infrastructureService struct {
	lifecyclev1.UnimplementedInfrastructureServiceServer

	cp     *app.ControlPlane
	logger *slog.Logger
}

// ListEdges implements the RPC.
func (s *infrastructureService) ListEdges(ctx context.Context, _ *lifecyclev1.ListEdgesRequest) (*lifecyclev1.ListEdgesResponse, error) {
	views, err := s.cp.ListEdges(ctx)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.ListEdgesResponse{}
	for _, view := range views {
		out.Edges = append(out.Edges, wireEdge(view))
	}
	return out, nil
}

// ListTunnels implements the RPC.
func (s *infrastructureService) ListTunnels(ctx context.Context, _ *lifecyclev1.ListTunnelsRequest) (*lifecyclev1.ListTunnelsResponse, error) {
	views, err := s.cp.ListTunnels(ctx)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.ListTunnelsResponse{}
	for _, view := range views {
		out.Tunnels = append(out.Tunnels, wireTunnel(view))
	}
	return out, nil
}

// SetDriftPolicy implements the RPC.
func (s *infrastructureService) SetDriftPolicy(ctx context.Context, req *lifecyclev1.SetDriftPolicyRequest) (*lifecyclev1.SetDriftPolicyResponse, error) {
	if err := s.cp.SetDriftPolicy(ctx, callerOf(ctx), req.GetTargetId(), policyOf(req.GetPolicy()), app.RequestID(req.GetRequestId())); err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.SetDriftPolicyResponse{}, nil
}

// SyncTarget implements the RPC.
func (s *infrastructureService) SyncTarget(ctx context.Context, req *lifecyclev1.SyncTargetRequest) (*lifecyclev1.SyncTargetResponse, error) {
	if err := s.cp.SyncTarget(ctx, callerOf(ctx), req.GetTargetId(), app.RequestID(req.GetRequestId())); err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.SyncTargetResponse{}, nil
}

// ListDrifts implements the RPC.
func (s *infrastructureService) ListDrifts(ctx context.Context, req *lifecyclev1.ListDriftsRequest) (*lifecyclev1.ListDriftsResponse, error) {
	drifts, err := s.cp.ListDrifts(ctx, req.GetAll(), pageSize(req.GetPageSize()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.ListDriftsResponse{}
	for _, d := range drifts {
		out.Drifts = append(out.Drifts, wireDrift(d))
	}
	return out, nil
}

// ListHolds implements the RPC.
func (s *infrastructureService) ListHolds(ctx context.Context, _ *lifecyclev1.ListHoldsRequest) (*lifecyclev1.ListHoldsResponse, error) {
	holds, err := s.cp.ListHolds(ctx)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.ListHoldsResponse{}
	for _, h := range holds {
		out.Holds = append(out.Holds, wireHold(h))
	}
	return out, nil
}

// ConfirmHold implements the RPC.
func (s *infrastructureService) ConfirmHold(ctx context.Context, req *lifecyclev1.ConfirmHoldRequest) (*lifecyclev1.ConfirmHoldResponse, error) {
	h, err := s.cp.ConfirmHold(ctx, callerOf(ctx), req.GetHoldId(), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.ConfirmHoldResponse{Hold: wireHold(h)}, nil
}

func wireEdge(view app.EdgeView) *lifecyclev1.Edge {
	e := view.Edge
	return &lifecyclev1.Edge{
		EdgeId: string(e.ID), Name: e.Name, Address: e.Address, PublicAddresses: e.PublicAddresses,
		Synced: view.Synced, Generation: e.Generation, ProvenGeneration: e.ProvenGeneration, LastSeenTime: wireTime(e.LastSeenAt),
		FaultReason: e.FaultReason, FaultMessage: e.FaultMessage, DriftPolicy: driftPolicies[e.DriftPolicy],
		NginxVersion: e.NginxVersion, Pins: wirePins(view.Pins), OpenDrifts: int32(view.OpenDrifts), Labels: e.Labels,
		State: wireEdgeState(e), JoinTime: wireTime(e.Certificate.JoinedAt), CertificateExpireTime: wireTime(e.Certificate.ExpiresAt),
		EvictTime: wireTime(e.EvictedAt), RendererVersion: e.RendererVersion,
	}
}

func wirePins(pins []edge.Pin) (out []*lifecyclev1.Pin) {
	for _, p := range pins {
		out = append(out, &lifecyclev1.Pin{
			SiteId: string(p.SiteID), Revision: p.Revision, Message: p.Message, CreateTime: wireTime(p.CreatedAt),
		})
	}
	return out
}

func wireTunnel(view app.TunnelView) *lifecyclev1.Tunnel {
	t := view.Tunnel
	return &lifecyclev1.Tunnel{
		TunnelId: string(t.ID), Name: t.Name,
		Synced: view.Synced, Generation: t.Generation, ProvenGeneration: t.ProvenGeneration, LastSeenTime: wireTime(t.LastSeenAt),
		FaultReason: t.FaultReason, FaultMessage: t.FaultMessage, DriftPolicy: driftPolicies[t.DriftPolicy],
		OpenDrifts: int32(view.OpenDrifts),
	}
}

var driftPolicies = map[drift.Policy]lifecyclev1.DriftPolicy{
	drift.Repair: lifecyclev1.DriftPolicy_DRIFT_POLICY_REPAIR,
	drift.Hold:   lifecyclev1.DriftPolicy_DRIFT_POLICY_HOLD,
}

// policyOf reads a policy; the rules of the request leave no other.
func policyOf(w lifecyclev1.DriftPolicy) drift.Policy {
	if w == lifecyclev1.DriftPolicy_DRIFT_POLICY_REPAIR {
		return drift.Repair
	}
	return drift.Hold
}

func wireDrift(d drift.Drift) *lifecyclev1.Drift {
	return &lifecyclev1.Drift{
		DriftId: string(d.ID), TargetId: d.Target.ID, Kind: d.Kind, Place: d.Place, Detail: d.Detail, Cause: d.Cause,
		Since: wireTime(d.Since), Foreign: d.Foreign, FindTime: wireTime(d.FoundAt), CloseTime: wireTime(d.ClosedAt),
		Outcome: string(d.Outcome), Diff: d.Diff, Owner: d.Owner,
	}
}

func wireHold(h hold.Hold) *lifecyclev1.Hold {
	return &lifecyclev1.Hold{
		HoldId: h.ID, TargetKind: string(h.Target.Kind), TargetId: h.Target.ID, Count: int32(h.Count), Held: int32(h.Held),
		Names: h.Names, Since: wireTime(h.Since), ConfirmedBy: h.ConfirmedBy,
	}
}

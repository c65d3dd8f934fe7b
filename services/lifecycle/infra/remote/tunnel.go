package remote

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

const (
	lookupLimit = 15 * time.Second
	// tunnelLimit bounds a whole apply: many calls to a provider that counts them.
	tunnelLimit = 2 * time.Minute
	// observeLimit bounds a look at everything.
	observeLimit = time.Minute
	readLimit    = 30 * time.Second
)

// Tunnel is an infra.TunnelProvider over the tunnel service.
type Tunnel struct {
	client tunnelv1.TunnelServiceClient
}

var _ infra.TunnelProvider = (*Tunnel)(nil)

// NewTunnel returns a provider on a connection.
func NewTunnel(conn grpc.ClientConnInterface) *Tunnel {
	return &Tunnel{client: tunnelv1.NewTunnelServiceClient(conn)}
}

// LookupZone implements infra.TunnelProvider.
func (t *Tunnel) LookupZone(ctx context.Context, hostname string) (infra.ZoneAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	answer, err := t.client.LookupZone(ctx, &tunnelv1.LookupZoneRequest{Hostname: hostname})
	if err != nil {
		return infra.ZoneAnswer{}, tunnelError(err)
	}
	return infra.ZoneAnswer{
		Found: answer.GetZone() != nil, ZoneID: answer.GetZone().GetZoneId(), ZoneName: answer.GetZone().GetName(),
		Backend: answer.GetBackend(), CustomHostnameTarget: answer.GetCustomHostnameTarget(),
	}, nil
}

// Apply implements infra.TunnelProvider. An answer about something else than what
// was sent proves nothing.
func (t *Tunnel) Apply(ctx context.Context, update infra.TunnelUpdate) (infra.TunnelProof, error) {
	ctx, cancel := context.WithTimeout(ctx, tunnelLimit)
	defer cancel()
	answer, err := t.client.Apply(ctx, applyRequest(update))
	if err != nil {
		return infra.TunnelProof{}, tunnelError(err)
	}
	if got := fenceOf(answer.GetFence()); got != update.Fence || answer.GetDigest() != update.Digest {
		return infra.TunnelProof{}, &infra.UnavailableError{Service: "tunnel", Err: fmt.Errorf(
			"it answers with fence %v and digest %.12s, sent were %v and %.12s", got, answer.GetDigest(), update.Fence, update.Digest)}
	}
	return infra.TunnelProof{
		Generation: answer.GetFence().GetGeneration(), Digest: answer.GetDigest(),
		ConfigVersion: answer.GetConfigVersion(), Writes: int(answer.GetWrites()), Changed: answer.GetChanged(),
		Blocked: blocked(answer.GetProblems()),
	}, nil
}

func applyRequest(update infra.TunnelUpdate) *tunnelv1.ApplyRequest {
	req := &tunnelv1.ApplyRequest{
		InstallationId: update.Installation, Digest: update.Digest, Routes: wireRoutes(update.Routes), ConfirmedHold: update.ConfirmedHold,
		Fence: &tunnelv1.Fence{Era: update.Fence.Era, Epoch: update.Fence.Epoch, Generation: update.Fence.Generation},
	}
	for _, hostname := range slices.Sorted(maps.Keys(update.Removals)) {
		req.Removals = append(req.Removals, &tunnelv1.Removal{Hostname: hostname, OperationId: update.Removals[hostname]})
	}
	return req
}

func fenceOf(f *tunnelv1.Fence) infra.Fence {
	return infra.Fence{Era: f.GetEra(), Epoch: f.GetEpoch(), Generation: f.GetGeneration()}
}

func blocked(problems []*tunnelv1.RouteProblem) map[string]infra.Diagnosis {
	if len(problems) == 0 {
		return nil
	}
	out := map[string]infra.Diagnosis{}
	for _, p := range problems {
		out[p.GetHostname()] = diagnosis(p.GetDiagnosis())
	}
	return out
}

// Observe implements infra.TunnelProvider.
func (t *Tunnel) Observe(ctx context.Context, installation string, routes []desired.TunnelRoute) ([]drift.Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, observeLimit)
	defer cancel()
	answer, err := t.client.Observe(ctx, &tunnelv1.ObserveRequest{InstallationId: installation, Routes: wireRoutes(routes)})
	if err != nil {
		return nil, tunnelError(err)
	}
	return tunnelDrifts(answer.GetDrifts()), nil
}

// ReadRoute implements infra.TunnelProvider.
func (t *Tunnel) ReadRoute(ctx context.Context, installation string, route desired.TunnelRoute) (infra.RouteReading, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	answer, err := t.client.ReadRoute(ctx, &tunnelv1.ReadRouteRequest{InstallationId: installation, Route: wireRoute(route)})
	if err != nil {
		return infra.RouteReading{}, tunnelError(err)
	}
	state, known := routeStates[answer.GetState()]
	if !known {
		return infra.RouteReading{}, &infra.UnavailableError{Service: "tunnel", Err: fmt.Errorf("it answers with the state %v", answer.GetState())}
	}
	return infra.RouteReading{
		State: state, Seen: answer.GetObserved(),
		Diagnoses: diagnoses(answer.GetDiagnoses()), Records: preparations(answer.GetRecords()),
	}, nil
}

// routeStates translates states; one that is not here says nothing.
var routeStates = map[tunnelv1.RouteState]infra.RouteState{
	tunnelv1.RouteState_ROUTE_STATE_READY:   infra.RouteReady,
	tunnelv1.RouteState_ROUTE_STATE_PARTIAL: infra.RoutePartial,
	tunnelv1.RouteState_ROUTE_STATE_ABSENT:  infra.RouteAbsent,
}

// routeKinds translates kinds of routes.
var routeKinds = map[desired.RouteKind]tunnelv1.RouteKind{
	desired.ByRecord:         tunnelv1.RouteKind_ROUTE_KIND_RECORD,
	desired.ByCustomHostname: tunnelv1.RouteKind_ROUTE_KIND_CUSTOM_HOSTNAME,
}

func wireRoutes(routes []desired.TunnelRoute) (out []*tunnelv1.Route) {
	for _, r := range routes {
		out = append(out, wireRoute(r))
	}
	return out
}

func wireRoute(r desired.TunnelRoute) *tunnelv1.Route {
	return &tunnelv1.Route{Hostname: r.Hostname, Kind: routeKinds[r.Kind], ZoneId: r.ZoneID}
}

func preparations(wire []*tunnelv1.Record) []network.Instruction {
	var out []network.Instruction
	for _, r := range wire {
		out = append(out, network.Instruction{
			Purpose: network.Preparation, Type: r.GetType(), Name: r.GetName(), Value: r.GetValue(), Note: r.GetPurpose(),
		})
	}
	return out
}

// tunnelError translates a status to the error that package infra promises.
func tunnelError(err error) error {
	reason := rpcerr.Reason(err)
	switch status.Code(err) {
	case codes.Aborted:
		if reason == "STALE_FENCE" {
			return infra.ErrStaleFence
		}
	case codes.FailedPrecondition:
		if reason == infra.CodeHeld {
			return held("tunnel", err)
		}
		if diagnosisv1.Code_value[codePrefix+reason] != 0 {
			return refused(reason, err)
		}
	}
	return unavailable("tunnel", err)
}

func refused(code string, err error) error {
	d := infra.Diagnosis{Code: code, Actor: condition.Operator, Summary: status.Convert(err).Message()}
	if fix := rpcerr.MetadataOf(err)["fix"]; fix != "" {
		d.Fix = []string{fix}
	}
	return &infra.RefusedError{Diagnosis: d}
}

package api

import (
	"strings"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"

	"github.com/siteplane/siteplane/services/tunnel/internal/diagnosis"
	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

func snapshotOf(request *tunnelv1.ApplyRequest) route.Snapshot {
	f := request.GetFence()
	snapshot := route.Snapshot{
		Fence:          fence.Fence{Era: f.GetEra(), Epoch: f.GetEpoch(), Generation: f.GetGeneration()},
		InstallationID: request.GetInstallationId(), Digest: request.GetDigest(),
		Routes: routesOf(request.GetRoutes()), ConfirmedHold: request.GetConfirmedHold(),
	}
	for _, r := range request.GetRemovals() {
		snapshot.Removals = append(snapshot.Removals, route.Removal{Hostname: r.GetHostname(), OperationID: r.GetOperationId()})
	}
	return snapshot
}

func routesOf(routes []*tunnelv1.Route) (out []route.Route) {
	for _, r := range routes {
		out = append(out, routeOf(r))
	}
	return out
}

func routeOf(r *tunnelv1.Route) route.Route {
	w := route.Route{Hostname: r.GetHostname(), ZoneID: r.GetZoneId()}
	switch r.GetKind() {
	case tunnelv1.RouteKind_ROUTE_KIND_RECORD:
		w.Kind = route.KindRecord
	case tunnelv1.RouteKind_ROUTE_KIND_CUSTOM_HOSTNAME:
		w.Kind = route.KindCustomHostname
	}
	return w
}

func applyResponse(request *tunnelv1.ApplyRequest, result route.Result) *tunnelv1.ApplyResponse {
	response := &tunnelv1.ApplyResponse{
		Fence: request.GetFence(), Digest: request.GetDigest(),
		ConfigVersion: result.ConfigVersion, Writes: int32(result.Writes), Changed: texts(result.Changed),
	}
	for _, p := range result.Problems {
		response.Problems = append(response.Problems, &tunnelv1.RouteProblem{
			Hostname: p.Hostname, Diagnosis: diagnosisProto(p.Diagnosis),
		})
	}
	return response
}

func readResponse(reading route.Reading) *tunnelv1.ReadRouteResponse {
	response := &tunnelv1.ReadRouteResponse{
		State: states[reading.State], Observed: texts(reading.Observed), ConfigVersion: reading.ConfigVersion,
	}
	for _, d := range reading.Diagnoses {
		response.Diagnoses = append(response.Diagnoses, diagnosisProto(d))
	}
	for _, r := range reading.Records {
		response.Records = append(response.Records, &tunnelv1.Record{
			Type: text(r.Type), Name: text(r.Name), Value: text(r.Value), Purpose: r.Purpose,
		})
	}
	return response
}

var states = map[route.State]tunnelv1.RouteState{
	route.Ready:   tunnelv1.RouteState_ROUTE_STATE_READY,
	route.Partial: tunnelv1.RouteState_ROUTE_STATE_PARTIAL,
	route.Absent:  tunnelv1.RouteState_ROUTE_STATE_ABSENT,
}

var actors = map[diagnosis.Actor]diagnosisv1.Actor{
	diagnosis.Tenant:     diagnosisv1.Actor_ACTOR_TENANT,
	diagnosis.Operator:   diagnosisv1.Actor_ACTOR_OPERATOR,
	diagnosis.Cloudflare: diagnosisv1.Actor_ACTOR_CLOUDFLARE,
	diagnosis.Nobody:     diagnosisv1.Actor_ACTOR_NOBODY,
}

func diagnosisProto(d diagnosis.Diagnosis) *diagnosisv1.Diagnosis {
	severity := diagnosisv1.Severity_SEVERITY_ERROR
	if d.Minor {
		severity = diagnosisv1.Severity_SEVERITY_WARN
	}
	return &diagnosisv1.Diagnosis{
		Code: diagnosisv1.Code(diagnosisv1.Code_value["CODE_"+string(d.Code)]), Severity: severity, Actor: actors[d.Actor],
		Summary: text(d.Summary), Expected: texts(d.Expected), Observed: texts(d.Observed), Fix: texts(d.Fix),
	}
}

// text makes what others sent us fit for protobuf.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func texts(all []string) []string {
	out := make([]string, 0, len(all))
	for _, s := range all {
		out = append(out, text(s))
	}
	return out
}

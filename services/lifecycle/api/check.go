package api

import (
	"context"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/monitor"
)

// RunChecks implements the RPC.
func (s *infrastructureService) RunChecks(ctx context.Context, req *lifecyclev1.RunChecksRequest) (*lifecyclev1.RunChecksResponse, error) {
	report, err := s.cp.RunChecks(ctx, req.GetAll(), int(req.GetPageSize()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.RunChecksResponse{}
	for _, result := range report.Results {
		out.Checks = append(out.Checks, wireCheck(result))
	}
	return out, nil
}

func wireCheck(r monitor.Result) *lifecyclev1.Check {
	out := &lifecyclev1.Check{
		MonitorId: string(r.Monitor.ID), Name: r.Monitor.Name, Says: r.Monitor.Says, Severity: severities[r.Monitor.Severity],
		Remedy: r.Monitor.Remedy, Applies: r.Applies, Count: int64(r.Count),
	}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, &lifecyclev1.Finding{
			ObjectId: f.ObjectID, TenantId: f.TenantID, Detail: f.Detail, Since: wireTime(f.Since),
		})
	}
	return out
}

var severities = map[monitor.Severity]lifecyclev1.Severity{
	monitor.Warning:  lifecyclev1.Severity_SEVERITY_WARNING,
	monitor.Critical: lifecyclev1.Severity_SEVERITY_CRITICAL,
}

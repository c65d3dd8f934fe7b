package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	// fewFindings is how many findings of one monitor are shown if nobody says.
	fewFindings = 10
	// thoroughTimeout bounds a call that reads the whole history.
	thoroughTimeout = 5 * time.Minute
)

// doctor is the command that has the monitors look at the database.
func (a *app) doctor() *cobra.Command {
	request := &lifecyclev1.RunChecksRequest{}
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Look in the database for what must never be there (platform admins)",
		Long: "Look in the database for what must never be there, and say what to do about it. It changes\n" +
			"nothing. The exit code is 0 when nothing was found, and 12 when something was.",
		Args: Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			limit := callTimeout
			if request.GetAll() {
				limit = thoroughTimeout
			}
			answer, err := call(command.Context(), s, limit, s.infrastructure.RunChecks, request)
			if err != nil {
				return err
			}
			view := &doctorView{checks: answer.GetChecks(), now: a.deps.Now()}
			if err := a.print(command, view); err != nil {
				return err
			}
			return view.verdict()
		}),
	}
	command.Flags().BoolVar(&request.All, "all", false, "read the whole history, not the newest 10000 rows")
	command.Flags().Int32Var(&request.PageSize, "limit", fewFindings, "show the oldest `N` findings of each monitor, 1000 at most")
	return command
}

// foundError says that monitors found something.
type foundError struct {
	findings int64
	names    []string
}

func (e *foundError) Error() string {
	return fmt.Sprintf("%d found by %s", e.findings, strings.Join(e.names, ", "))
}

func (e *foundError) exitCode() int { return ExitFound }

func (e *foundError) problem() problem {
	return problem{text: e.Error(), next: "do what is said below each; docs/doctor.md says more"}
}

// doctorView shows monitors as one table with what they found, or one JSON object.
type doctorView struct {
	checks []*lifecyclev1.Check
	now    time.Time
}

func (v *doctorView) json() (json.RawMessage, error) { return listJSON("checks", v.checks) }

// verdict is a *foundError when something was found, else nil.
func (v *doctorView) verdict() error {
	found := &foundError{}
	for _, check := range v.checks {
		if check.GetCount() > 0 {
			found.findings += check.GetCount()
			found.names = append(found.names, check.GetName())
		}
	}
	if found.findings == 0 {
		return nil
	}
	return found
}

func (v *doctorView) write(p *page) {
	rows := [][]string{{"ID", "MONITOR", "STATE", "FOUND", "SINCE", "FIRST"}}
	for _, check := range v.checks {
		row := []string{check.GetMonitorId(), check.GetName(), checkState(check), "", "", ""}
		if check.GetApplies() {
			row[3] = fmt.Sprint(check.GetCount())
		}
		if findings := check.GetFindings(); len(findings) > 0 {
			row[4], row[5] = age(findings[0].GetSince(), v.now), shorten(findings[0].GetDetail(), detailLength)
		}
		rows = append(rows, row)
	}
	p.table(rows...)
	for _, check := range v.checks {
		v.writeFindings(p, check)
	}
}

// checkState is "ok", or how bad what was found is.
func checkState(check *lifecyclev1.Check) string {
	switch {
	case !check.GetApplies():
		return notApplicable
	case check.GetCount() == 0:
		return wellState
	}
	return severity(check.GetSeverity())
}

// writeFindings adds what a monitor found and what to do about it.
func (v *doctorView) writeFindings(p *page, check *lifecyclev1.Check) {
	if check.GetCount() == 0 {
		return
	}
	p.blank()
	p.printf("%s %s: %s", check.GetMonitorId(), check.GetName(), check.GetSays())
	for _, finding := range check.GetFindings() {
		whose := finding.GetObjectId()
		if finding.GetTenantId() != "" {
			whose += " of " + finding.GetTenantId()
		}
		if finding.GetSince() != nil {
			whose += ", since " + moment(finding.GetSince(), v.now)
		}
		p.printf("  %s", whose)
		p.printf("    %s", finding.GetDetail())
	}
	if rest := check.GetCount() - int64(len(check.GetFindings())); rest > 0 {
		p.printf("  and %d more; --limit shows up to 1000", rest)
	}
	p.printf("  do: %s", check.GetRemedy())
}

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// hostTimeout bounds a call that asks the host of an edge.
const hostTimeout = 30 * time.Second

func lookAtEdge(ctx context.Context, s *session, one *lifecyclev1.Edge) (*lifecyclev1.Edge, *hostView, error) {
	found, err := call(ctx, s, hostTimeout, s.infrastructure.GetEdge, &lifecyclev1.GetEdgeRequest{EdgeId: one.GetEdgeId()})
	if err != nil {
		return nil, nil, err
	}
	return found.GetEdge(), &hostView{look: found.GetLook()}, nil
}

// edgeState is "joined" or "evicted".
func edgeState(one *lifecyclev1.Edge) string {
	return strings.ToLower(strings.TrimPrefix(one.GetState().String(), "EDGE_STATE_"))
}

// certificateLine says until when the certificate holds.
func certificateLine(one *lifecyclev1.Edge, now time.Time) string {
	ends := one.GetCertificateExpireTime()
	switch {
	case ends == nil:
		return "made by hand"
	case !ends.AsTime().After(now):
		return "ended " + moment(ends, now)
	}
	return fmt.Sprintf("ends %s (%s), and is renewed before that", ends.AsTime().Format(time.RFC3339), until(ends, now))
}

// hostView shows what the agent of an edge says of its host. The nil view shows
// nothing, as does one of a host that is not asked any more.
type hostView struct{ look *lifecyclev1.EdgeLook }

func (v *hostView) json() (json.RawMessage, error) {
	if v.look == nil {
		return json.RawMessage("null"), nil
	}
	return protoJSON(v.look)
}

// facts are the rows of the table.
func (v *hostView) facts() [][]string {
	if v == nil || v.look == nil {
		return nil
	}
	if v.look.GetUnreachable() != "" {
		return [][]string{{"Host", "does not answer: " + v.look.GetUnreachable()}}
	}
	facts := [][]string{
		{"Runs", runsLine(v.look)},
		{"Sites", fmt.Sprint(v.look.GetSiteCount())},
		{"Tests", sandboxLine(v.look)},
	}
	if draining := v.look.GetDrainingWorkers(); draining > 0 {
		facts = append(facts, []string{"Draining", fmt.Sprintf("%d workers of former generations still serve long requests", draining)})
	}
	if v.look.GetLastError() != "" {
		facts = append(facts, []string{"Last error", v.look.GetLastError()})
	}
	return facts
}

func runsLine(look *lifecyclev1.EdgeLook) string {
	switch {
	case look.GetRunningGeneration() == 0:
		return "nothing that was sent"
	case !look.GetIntact():
		return fmt.Sprintf("generation %d; files or workers are not what was applied", look.GetRunningGeneration())
	}
	return fmt.Sprintf("generation %d, as it was applied", look.GetRunningGeneration())
}

// sandboxLine says how configurations are tested.
func sandboxLine(look *lifecyclev1.EdgeLook) string {
	line := "in a sandbox"
	if look.GetSandboxUser() != "" {
		line += " as user " + look.GetSandboxUser()
	}
	if look.GetSandboxMissing() != "" {
		line += "; missing: " + look.GetSandboxMissing()
	}
	return line
}

// write adds what is no fact of one line.
func (v *hostView) write(p *page, now time.Time) {
	if v == nil || v.look == nil {
		return
	}
	if notices := v.look.GetNotices(); len(notices) > 0 {
		p.blank()
		p.printf("To know")
		for _, notice := range notices {
			p.printf("  %s", notice)
		}
	}
	if incidents := v.look.GetIncidents(); len(incidents) > 0 {
		rows := [][]string{{"AGE", "KIND", "WHAT WAS FOUND AND DONE"}}
		for _, incident := range incidents {
			rows = append(rows, []string{age(incident.GetTime(), now), incident.GetKind(), incident.GetDetail()})
		}
		p.blank()
		p.printf("What happened to its nginx lately")
		p.table(rows...)
	}
}

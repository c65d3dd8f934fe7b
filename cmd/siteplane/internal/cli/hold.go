package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// hold is the command group for what the shrink guard holds back.
func (a *app) hold() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "hold",
		Short: "See what the shrink guard holds back, and let it pass (platform admins)",
		Long: "See what the shrink guard holds back, and let it pass. A change that would take away many\n" +
			"names which no operation explains waits until somebody has looked at it.",
	})
	command.AddCommand(a.holdList(), a.holdConfirm())
	return command
}

func (a *app) holdList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the holds and the names that would go, oldest first",
		Args:  Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			list, err := call(command.Context(), s, callTimeout, s.infrastructure.ListHolds, &lifecyclev1.ListHoldsRequest{})
			if err != nil {
				return err
			}
			if slices.ContainsFunc(list.GetHolds(), func(h *lifecyclev1.Hold) bool { return h.GetConfirmedBy() == "" }) {
				hint(command, "where the names shall go, let them with: siteplane hold confirm HOLD")
			}
			return a.print(command, &holdListView{holds: list.GetHolds(), now: a.deps.Now()})
		}),
	}
}

func (a *app) holdConfirm() *cobra.Command {
	command := &cobra.Command{
		Use:   "confirm HOLD",
		Short: "Let one hold pass: exactly the names that it counts may go",
		Args:  exactly("HOLD"),
	}
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		confirmed, err := change(command.Context(), s, s.infrastructure.ConfirmHold, &lifecyclev1.ConfirmHoldRequest{HoldId: args[0]})
		if err != nil {
			return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, "`siteplane hold list` shows what is held")
		}
		hint(command, "it passes at the next look; `siteplane hold list` shows when it is gone")
		return a.print(command, &holdView{hold: confirmed.GetHold(), now: a.deps.Now()})
	})
}

// holdListView shows holds as one table and their names, or one JSON object.
type holdListView struct {
	holds []*lifecyclev1.Hold
	now   time.Time
}

func (v *holdListView) json() (json.RawMessage, error) { return listJSON("holds", v.holds) }

func (v *holdListView) write(p *page) {
	rows := [][]string{{"ID", "TARGET", "WOULD GO", "AGE", "CONFIRMED BY"}}
	for _, hold := range v.holds {
		rows = append(rows, []string{
			hold.GetHoldId(), holdTarget(hold), wouldGo(hold), age(hold.GetSince(), v.now), hold.GetConfirmedBy(),
		})
	}
	p.table(rows...)
	for _, hold := range v.holds {
		p.blank()
		p.printf("Names of %s", hold.GetHoldId())
		writeNames(p, hold)
	}
}

// holdView shows one hold.
type holdView struct {
	hold *lifecyclev1.Hold
	now  time.Time
}

func (v *holdView) json() (json.RawMessage, error) { return protoJSON(v.hold) }

func (v *holdView) write(p *page) {
	p.table(
		[]string{"ID", v.hold.GetHoldId()},
		[]string{"Target", holdTarget(v.hold)},
		[]string{"Would go", wouldGo(v.hold)},
		[]string{"Since", moment(v.hold.GetSince(), v.now)},
		[]string{"Confirmed by", v.hold.GetConfirmedBy()},
	)
	p.blank()
	p.printf("Names")
	writeNames(p, v.hold)
}

// holdTarget is what a hold is for. One without a target of its own is for domains
// whose DNS has left us.
func holdTarget(hold *lifecyclev1.Hold) string {
	if hold.GetTargetId() == "" {
		return hold.GetTargetKind()
	}
	return hold.GetTargetId()
}

func wouldGo(hold *lifecyclev1.Hold) string {
	return fmt.Sprintf("%d of %d names", hold.GetCount(), hold.GetHeld())
}

func writeNames(p *page, hold *lifecyclev1.Hold) {
	for _, name := range hold.GetNames() {
		p.printf("  %s", name)
	}
	if rest := int(hold.GetCount()) - len(hold.GetNames()); rest > 0 {
		p.printf("  and %d more", rest)
	}
}

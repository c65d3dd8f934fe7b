package cli

import (
	"errors"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func (a *app) edgeLabel() *cobra.Command {
	var changes labelChanges
	command := &cobra.Command{
		Use:   "label EDGE KEY=VALUE|KEY-...",
		Short: "Give an edge labels, or take them off: placements select edges by them",
		Long: "Give an edge labels with KEY=VALUE, and take them off with KEY-. The others stay. Placements\n" +
			"select edges by their labels: sites come to the edge at once, and those that have no place there\n" +
			"any more go; many that go are held until `siteplane hold confirm`. canary=true makes it a canary,\n" +
			"which is sent each new revision before the others.",
		Example: "  siteplane edge label frankfurt region=eu canary=true\n" +
			"  siteplane edge label frankfurt canary-",
		Args: Args(func(_ *cobra.Command, args []string) (err error) {
			if len(args) < 2 {
				return errors.New("needs one EDGE, and then labels")
			}
			changes, err = parseLabelChanges(args[1:])
			return err
		}),
	}
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		one, err := edges().find(command.Context(), s, args[0])
		if err != nil {
			return err
		}
		return a.updateEdge(command, s, &lifecyclev1.UpdateEdgeRequest{
			EdgeId: one.GetEdgeId(), Labels: &lifecyclev1.EdgeLabels{Labels: changes.appliedTo(one.GetLabels())},
		})
	})
}

func (a *app) edgeUpdate() *cobra.Command {
	var addresses []string
	none := false
	command := &cobra.Command{
		Use:   "update EDGE",
		Short: "Say at which addresses visitors reach an edge",
		Long: "Say at which addresses visitors reach an edge. They are what tenants point their names to, and\n" +
			"what DNS is checked against.",
		Example: "  siteplane edge update frankfurt --public-address 203.0.113.7 --public-address 2001:db8::7",
		Args:    exactly("EDGE"),
		PreRunE: func(*cobra.Command, []string) error {
			if none == (len(addresses) > 0) {
				return &usageError{errors.New("give either --public-address or --no-public-address")}
			}
			return nil
		},
	}
	command.Flags().StringSliceVar(&addresses, "public-address", nil, "`IP` of the edge, in place of those that it has; repeat for more")
	command.Flags().BoolVar(&none, "no-public-address", false, "visitors reach it at no address")
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		one, err := edges().find(command.Context(), s, args[0])
		if err != nil {
			return err
		}
		return a.updateEdge(command, s, &lifecyclev1.UpdateEdgeRequest{
			EdgeId: one.GetEdgeId(), PublicAddresses: &lifecyclev1.EdgeAddresses{Addresses: addresses},
		})
	})
}

// updateEdge changes an edge and shows it as it is then.
func (a *app) updateEdge(command *cobra.Command, s *session, request *lifecyclev1.UpdateEdgeRequest) error {
	if _, err := change(command.Context(), s, s.infrastructure.UpdateEdge, request); err != nil {
		return err
	}
	return edges().show(a, command, s, request.GetEdgeId())
}

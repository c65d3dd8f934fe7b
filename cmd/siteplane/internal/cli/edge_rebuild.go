package cli

import (
	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func (a *app) edgeRebuild() *cobra.Command {
	command := &cobra.Command{
		Use:   "rebuild EDGE",
		Short: "Have everything derived anew and sent to an edge as a whole",
		Long: "Have everything derived anew and sent to an edge as a whole. The same wish gives the same files,\n" +
			"byte for byte. `siteplane edge preview` shows before what will change.",
		Args: exactly("EDGE"),
	}
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		one, err := edges().find(command.Context(), s, args[0])
		if err != nil {
			return err
		}
		if _, err := change(command.Context(), s, s.infrastructure.RebuildEdge, &lifecyclev1.RebuildEdgeRequest{EdgeId: one.GetEdgeId()}); err != nil {
			return err
		}
		hint(command, "it is made anew now; see what came of it with: siteplane edge get %s", one.GetName())
		return edges().show(a, command, s, one.GetEdgeId())
	})
}

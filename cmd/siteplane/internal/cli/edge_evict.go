package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func (a *app) edgeEvict() *cobra.Command {
	yes := false
	command := &cobra.Command{
		Use:   "evict EDGE",
		Short: "End the part of an edge in the installation, for good",
		Long: "End the part of an edge in the installation, for good. Its connections are closed within seconds,\n" +
			"its certificate is not renewed, its addresses count no more, and nothing waits for it. nginx there\n" +
			"goes on with what it had until somebody stops it: take its addresses out of DNS first. The host may\n" +
			"join again as another edge (`siteplane edge token`).",
		Example: "  siteplane edge evict fra1\n  siteplane edge evict edge_01h455vb4pex5vsknk084sn02q --yes",
		Args:    exactly("EDGE"),
	}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		one, err := edges().find(command.Context(), s, args[0])
		if err != nil {
			return err
		}
		question := fmt.Sprintf("Evict %s (%s)? It is sent nothing any more, and never comes back under this id.", one.GetName(), one.GetEdgeId())
		if err := confirm(command, yes, question); err != nil {
			return err
		}
		if _, err := change(command.Context(), s, s.infrastructure.EvictEdge, &lifecyclev1.EvictEdgeRequest{EdgeId: one.GetEdgeId()}); err != nil {
			return err
		}
		hint(command, "nginx on that host goes on with what it had; stop it there, with its agent")
		return edges().show(a, command, s, one.GetEdgeId())
	})
}

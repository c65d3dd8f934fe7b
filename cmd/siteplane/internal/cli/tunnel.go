package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// tunnel is the command group for tunnels.
func (a *app) tunnel() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "tunnel",
		Short: "See what the tunnels have proved, and how they drifted (platform admins)",
		Long:  "See what the tunnels have proved, and how they drifted. TUNNEL is a tunnel's id or its name.",
	})
	command.AddCommand(tunnels().commands(a)...)
	return command
}

func tunnels() *targetKind[*lifecyclev1.Tunnel] {
	return &targetKind[*lifecyclev1.Tunnel]{
		name: "tunnel", argument: "TUNNEL", id: (*lifecyclev1.Tunnel).GetTunnelId,
		list: func(ctx context.Context, s *session) ([]*lifecyclev1.Tunnel, error) {
			list, err := call(ctx, s, callTimeout, s.infrastructure.ListTunnels, &lifecyclev1.ListTunnelsRequest{})
			return list.GetTunnels(), err
		},
		facts: func(*lifecyclev1.Tunnel, time.Time) [][]string { return nil },
	}
}

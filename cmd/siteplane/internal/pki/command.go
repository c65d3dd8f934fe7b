package pki

import (
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
)

// Command returns `siteplane pki`.
func Command() *cobra.Command {
	command := cli.Group(&cobra.Command{
		Use:   "pki",
		Short: "Make the certificates of services that run apart",
	})
	command.AddCommand(initCommand())
	return command
}

func initCommand() *cobra.Command {
	cfg := Config{
		TrustDomain: "siteplane.local",
		Lifetime:    365 * 24 * time.Hour,
	}
	command := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a CA and a folder with certificate and key for each service",
		Long: "Make a CA and, for each service and each edge, a folder with its certificate, its key\n" +
			"and the CA's certificate. What exists is kept: run it again to add an edge. With --renew\n" +
			"all certificates are made anew, ids and CA stay; running services take them by themselves.\n\n" +
			"Keep DIR on one safe host. `siteplane up` needs none of this.",
		Example: "  siteplane pki init pki --edge fra1 --edge fra2 --public-name api.example.com",
		Args:    cli.Args(cobra.ExactArgs(1)),
		RunE: func(command *cobra.Command, args []string) error {
			cfg.Dir = filepath.Clean(args[0])
			return Init(cfg, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringSliceVar(&cfg.Edges, "edge", nil, "`NAME` of a host with nginx; its id is made and printed; may be repeated")
	flags.StringSliceVar(&cfg.PublicNames, "public-name", nil, "host `NAME` or IP address at which callers reach lifecycle; may be repeated (default localhost and its addresses)")
	flags.StringVar(&cfg.TrustDomain, "trust-domain", cfg.TrustDomain, "name of the installation in every certificate; cannot be changed later")
	flags.DurationVar(&cfg.Lifetime, "lifetime", cfg.Lifetime, "how long each certificate is valid; the CA is valid for ten years")
	flags.BoolVar(&cfg.Renew, "renew", false, "make all certificates anew")
	return command
}

package up

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	edgeagent "github.com/siteplane/siteplane/services/edge-agent/app"
)

// Command returns `siteplane up`.
func Command() *cobra.Command {
	cfg := Defaults()
	return commandOf(&cfg)
}

// commandOf returns the command that fills a configuration and runs it.
func commandOf(cfg *Config) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run a whole installation on this host",
		Long: "Run lifecycle, edge agent, tunnel and DNS validator in one process, with a\n" +
			"simulated DNS, and with an embedded database unless --database leads to another one.\n" +
			"It makes what is missing, prints where everything is, and runs until it is\n" +
			"interrupted. nginx keeps serving; `siteplane down` stops it.\n\n" +
			"Each flag can be given as an environment variable: --data-dir as SITEPLANE_DATA_DIR.",
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			signal.Ignore(syscall.SIGPIPE) // a reader of the output that goes away stops nothing
			suitTerminal(cmd, cfg, term.IsTerminal(int(os.Stderr.Fd())))
			return Run(cmd.Context(), *cfg, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	dataDirFlag(cmd, cfg)
	flags.StringVar((*string)(&cfg.Database), "database", "", "`FILE|URL` of the database: an SQLite file, or postgres://USER@HOST:PORT/NAME, whose password is better given by PGPASSWORD or PGPASSFILE (default siteplane.db in the data directory)")
	flags.IntVar(&cfg.PortBase, "port-base", cfg.PortBase, "REST port; the others follow: gRPC +1, admin +2, nginx +8, DNS -27")
	flags.StringSliceVar(&cfg.EdgeAddresses, "edge-address", cfg.EdgeAddresses, "addresses at which visitors reach the edge; nginx listens on the first")
	flags.StringVar(&cfg.ListenEnrolment, "listen-enrolment", cfg.ListenEnrolment, "`HOST:PORT` where other hosts become edges, with a token of 'siteplane edge token'; they must reach it (default nowhere)")
	flags.StringVar(&cfg.NginxBin, "nginx-bin", cfg.NginxBin, "nginx, as a name or a path")
	flags.StringVar(&cfg.ProbePolicy, "probe-policy", cfg.ProbePolicy, "how ACTIVE is proved: public, edge or off")
	flags.StringVar(&cfg.OTLPEndpoint, "otlp-endpoint", cfg.OTLPEndpoint, "where traces go, host:port over gRPC; empty for nowhere")
	flags.StringVar(&cfg.LogFormat, "log-format", cfg.LogFormat, "json or text (default text on a terminal, else json)")
	flags.Lookup("log-format").DefValue = ""
	flags.TextVar(&cfg.LogLevel, "log-level", slog.LevelInfo, "debug, info, warn or error; on a terminal warn unless given")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd) }
	return cmd
}

// suitTerminal chooses what was not: on a terminal a log for people, and little of it,
// for where everything is would drown in the rest.
func suitTerminal(cmd *cobra.Command, cfg *Config, terminal bool) {
	if !terminal && !cmd.Flags().Changed("log-format") {
		cfg.LogFormat = "json"
	}
	if terminal && !cmd.Flags().Changed("log-level") {
		cfg.LogLevel = slog.LevelWarn
	}
}

// DownCommand returns `siteplane down`.
func DownCommand() *cobra.Command {
	cfg := Defaults()
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the nginx that `siteplane up` left serving",
		Args:  cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Down(cmd.Context(), cfg)
		},
	}
	dataDirFlag(cmd, &cfg)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd) }
	return cmd
}

// Down stops the nginx of an installation that does not run.
func Down(ctx context.Context, cfg Config) (err error) {
	if cfg.DataDir, err = filepath.Abs(cfg.DataDir); err != nil {
		return fmt.Errorf("find the data directory: %w", err)
	}
	if _, err := os.Stat(cfg.DataDir); err != nil {
		return fmt.Errorf("find the data directory: %w; give the one that `siteplane up` used with --data-dir", err)
	}
	held, err := lock(cfg.path("lock"))
	if err != nil {
		return err
	}
	if cfg.runtimeDir, err = runtimeDir(cfg.DataDir); err != nil {
		return errors.Join(err, held.Close())
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := edgeagent.StopNginx(ctx, edgeConfig(cfg)); err != nil {
		return errors.Join(err, held.Close())
	}
	return errors.Join(os.RemoveAll(cfg.runtimeDir), held.Close())
}

func dataDirFlag(cmd *cobra.Command, cfg *Config) {
	fallback, err := cliconfig.DefaultDir(os.Getenv)
	if err != nil {
		fallback = "" // Validate asks for the flag
	}
	cmd.Flags().StringVar(&cfg.DataDir, "data-dir", fallback, "where database, CA, edge files and cli.json are kept")
}

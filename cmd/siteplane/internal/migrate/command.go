// Package migrate brings the schema of an installation's database up to date, or says
// how far it is, without the installation: before a new version of siteplane is
// started, or by somebody who may change tables where the service may not.
//
// It owns what is said about it. What is done, and how two do not do it at once, is
// package service's.
package migrate

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	"github.com/siteplane/siteplane/services/lifecycle/service"
)

// variable is where the database may be said, too.
const variable = "SITEPLANE_DATABASE"

// Command returns `siteplane migrate`.
func Command() *cobra.Command {
	command := cli.Group(&cobra.Command{
		Use:   "migrate",
		Short: "Bring the schema of the database up to date, or say how far it is",
		Long: "Bring the schema of the database up to date, or say how far it is. Each start of\n" +
			"`siteplane up` and of lifecycle does so by itself; these are for those who want it\n" +
			"done before, or by another user of the database. A migration suits the siteplane of\n" +
			"before, too, so the old one may run meanwhile. There is no way back but a backup.",
	})
	var at service.Location
	command.PersistentFlags().StringVar((*string)(&at), "database", "", "`FILE|URL` of the database: an SQLite file, or postgres://USER@HOST:PORT/NAME (default $"+variable+")")
	command.AddCommand(statusCommand(&at), upCommand(&at))
	return command
}

func statusCommand(at *service.Location) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say which version the schema has and which migrations are to come",
		Long: "Say which version the schema has, which this siteplane knows, and which migrations\n" +
			"are to come. It changes nothing and ends with code 0 if the schema is the one that\n" +
			"this siteplane knows, and with 11 if it is older or newer.",
		Example: "  siteplane migrate status --database /var/lib/siteplane/siteplane.db\n" +
			"  siteplane migrate status --database postgres://siteplane@db.example.com/siteplane",
		Args: cli.Args(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error {
			where, err := located(*at)
			if err != nil {
				return err
			}
			versions, err := service.Versions(command.Context(), where)
			if err != nil {
				return failure(err)
			}
			if err := cli.Print(command, cli.Result{Value: view(where, versions), Text: statusText(where, versions)}); err != nil {
				return err
			}
			return verdict(where, versions)
		},
	}
}

func upCommand(at *service.Location) *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Bring the schema up to date",
		Long: "Bring the schema up to date; one that is, is left alone. On a PostgreSQL database one\n" +
			"process at a time does so; a statement that others are in the way of gives up its\n" +
			"place in the queue after three seconds and is tried again. An SQLite file must not be\n" +
			"in use.",
		Args: cli.Args(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error {
			where, err := located(*at)
			if err != nil {
				return err
			}
			return migrate(command, where)
		},
	}
}

// migrate does what is to do and says what it was.
func migrate(command *cobra.Command, at service.Location) error {
	before, err := service.Versions(command.Context(), at)
	if err != nil {
		return failure(err)
	}
	if err := service.Migrate(command.Context(), at); err != nil {
		return failure(err)
	}
	after, err := service.Versions(command.Context(), at)
	if err != nil {
		return failure(err)
	}
	return cli.Print(command, cli.Result{Value: view(at, after), Text: doneText(at, before, after)})
}

// located is the database that the flag or the environment leads to.
func located(at service.Location) (service.Location, error) {
	if at == "" {
		at = service.Location(os.Getenv(variable))
	}
	if at == "" {
		return "", cli.UsageError(errors.New("--database: is missing; `siteplane up` has siteplane.db in its --data-dir"))
	}
	if err := at.Check(); err != nil {
		return "", cli.UsageError(fmt.Errorf("--database: %w", err))
	}
	return at, nil
}

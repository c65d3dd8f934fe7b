package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	"github.com/siteplane/siteplane/internal/platform/filelock"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/service"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// failure is an error with its exit code.
func failure(err error) error {
	var away *lifecycle.UnavailableError
	var newer *relational.NewerError
	var held *filelock.HeldError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &newer):
		return &cli.Failure{Code: cli.ExitSchema, Err: err}
	case errors.As(err, &away):
		return &cli.Failure{Code: cli.ExitUnavailable, Err: err}
	case errors.As(err, &held):
		return &cli.Failure{Code: cli.ExitConflict, Err: err}
	}
	return err
}

// verdict is an error unless the schema is the one that this siteplane knows.
func verdict(at service.Location, v relational.Versions) error {
	switch {
	case v.Has > v.Knows:
		return failure(&relational.NewerError{Where: at.String(), Has: v.Has, Knows: v.Knows})
	case len(v.Pending) > 0:
		return &cli.Failure{
			Code: cli.ExitSchema, Err: fmt.Errorf("the schema is %s behind", count(len(v.Pending))),
			Next: "`siteplane migrate up` with the same --database, or start the service, which does the same",
		}
	}
	return nil
}

func count(n int) string {
	if n == 1 {
		return "one migration"
	}
	return fmt.Sprintf("%d migrations", n)
}

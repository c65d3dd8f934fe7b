package fake

import (
	"errors"

	"github.com/siteplane/siteplane/internal/platform/shrink"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// maxNames bounds the names that a hold tells.
const maxNames = 100

// guard holds a removal back as the shrink guard of a receiver does.
func guard(r shrink.Removal, confirmed string) error {
	err := shrink.Check(r, confirmed)
	var held *shrink.HeldError
	if !errors.As(err, &held) {
		return err
	}
	return &infra.HeldError{ID: held.ID, Names: held.Names[:min(len(held.Names), maxNames)], Count: len(held.Names), Held: held.Held, Message: held.Error()}
}

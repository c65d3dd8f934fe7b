package up

import (
	"errors"
	"fmt"
	"os"

	"github.com/siteplane/siteplane/internal/platform/filelock"
)

// lock takes the data directory for this process alone.
func lock(path string) (*os.File, error) {
	file, err := filelock.Take(path)
	var held *filelock.HeldError
	if errors.As(err, &held) {
		return nil, fmt.Errorf("the data directory is %w: stop it, or give another --data-dir", held)
	}
	return file, err
}

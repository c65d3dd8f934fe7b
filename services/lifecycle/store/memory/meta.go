package memory

import "context"

// Era returns the installation's restore counter; nothing here is ever restored.
func (t *tx) Era(context.Context) (uint64, error) { return t.era, nil }

// InstallationID returns what marks the installation's things elsewhere.
func (t *tx) InstallationID(context.Context) (string, error) { return t.installation, nil }

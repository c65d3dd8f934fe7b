package relational

import "context"

// Era returns the installation's restore counter.
func (t *Tx) Era(ctx context.Context) (uint64, error) {
	era, _, err := one(ctx, t, "read the era", scanInt, `SELECT era FROM meta`)
	return uint64(era), err
}

// InstallationID returns what marks the installation's things elsewhere.
func (t *Tx) InstallationID(ctx context.Context) (string, error) {
	installation, _, err := one(ctx, t, "read the installation id", scanText, `SELECT installation_id FROM meta`)
	return installation, err
}

func scanText(r Row) (text string, err error) {
	err = r.Scan(&text)
	return text, err
}

package relational

import "fmt"

// NewerError says that a database was written by a newer siteplane, whose schema this
// one does not know. It was left as it is.
type NewerError struct {
	// Where is the file or the server's database; empty where the caller knows.
	Where string
	// Has is the version of its schema, Knows the newest that this siteplane knows.
	Has, Knows int64
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("the database %s has schema version %d, this siteplane knows versions up to %d: "+
		"run the newer siteplane that wrote it, or restore a backup from before the upgrade", e.Where, e.Has, e.Knows)
}

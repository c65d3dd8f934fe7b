package pgtest

import (
	"errors"
	"fmt"
	"os"
	osuser "os/user"
	"strconv"
	"syscall"
)

// user is whom the server runs as; nil for whoever we are. PostgreSQL refuses
// root.
type user struct{ credential *syscall.Credential }

// servant returns postgres or nobody where we are root, and otherwise ourselves.
func servant() (user, error) {
	if os.Geteuid() != 0 {
		return user{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		return user{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, errors.Join(uidErr, gidErr)
	}
	return user{}, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody")
}

// own gives a file to the user.
func (u user) own(path string) error {
	if u.credential == nil {
		return nil
	}
	if err := os.Chown(path, int(u.credential.Uid), int(u.credential.Gid)); err != nil {
		return fmt.Errorf("give %s to the database server: %w", path, err)
	}
	return nil
}

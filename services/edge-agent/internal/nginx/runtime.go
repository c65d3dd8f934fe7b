package nginx

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Runtime is the directory of what exists only while nginx runs. It is short,
// because the path of a unix socket is.
//
//	probe.sock            the agent's; workers connect
//	private/status.sock   nginx's; only the agent can reach it
//	private/internal.sock nginx's; only the agent can reach it
//	nginx.pid  signal.conf  temp/  test/
//	proved.json           what was proved last, and which processes proved it
type Runtime struct{ dir string }

// socketPathLimit is what sun_path of a unix socket address holds on Linux.
const socketPathLimit = 107

// longestSocket is the longest path that this package makes below a Runtime.
const longestSocket = "/private/internal.sock"

// NewRuntime refuses a directory that is too deep for unix sockets.
func NewRuntime(dir string) (Runtime, error) {
	if longest := len(dir) + len(longestSocket); longest > socketPathLimit {
		return Runtime{}, fmt.Errorf("runtime directory %s is %d bytes too long: unix socket paths end at %d bytes, so choose one of at most %d bytes, such as /run/siteplane",
			dir, longest-socketPathLimit, socketPathLimit, socketPathLimit-len(longestSocket))
	}
	return Runtime{dir: dir}, nil
}

// Paths below the directory.
func (r Runtime) Dir() string            { return r.dir }
func (r Runtime) PIDFile() string        { return filepath.Join(r.dir, "nginx.pid") }
func (r Runtime) ProbeSocket() string    { return filepath.Join(r.dir, "probe.sock") }
func (r Runtime) StatusSocket() string   { return filepath.Join(r.dir, "private", "status.sock") }
func (r Runtime) InternalSocket() string { return filepath.Join(r.dir, "private", "internal.sock") }
func (r Runtime) TempDir() string        { return filepath.Join(r.dir, "temp") }
func (r Runtime) TestDir() string        { return filepath.Join(r.dir, "test") }
func (r Runtime) ProvedFile() string     { return filepath.Join(r.dir, "proved.json") }
func (r Runtime) signalFile() string     { return filepath.Join(r.dir, "signal.conf") }

// Prepare makes the directory for workers of userName (empty: our own user).
// nginx makes its sockets world-writable, so they live where nobody else can
// look; workers inherit them from the master.
func (r Runtime) Prepare(userName string) error {
	if err := makeDir(r.dir, 0o711); err != nil {
		return err
	}
	if err := makeDir(filepath.Join(r.dir, "private"), 0o700); err != nil {
		return err
	}
	if err := makeDir(r.TempDir(), 0o711); err != nil {
		return err
	}
	if userName != "" {
		if err := r.checkReachable(userName); err != nil {
			return err
		}
	}
	signal := "# Read by nginx -s only: it needs the pid file and nothing else.\npid " + r.PIDFile() + ";\nevents {}\n"
	if err := os.WriteFile(r.signalFile(), []byte(signal), 0o600); err != nil {
		return fmt.Errorf("prepare the runtime directory: %w", err)
	}
	return nil
}

// GiveToWorkers lets workers of userName, and nobody else, connect to the
// agent's probe socket.
func (r Runtime) GiveToWorkers(userName string) error {
	group := -1
	if userName != "" {
		found, err := lookup(userName)
		if err != nil {
			return err
		}
		group = found.gid
	}
	if err := os.Chown(r.ProbeSocket(), -1, group); err != nil {
		return fmt.Errorf("give the probe socket to the workers: %w", err)
	}
	if err := os.Chmod(r.ProbeSocket(), 0o660); err != nil {
		return fmt.Errorf("give the probe socket to the workers: %w", err)
	}
	return nil
}

// checkReachable finds the directory on the way that keeps the workers out.
func (r Runtime) checkReachable(userName string) error {
	worker, err := lookup(userName)
	if err != nil {
		return err
	}
	for dir := r.dir; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("check the runtime directory: %w", err)
		}
		if !worker.mayEnter(info) {
			return fmt.Errorf("nginx workers run as %s and cannot enter %s (mode %04o): choose another runtime directory, such as /run/siteplane, or run `chmod o+x %s`",
				userName, dir, info.Mode().Perm(), dir)
		}
		if dir == "/" {
			return nil
		}
	}
}

// UserDirective returns the parameters of nginx's user directive. nginx would
// otherwise look for a group with the name of the user.
func UserDirective(userName string) (string, error) {
	if userName == "" {
		return "", nil
	}
	found, err := lookup(userName)
	if err != nil {
		return "", err
	}
	group, err := user.LookupGroupId(strconv.Itoa(found.gid))
	if err != nil {
		return "", fmt.Errorf("find the group of the nginx workers: %w", err)
	}
	return userName + " " + group.Name, nil
}

type account struct{ uid, gid int }

func lookup(name string) (account, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return account{}, fmt.Errorf("find the user of the nginx workers: %w", err)
	}
	uid, err := strconv.Atoi(found.Uid)
	if err != nil {
		return account{}, fmt.Errorf("find the user of the nginx workers: %w", err)
	}
	gid, err := strconv.Atoi(found.Gid)
	if err != nil {
		return account{}, fmt.Errorf("find the user of the nginx workers: %w", err)
	}
	return account{uid: uid, gid: gid}, nil
}

func (a account) mayEnter(info fs.FileInfo) bool {
	mode := info.Mode().Perm()
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case a.uid == 0:
		return true
	case ok && int(owner.Uid) == a.uid:
		return mode&0o100 != 0
	case ok && int(owner.Gid) == a.gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

func makeDir(path string, mode fs.FileMode) error {
	if err := os.MkdirAll(path, mode); err != nil {
		return fmt.Errorf("prepare the runtime directory: %w", err)
	}
	// MkdirAll leaves an existing mode and obeys the umask.
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("prepare the runtime directory: %w", err)
	}
	return nil
}

package nginx

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What Landlock knows to forbid, by the version of its interface that came with
// it.
const (
	mayRead  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	mayMake  = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SYM
	mayWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | mayMake
	// sinceSecond and sinceThird are unknown to older kernels.
	sinceSecond = unix.LANDLOCK_ACCESS_FS_REFER
	sinceThird  = unix.LANDLOCK_ACCESS_FS_TRUNCATE
)

// access is what a program may do below a path.
type access struct {
	path   string
	rights uint64
}

// restrictThread takes from this thread, and from what it starts, every access to
// files but that in allowed; paths that do not exist are passed over. Nothing
// gives it back.
func restrictThread(allowed []access) error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return fmt.Errorf("ask for Landlock: %w", errno)
	}
	handled := uint64(mayRead | mayWrite)
	if version >= 2 {
		handled |= sinceSecond
	}
	if version >= 3 {
		handled |= sinceThird
	}
	attributes := unix.LandlockRulesetAttr{Handled_access_fs: handled}
	made, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes.Handled_access_fs), 0)
	if errno != 0 {
		return fmt.Errorf("make Landlock rules: %w", errno)
	}
	rules := int(made)
	defer func() { _ = unix.Close(rules) }()
	for _, rule := range allowed {
		if err := allow(rules, access{path: rule.path, rights: rule.rights & handled}); err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, made, 0, 0); errno != 0 {
		return fmt.Errorf("enter Landlock rules: %w", errno)
	}
	return nil
}

// ofFile are the rights that mean something at a file; others are refused there.
const ofFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | sinceThird

func allow(rules int, rule access) error {
	fd, err := unix.Open(rule.path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s for a Landlock rule: %w", rule.path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("look at %s for a Landlock rule: %w", rule.path, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rule.rights &= ofFile
	}
	beneath := unix.LandlockPathBeneathAttr{Allowed_access: rule.rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&beneath)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("allow %s by Landlock: %w", rule.path, errno)
	}
	return nil
}

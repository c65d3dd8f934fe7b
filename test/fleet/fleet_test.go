package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/siteplane/siteplane/test/split"
)

// bin holds the programs that every host has.
var bin string

func TestMain(m *testing.M) {
	os.Exit(become(m))
}

// become is what this program is: the test, or a process of a host.
func become(m *testing.M) int {
	var err error
	switch role := os.Getenv(inside); {
	case role == beInit:
		err = boot()
	case role == beOrigin:
		err = serveOrigin(os.Args[1])
	case role == beVisitor:
		err = visit(os.Args[1], os.Args[2])
	case filepath.Base(os.Args[0]) == "systemctl":
		err = systemctl(os.Args[1:])
	default:
		return build(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "siteplane-fleet-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	if err := prepare(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// prepare fills the folder of programs, which users other than root may enter, too.
func prepare(dir string) error {
	if err := split.Build(dir); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Symlink(self, filepath.Join(dir, "systemctl")); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patience is long because a slow machine is no fault.
const patience = time.Minute

// eventually looks until nothing is missed.
func eventually(t *testing.T, what string, look func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
		time.Sleep(50 * time.Millisecond) // between two looks, bounded
	}
}

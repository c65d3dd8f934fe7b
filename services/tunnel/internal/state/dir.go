// Package state keeps what a tunnel service must not forget over a restart, in
// one directory: the highest fence it has seen, the calls it has spent, until when
// a call of its predecessor may still take effect, and which version of the
// tunnel's configuration was its own.
//
// It knows nothing of routes or of the provider.
//
// Invariants: one process has the directory; the fence on disk is never lower
// than one that was acted on, and is never reset; a file that cannot be read stops
// the start instead of being replaced.
package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
)

const (
	fenceFile   = "fence.json"
	budgetFile  = "budget.json"
	busyFile    = "busy.json"
	versionFile = "version.json"
)

// Dir is an open state directory. It is safe for concurrent use.
type Dir struct {
	path string
	lock *os.File

	mu      sync.Mutex
	fence   fence.Fence
	budget  budget
	busy    time.Time
	version version
	closed  bool
}

// Open locks the directory, which is made where it is missing, and reads it.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	lock, err := lockDir(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path, lock: lock}
	if err := d.load(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	now := time.Now()
	d.budget.restarted(now)
	if latest := now.Add(maxBusy); d.busy.After(latest) {
		d.busy = latest
	}
	return d, nil
}

// Close lets the next process have the directory: whoever still works here writes
// nothing to it any more, and so gets no fence and no mark.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if err := d.lock.Close(); err != nil {
		return fmt.Errorf("unlock state directory: %w", err)
	}
	return nil
}

func lockDir(path string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock state directory: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf(
			"state directory %s is in use by another tunnel service: stop that one or choose another directory", path), file.Close())
	}
	return file, nil
}

func (d *Dir) load() error {
	return errors.Join(
		d.read(fenceFile, &d.fence, "restore it, or write the highest fence that lifecycle has used into it; without it an older caller could come through"),
		d.read(budgetFile, &d.budget, "delete it when nothing has called Cloudflare for five minutes"),
		d.read(busyFile, &d.busy, "delete it a minute after the last service ended"),
		d.read(versionFile, &d.version, "delete it: it only helps to tell who wrote the tunnel's configuration"),
	)
}

// read fills in what a file holds. A file that is not there leaves the zero value.
func (d *Dir) read(name string, into any, remedy string) error {
	path := filepath.Join(d.path, name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	if err := decode(data, into); err != nil {
		return fmt.Errorf("state file %s is damaged (%w): %s", path, err, remedy)
	}
	return nil
}

// decode takes only what write would write: an empty object is no fence.
func decode(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return err
	}
	again, err := json.Marshal(into)
	if err != nil {
		return err
	}
	var found bytes.Buffer
	if err := json.Compact(&found, data); err != nil {
		return err
	}
	if !bytes.Equal(found.Bytes(), again) {
		return fmt.Errorf("it should be of the form %s", again)
	}
	return nil
}

var errClosed = errors.New("the state directory is closed")

// write replaces a file as a whole: a loss of power leaves the old content or the
// new. Of a lasting one it is the new as soon as write has returned.
func (d *Dir) write(name string, value any, lasting bool) error {
	if d.closed {
		return errClosed
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	if err := d.replace(filepath.Join(d.path, name), data, lasting); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

func (d *Dir) replace(path string, data []byte, lasting bool) error {
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(data, '\n'))
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil || !lasting {
		return err
	}
	return syncDir(d.path)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

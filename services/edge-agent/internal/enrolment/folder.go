// Package enrolment owns how this host becomes an edge and stays one: the join with a
// one-time token, the files that prove it, and the renewal of its certificate.
//
//	DIR/tls.key, tls.crt, ca.crt   the identity, as programs load it
//	DIR/id                         the edge
//	DIR/enrolment.json             where its certificate is renewed
//	DIR/join.key                   the key of a join that is not over
//	DIR/next/                      the next identity, whole before it takes the place
//
// It knows nothing of nginx and of what the edge serves. Invariants: no key leaves the
// host; after Recover there is never a key beside another key's certificate, whenever
// the host lost its power; a renewal that fails ends nothing.
package enrolment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

// folder is where an identity is kept.
type folder string

func (f folder) file(name string) string   { return filepath.Join(string(f), name) }
func (f folder) record() string            { return f.file("enrolment.json") }
func (f folder) id() string                { return f.file("id") }
func (f folder) joinKey() string           { return f.file("join.key") }
func (f folder) next() string              { return f.file("next") }
func (f folder) identity() identity.Files  { return identity.FilesIn(string(f)) }
func (f folder) following() identity.Files { return identity.FilesIn(f.next()) }

// record says by whom the host was enrolled.
type record struct {
	// Server is where lifecycle enrols, host:port.
	Server string `json:"server"`
	// Name of the edge, for people.
	Name string `json:"name"`
}

// Enrolled reports whether the identity in a folder came with a join token, and so is
// renewed by the agent.
func Enrolled(dir string) bool {
	_, err := os.Stat(folder(dir).record())
	return dir != "" && err == nil
}

func (f folder) readRecord() (record, error) {
	var r record
	text, err := os.ReadFile(f.record())
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && r.Server == "" {
		err = errors.New("it names no server")
	}
	if err != nil {
		return r, fmt.Errorf("read %s, which says where the certificate is renewed: %w", f.record(), err)
	}
	return r, nil
}

func (f folder) writeRecord(r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("describe the enrolment: %w", err)
	}
	return write(f.record(), append(text, '\n'))
}

// Recover ends what a power cut interrupted while a new identity took the place of
// the one before. An agent does it before it loads the identity.
func Recover(dir string) error { return folder(dir).takeNext() }

// takeNext puts the next identity in its place, in the order in which it was written:
// its certificate is the last, so where that is not there yet it is not whole, and the
// one in place stays.
func (f folder) takeNext() error {
	from, to := f.following(), f.identity()
	if _, err := os.Stat(from.Certificate); err == nil {
		for _, move := range [][2]string{{from.CA, to.CA}, {from.Key, to.Key}, {from.Certificate, to.Certificate}} {
			if err := os.Rename(move[0], move[1]); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("take the new certificate: %w", err)
			}
		}
		if err := syncDir(string(f)); err != nil {
			return fmt.Errorf("take the new certificate: %w", err)
		}
	}
	if err := os.RemoveAll(f.next()); err != nil {
		return fmt.Errorf("clear the place of the next certificate: %w", err)
	}
	return nil
}

// take writes the certificate that was issued for a request, and puts it in its place.
func (f folder) take(request *identity.Request, certificate, ca []byte) (*identity.Identity, error) {
	if err := f.takeNext(); err != nil {
		return nil, err
	}
	taken, err := request.Write(f.next(), certificate, ca)
	if err != nil {
		return nil, err
	}
	return taken, f.takeNext()
}

// write replaces a file, 0600, that appears whole or not at all.
func write(file string, data []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return fmt.Errorf("make temporary file: %w", err)
	}
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), os.Remove(temp.Name()))
	}
	return syncDir(filepath.Dir(file))
}

func syncDir(dir string) error {
	opened, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

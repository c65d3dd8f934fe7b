package apply

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

// record is what nginx was made to run last, and how that looked: what is
// otherwise now has drifted. It lies in the runtime directory, because it is
// about processes; it need not survive a reboot.
type record struct {
	Want nginx.Want `json:"want"`
	// Files are the sums of all files of the generation; nil: nothing was proved.
	Files map[string]string `json:"files"`
	// Crew are the processes that were proved to run them.
	Crew nginx.Crew `json:"crew"`
	// Reloaded is set for good once somebody else reloaded: what the workers have
	// read since does not show in any file.
	Reloaded *nginx.Reload `json:"reloaded,omitempty"`
	// Open: an order was given of which the outcome is not known. Nothing can be
	// said about drift then.
	Open bool `json:"open,omitempty"`
	// SettlesAt is until when an order that nobody waited for may still make new
	// workers.
	SettlesAt time.Time `json:"settles_at,omitzero"`
}

// settling is how long such an order may take.
const settling = 10 * time.Second

func (r *record) tellsDrift() bool { return r.Files != nil && !r.Open }

// loadRecord finds what an agent before this one left. A record that cannot be
// read is none.
func (a *Applier) loadRecord() {
	data, err := os.ReadFile(a.config.Runtime.ProvedFile())
	if err != nil || json.Unmarshal(data, &a.record) != nil {
		a.record = record{}
	}
}

// saveRecord does not wait for the disk: a power loss ends nginx too.
func (a *Applier) saveRecord(next record) error {
	data, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("save what was proved: %w", err)
	}
	file := a.config.Runtime.ProvedFile()
	if err := os.WriteFile(file+".next", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("save what was proved: %w", err)
	}
	if err := os.Rename(file+".next", file); err != nil {
		return fmt.Errorf("save what was proved: %w", err)
	}
	a.record = next
	return nil
}

// open notes that nginx is about to be changed.
func (a *Applier) open() error {
	next := a.record
	next.Open = true
	return a.saveRecord(next)
}

// prove notes that nginx runs files. later says that an order may still take
// effect. What cannot be noted stays open, which is no reason to fail.
func (a *Applier) prove(want nginx.Want, sums map[string]string, later bool) {
	crew, err := a.config.Nginx.Crew()
	if err == nil {
		next := record{Want: want, Files: sums, Crew: crew}
		if later {
			next.SettlesAt = time.Now().Add(settling)
		}
		err = a.saveRecord(next)
	}
	if err != nil {
		a.record = record{Want: want, Files: sums, Open: true}
		a.config.Logger.Warn("drift cannot be noticed until the next apply", telemetry.KeyError, err)
	}
}

// watch follows the workers of the record.
func (a *Applier) watch() error {
	next := a.record
	if !next.tellsDrift() || next.Reloaded != nil || time.Now().Before(next.SettlesAt) {
		return nil
	}
	var err error
	if next.SettlesAt.IsZero() {
		next.Crew, next.Reloaded, err = a.config.Nginx.Watch(next.Crew)
	} else {
		next.SettlesAt = time.Time{}
		next.Crew, err = a.config.Nginx.Crew()
	}
	if err != nil || sameCrew(next, a.record) {
		return err
	}
	return a.saveRecord(next)
}

func sums(files []generation.File) map[string]string {
	sums := make(map[string]string, len(files))
	for _, file := range files {
		sums[file.Name] = generation.Sum(file.Data)
	}
	return sums
}

func sameCrew(a, b record) bool {
	return a.Crew.Master == b.Crew.Master && slices.Equal(a.Crew.Workers, b.Crew.Workers) &&
		a.Reloaded == b.Reloaded && a.SettlesAt.Equal(b.SettlesAt)
}

package cloudflare

import (
	"context"
	"slices"
)

// manyNames is how many names of a zone are asked for one by one; more cost less
// when the whole zone is listed.
const manyNames = 20

// readAPI is the part of the API that changes nothing.
type readAPI interface {
	Zones(ctx context.Context) ([]Zone, error)
	Configuration(ctx context.Context) (Configuration, error)
	Records(ctx context.Context, zoneID string, filter RecordFilter) ([]Record, error)
	CustomHostnames(ctx context.Context, zoneID, hostname string) ([]CustomHostname, error)
}

// rehearsal is the account as it was read, once. Changes are made to what was
// read, so that a run finds them when it reads again; they are kept, in order, and
// reach nobody. It has Versions of its own, which forget.
type rehearsal struct {
	account readAPI

	config    *Configuration
	ours      map[string][]Record // marked, by zone
	whole     map[string][]Record // everybody's, by zone, where there were many names
	asked     map[string]int      // names that were asked for, by zone
	deleted   map[string]bool     // ids of records
	hostnames []CustomHostname
	listed    bool

	changes []Change
}

func newRehearsal(account readAPI) *rehearsal {
	return &rehearsal{
		account: account, ours: map[string][]Record{}, whole: map[string][]Record{},
		asked: map[string]int{}, deleted: map[string]bool{},
	}
}

// Ours knows no version.
func (*rehearsal) Ours(string) int64 { return 0 }

// NoteOurs forgets it.
func (*rehearsal) NoteOurs(string, int64) error { return nil }

// Zones lists the zones.
func (r *rehearsal) Zones(ctx context.Context) ([]Zone, error) { return r.account.Zones(ctx) }

// Configuration returns the tunnel's.
func (r *rehearsal) Configuration(ctx context.Context) (Configuration, error) {
	if r.config == nil {
		config, err := r.account.Configuration(ctx)
		if err != nil {
			return Configuration{}, err
		}
		r.config = &config
	}
	return *r.config, nil
}

// Records lists the marked records of a zone, or those of one name.
func (r *rehearsal) Records(ctx context.Context, zoneID string, filter RecordFilter) ([]Record, error) {
	if filter.Name != "" {
		found, err := r.named(ctx, zoneID, filter)
		return slices.DeleteFunc(found, func(have Record) bool { return r.deleted[have.ID] }), err
	}
	if _, read := r.ours[zoneID]; !read {
		found, err := r.account.Records(ctx, zoneID, filter)
		if err != nil {
			return nil, err
		}
		r.ours[zoneID] = found
	}
	return slices.Clone(r.ours[zoneID]), nil
}

// named asks for the records of one name, and lists the zone instead when there
// are many such names.
func (r *rehearsal) named(ctx context.Context, zoneID string, filter RecordFilter) ([]Record, error) {
	if r.asked[zoneID]++; r.asked[zoneID] <= manyNames {
		return r.account.Records(ctx, zoneID, filter)
	}
	if _, read := r.whole[zoneID]; !read {
		found, err := r.account.Records(ctx, zoneID, RecordFilter{})
		if err != nil {
			return nil, err
		}
		r.whole[zoneID] = found
	}
	return slices.DeleteFunc(slices.Clone(r.whole[zoneID]), func(have Record) bool { return !filter.passes(have) }), nil
}

// CustomHostnames lists those of the zone for them.
func (r *rehearsal) CustomHostnames(ctx context.Context, zoneID, hostname string) ([]CustomHostname, error) {
	if !r.listed {
		found, err := r.account.CustomHostnames(ctx, zoneID, "")
		if err != nil {
			return nil, err
		}
		r.hostnames, r.listed = found, true
	}
	return slices.DeleteFunc(slices.Clone(r.hostnames), func(h CustomHostname) bool { return hostname != "" && h.Hostname != hostname }), nil
}

// Do makes one change to what was read.
func (r *rehearsal) Do(_ context.Context, change Change) error {
	r.changes = append(r.changes, change)
	switch change := change.(type) {
	case PutConfiguration:
		return r.put(change)
	case CreateRecord:
		r.ours[change.Record.ZoneID] = append(r.ours[change.Record.ZoneID], change.Record)
	case ReplaceRecord:
		r.remove(change.Record)
		r.ours[change.Record.ZoneID] = append(r.ours[change.Record.ZoneID], change.Record)
	case DeleteRecord:
		r.remove(change.Record)
		r.deleted[change.Record.ID] = true
	case CreateCustomHostname:
		r.hostnames = append(r.hostnames, change.CustomHostname)
	case DeleteCustomHostname:
		r.hostnames = slices.DeleteFunc(r.hostnames, func(h CustomHostname) bool { return h.ID == change.CustomHostname.ID })
	}
	return nil
}

func (r *rehearsal) put(change PutConfiguration) error {
	next, err := parseConfiguration(r.config.Version+1, change.Config)
	if err != nil {
		return err
	}
	r.config = &next
	return nil
}

func (r *rehearsal) remove(record Record) {
	r.ours[record.ZoneID] = slices.DeleteFunc(r.ours[record.ZoneID], func(have Record) bool { return have.ID == record.ID })
}

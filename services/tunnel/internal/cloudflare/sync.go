package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/diagnosis"
	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

const (
	// maxPuts is how often the configuration is written against other writers.
	maxPuts = 3
	// retryUnseen is when what was written should be there to read.
	retryUnseen = 5 * time.Second
)

// Apply makes the account hold exactly the routes, as far as it is ours. Applies
// run one at a time; a newer one that waits stops the older.
func (b *Backend) Apply(ctx context.Context, snapshot route.Snapshot) (route.Result, error) {
	if err := b.state.Raise(snapshot.Fence); err != nil {
		return route.Result{}, err
	}
	leave, err := b.enter(ctx, func() error { return b.state.Check(snapshot.Fence) })
	if err != nil {
		return route.Result{}, err
	}
	defer leave()
	g := &gate{API: b.api, state: b.state, recent: b.recent, fence: snapshot.Fence, timeout: b.settings.CallTimeout}
	w := newWish(mark(snapshot.InstallationID), b.settings, snapshot.Routes)
	r := newRun(g, b.versions, b.recent, w)
	r.guard = newGuard(w, snapshot, b.recent.going)
	err = r.apply(ctx)
	return r.result(g.writes), err
}

// run is one apply under way.
type run struct {
	wish

	api      API
	versions Versions
	recent   recent
	guard    *guard
	zones    []Zone
	seen     world
	config   Configuration

	before   map[string]bool // hostnames that had a rule at the start
	free     map[string]bool // hostnames of unwanted rules that no record leads to
	tried    map[string]bool // ids of what was deleted, or refused to be
	refused  map[string]bool // ids of what was refused to be deleted
	touched  map[string]bool // ids of zones that were published in
	problems map[string]diagnosis.Diagnosis
	unseen   map[string]bool // hostnames where what was written cannot be read yet
	warnings []string

	added, removed map[string]bool
	changed        map[string]bool // hostnames of which something was written
}

func newRun(api API, versions Versions, recent recent, w wish) *run {
	return &run{
		wish: w, api: api, versions: versions, recent: recent, seen: world{records: map[key]Record{}},
		free: map[string]bool{}, tried: map[string]bool{}, refused: map[string]bool{}, touched: map[string]bool{},
		problems: map[string]diagnosis.Diagnosis{}, unseen: map[string]bool{},
		added: map[string]bool{}, removed: map[string]bool{}, changed: map[string]bool{},
	}
}

// apply goes from what is there to what is wanted. The order of the steps is what
// keeps every record behind a rule.
func (r *run) apply(ctx context.Context) error {
	for _, step := range []func(context.Context) error{r.observe, r.clear, r.route, r.publish, r.confirm} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return notShown(r.unseen)
}

// notShown is the error of hostnames where what is there cannot be told yet.
func notShown(hostnames map[string]bool) error {
	if len(hostnames) == 0 {
		return nil
	}
	return &fault.Unavailable{RetryAfter: retryUnseen, Message: fmt.Sprintf(
		"Cloudflare does not show yet what was changed for %s", strings.Join(slices.Sorted(maps.Keys(hostnames)), ", "))}
}

func (r *run) result(writes int) route.Result {
	own, _ := r.config.split(r.mark)
	for name := range r.before {
		if !own[name] {
			r.removed[name] = true
		}
	}
	result := route.Result{
		ConfigVersion: r.config.Version, Writes: writes, Warnings: r.warnings,
		Added: slices.Sorted(maps.Keys(r.added)), Removed: slices.Sorted(maps.Keys(r.removed)), Changed: slices.Sorted(maps.Keys(r.changed)),
	}
	for _, name := range slices.Sorted(maps.Keys(r.problems)) {
		result.Problems = append(result.Problems, route.Problem{Hostname: name, Diagnosis: r.problems[name]})
	}
	return result
}

// observe reads all that may be ours.
func (r *run) observe(ctx context.Context) error {
	var err error
	if r.config, err = r.api.Configuration(ctx); err != nil {
		return err
	}
	r.before, _ = r.config.split(r.mark)
	if r.zones, err = r.api.Zones(ctx); err != nil {
		return err
	}
	for _, w := range r.of(route.KindRecord) {
		if !slices.ContainsFunc(r.zones, func(z Zone) bool { return z.ID == w.ZoneID }) {
			r.problems[w.Hostname] = zoneNotSeen(w)
		}
	}
	return r.look(ctx, func(Zone) bool { return true })
}

// look reads what some zones hold.
func (r *run) look(ctx context.Context, at func(Zone) bool) error {
	for _, z := range r.zones {
		if !at(z) {
			continue
		}
		found, err := r.api.Records(ctx, z.ID, RecordFilter{Mark: r.mark})
		if denied := (*fault.Permission)(nil); errors.As(err, &denied) && !r.needs(z) {
			continue // A token is often allowed to write in some zones only.
		}
		if err != nil {
			return err
		}
		r.seen.setRecords(z.ID, found)
		for _, have := range found {
			r.recent.made.forget(have.Name)
		}
	}
	if !r.serves() || !at(Zone{ID: r.settings.CustomHostnameZoneID}) {
		return nil
	}
	found, err := r.api.CustomHostnames(ctx, r.settings.CustomHostnameZoneID, "")
	if err != nil {
		return err
	}
	r.seen.setHostnames(found)
	for _, have := range found {
		r.recent.made.forget(have.Hostname)
	}
	return nil
}

// needs says whether a zone holds, or could hold, a record of ours.
func (r *run) needs(z Zone) bool {
	for name := range r.before {
		if within(name, z.Name) {
			return true
		}
	}
	return z.ID == r.settings.CustomHostnameZoneID ||
		slices.ContainsFunc(r.routes, func(w route.Route) bool { return w.ZoneID == z.ID })
}

// do makes one change. A refusal becomes the hostname's problem and is no error.
func (r *run) do(ctx context.Context, name string, change Change) (done bool, err error) {
	err = r.api.Do(ctx, change)
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		r.problems[name] = refusedDiagnosis(change, refused)
		return false, nil
	}
	return err == nil, err
}

// route brings the tunnel's rules to what is wanted, against other writers: what
// was written counts when it is read back.
func (r *run) route(ctx context.Context) error {
	for puts := 0; ; puts++ {
		hostnames, blocked := r.rules(r.config, r.free)
		next, differs := r.config.with(r.mark, r.settings.EdgeURL, hostnames)
		if !differs {
			for name, foreign := range blocked {
				r.problems[name] = ruleInTheWay(name, foreign, r.settings.TunnelID)
			}
			return r.noteOurs(r.config.Version)
		}
		if puts == maxPuts {
			return &fault.Unavailable{Message: fmt.Sprintf(
				"somebody else keeps writing the configuration of tunnel %s", r.settings.TunnelID)}
		}
		if err := r.put(ctx, next); err != nil {
			return err
		}
	}
}

// put writes a configuration unless it has changed since it was read, and reads
// what is there then.
func (r *run) put(ctx context.Context, next Configuration) error {
	now, err := r.api.Configuration(ctx)
	if err != nil {
		return err
	}
	if now.Version != r.config.Version {
		r.config = now
		return nil
	}
	body, err := next.encode()
	if err != nil {
		return fmt.Errorf("encode tunnel configuration: %w", err)
	}
	if err := r.noteOurs(now.Version + 1); err != nil {
		return err
	}
	if err := r.api.Do(ctx, PutConfiguration{Config: body}); err != nil {
		return unreadable(err)
	}
	for _, d := range now.differences(r.mark, next) {
		r.changed[d.hostname] = true
	}
	delete(r.changed, "") // The last rule is no hostname's.
	if r.config, err = r.api.Configuration(ctx); err != nil {
		return err
	}
	if r.config.Version > now.Version+1 {
		r.warnings = append(r.warnings, fmt.Sprintf(
			"somebody else wrote the tunnel's configuration at the same time: between versions %d and %d a change of theirs may be lost",
			now.Version, r.config.Version))
	}
	return nil
}

// noteOurs remembers a version of the configuration as ours.
func (r *run) noteOurs(version int64) error {
	if r.versions.Ours(r.settings.TunnelID) == version {
		return nil
	}
	return r.versions.NoteOurs(r.settings.TunnelID, version)
}

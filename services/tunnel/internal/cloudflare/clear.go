package cloudflare

import (
	"context"
	"slices"
)

// maxClears is how often deletes follow from what earlier deletes showed.
const maxClears = 3

// clear deletes what is not wanted, as far as the guard lets it go, and reads back
// that it is gone. Only then are its rules free to go.
func (r *run) clear(ctx context.Context) error {
	drops := r.drops(r.config)
	again := len(drops) > 0 // What is not there must be seen twice.
	for range maxClears {
		if err := r.guard.check(r.config, r.seen); err != nil {
			return err
		}
		r.guard.pass()
		touched, err := r.deleteSurplus(ctx)
		if err != nil {
			return err
		}
		if len(touched) == 0 && !again {
			break
		}
		again = false
		err = r.look(ctx, func(z Zone) bool {
			return touched[z.ID] || len(drops) > 0 && z.ID == r.settings.CustomHostnameZoneID ||
				slices.ContainsFunc(drops, func(name string) bool { return within(name, z.Name) })
		})
		if err != nil {
			return err
		}
	}
	r.release(drops)
	return nil
}

// release says which rules may go, after all that leads to them was looked for.
func (r *run) release(drops []string) {
	for _, name := range drops {
		if r.free[name] = !r.recent.made.may(name); !r.free[name] {
			r.unseen[name] = true
		}
	}
	for _, change := range r.surplus(r.seen) {
		name, id := subject(change)
		r.free[name] = false
		if !r.refused[id] {
			r.unseen[name] = true
		}
	}
}

// deleteSurplus deletes each unwanted thing once and returns the zones it did so in.
func (r *run) deleteSurplus(ctx context.Context) (map[string]bool, error) {
	touched := map[string]bool{}
	for _, change := range r.surplus(r.seen) {
		name, id := subject(change)
		if r.tried[id] {
			continue
		}
		r.tried[id] = true
		done, err := r.do(ctx, name, change)
		if err != nil {
			return nil, err
		}
		if !done {
			r.refused[id] = true
			continue
		}
		r.removed[name], r.changed[name] = true, true
		touched[zoneOfChange(change)] = true
	}
	return touched, nil
}

package cloudflare

import (
	"context"

	"github.com/siteplane/siteplane/services/tunnel/internal/diagnosis"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// publish makes the records and custom hostnames of the routes that have their
// rule. One that cannot be made holds up no other.
func (r *run) publish(ctx context.Context) error {
	for _, w := range r.of(route.KindRecord) {
		if r.stopped(w.Hostname) {
			continue
		}
		if err := r.putRecord(ctx, w.Hostname, r.record(w.ZoneID, w.Hostname)); err != nil {
			return err
		}
	}
	return r.publishHostnames(ctx)
}

// stopped says whether a route has a problem already.
func (r *run) stopped(hostname string) bool {
	_, found := r.problems[hostname]
	return found
}

// putRecord makes or repairs one record.
func (r *run) putRecord(ctx context.Context, hostname string, want Record) error {
	if have, found := r.seen.records[keyOf(want)]; found && r.right(have) {
		return nil
	} else if found {
		want.ID = have.ID
		return r.make(ctx, hostname, want.ZoneID, ReplaceRecord{want, have})
	}
	if settled, err := r.nameTaken(ctx, hostname, want); err != nil || settled {
		return err
	}
	if err := r.make(ctx, hostname, want.ZoneID, CreateRecord{want}); err != nil || !r.stopped(hostname) {
		return err
	}
	// Refused: perhaps somebody was faster.
	_, err := r.nameTaken(ctx, hostname, want)
	return err
}

// nameTaken looks whether a record stands where ours must go. Ours, which the
// list did not show, settles it as well as somebody else's, which is a problem.
func (r *run) nameTaken(ctx context.Context, hostname string, want Record) (settled bool, err error) {
	records, err := r.api.Records(ctx, want.ZoneID, RecordFilter{Name: want.Name})
	if err != nil {
		return false, err
	}
	zone := r.zoneName(want.ZoneID)
	for _, have := range records {
		switch {
		case r.mark.onRecord(have) && sameRecord(have, want):
			delete(r.problems, hostname)
			r.touched[want.ZoneID] = true
			return true, nil
		case r.isTarget(have) && have.leadsTo(r.tunnelName()):
			return true, nil
		case have.takesName(zone):
			r.problems[hostname] = recordInTheWay(have, zone)
			return true, nil
		}
	}
	return false, nil
}

// isTarget says whether a record is the one that custom hostnames lead to. That
// one the operator may have made: it is good enough when it leads to the tunnel.
func (r *run) isTarget(have Record) bool { return r.serves() && sameRecord(have, r.target) }

// publishHostnames makes the custom hostnames, after the name that they lead to.
func (r *run) publishHostnames(ctx context.Context) error {
	wanted := r.of(route.KindCustomHostname)
	if len(wanted) == 0 {
		return nil
	}
	blocker := noCustomHostnames()
	if r.serves() {
		if err := r.putRecord(ctx, r.settings.CustomHostnameTarget, r.target); err != nil {
			return err
		}
		blocker = r.takeProblem(r.settings.CustomHostnameTarget)
	}
	for _, w := range wanted {
		if r.stopped(w.Hostname) {
			continue
		}
		if blocker.Code != "" {
			r.problems[w.Hostname] = blocker
			continue
		}
		if err := r.putHostname(ctx, w.Hostname); err != nil {
			return err
		}
	}
	return nil
}

// takeProblem returns what keeps the target from being there; it is reported with
// the routes that need it.
func (r *run) takeProblem(target string) diagnosis.Diagnosis {
	problem := r.problems[target]
	if _, isRoute := r.byName[target]; !isRoute {
		delete(r.problems, target)
	}
	return problem
}

// putHostname makes or restarts one custom hostname.
func (r *run) putHostname(ctx context.Context, name string) error {
	have, found := r.seen.hostnames[name]
	switch {
	case !found:
		want := r.hostname(name)
		return r.make(ctx, name, want.ZoneID, CreateCustomHostname{want})
	case !r.mark.onHostname(have):
		r.problems[name] = hostnameInTheWay(have)
		return nil
	case have.stuck():
		return r.make(ctx, name, have.ZoneID, RestartCustomHostname{have})
	}
	return nil
}

// make makes one thing and notes it.
func (r *run) make(ctx context.Context, hostname, zoneID string, change Change) error {
	done, err := r.do(ctx, hostname, change)
	if done {
		r.added[hostname], r.changed[hostname] = true, true
		r.touched[zoneID] = true
	}
	return err
}

// confirm reads back what was published.
func (r *run) confirm(ctx context.Context) error {
	if len(r.touched) == 0 {
		return nil
	}
	if err := r.look(ctx, func(z Zone) bool { return r.touched[z.ID] }); err != nil {
		return err
	}
	for _, w := range r.routes {
		if !r.stopped(w.Hostname) && !r.published(w) {
			r.unseen[w.Hostname] = true
		}
	}
	if r.added[r.target.Name] && !r.right(r.seen.records[keyOf(r.target)]) {
		r.unseen[r.target.Name] = true
	}
	return nil
}

// published says whether a route's record or custom hostname is there.
func (r *run) published(w route.Route) bool {
	if w.Kind == route.KindCustomHostname {
		return r.mark.onHostname(r.seen.hostnames[w.Hostname])
	}
	return r.right(r.seen.records[keyOf(r.record(w.ZoneID, w.Hostname))])
}

func (r *run) zoneName(id string) string { return nameOf(id, r.zones) }

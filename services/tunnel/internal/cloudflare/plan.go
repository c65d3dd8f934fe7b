package cloudflare

import (
	"cmp"
	"maps"
	"slices"

	"github.com/siteplane/siteplane/internal/platform/hostname"

	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// wish is what the account shall hold of ours. All of its methods are pure.
type wish struct {
	mark     mark
	settings Settings
	routes   []route.Route // sorted by hostname
	byName   map[string]route.Route
	target   Record // what custom hostnames lead to
}

func newWish(m mark, settings Settings, routes []route.Route) wish {
	w := wish{mark: m, settings: settings, routes: routes, byName: map[string]route.Route{}}
	for _, r := range routes {
		w.byName[r.Hostname] = r
	}
	w.target = w.record(settings.CustomHostnameZoneID, settings.CustomHostnameTarget)
	return w
}

// world is what the account was seen to hold.
type world struct {
	records   map[key]Record            // ours, of all zones
	more      []Record                  // ours beside one of the same key, so no CNAME
	hostnames map[string]CustomHostname // everybody's, of the zone for them
}

// setRecords takes what one zone was seen to hold.
func (s *world) setRecords(zoneID string, found []Record) {
	of := func(r Record) bool { return r.ZoneID == zoneID }
	maps.DeleteFunc(s.records, func(_ key, r Record) bool { return of(r) })
	s.more = slices.DeleteFunc(s.more, of)
	for _, r := range found {
		if _, taken := s.records[keyOf(r)]; taken {
			s.more = append(s.more, r)
			continue
		}
		s.records[keyOf(r)] = r
	}
}

// setHostnames takes what the zone for them was seen to hold.
func (s *world) setHostnames(found []CustomHostname) {
	s.hostnames = map[string]CustomHostname{}
	for _, h := range found {
		s.hostnames[h.Hostname] = h
	}
}

// tunnelName is what a record must lead to.
func (w wish) tunnelName() string { return w.settings.TunnelID + ".cfargotunnel.com" }

// of returns the routes of one kind.
func (w wish) of(kind route.Kind) []route.Route {
	return slices.DeleteFunc(slices.Clone(w.routes), func(r route.Route) bool { return r.Kind != kind })
}

// record is the only record that a name may have of ours.
func (w wish) record(zoneID, name string) Record {
	return Record{ZoneID: zoneID, Type: "CNAME", Name: name, Content: w.tunnelName(), Proxied: true, Comment: w.mark.comment()}
}

// hostname is the custom hostname of a route.
func (w wish) hostname(name string) CustomHostname {
	return CustomHostname{ZoneID: w.settings.CustomHostnameZoneID, Hostname: name, Metadata: w.mark.metadata()}
}

// serves says whether the settings allow custom hostnames.
func (w wish) serves() bool { return w.settings.CustomHostnameZoneID != "" }

// surplus returns what is ours and not wanted, in the order of the hostnames,
// custom hostnames first. The name that they lead to is surplus when none is left.
func (w wish) surplus(seen world) []Change {
	var deletes []Change
	left := len(w.of(route.KindCustomHostname)) > 0
	for _, name := range slices.Sorted(maps.Keys(seen.hostnames)) {
		h := seen.hostnames[name]
		left = left || w.mark.onHostname(h)
		if w.mark.onHostname(h) && !w.wantsHostname(h) {
			deletes = append(deletes, DeleteCustomHostname{h})
		}
	}
	records := slices.AppendSeq(slices.Clone(seen.more), maps.Values(seen.records))
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	for _, r := range records {
		if w.mark.onRecord(r) && !w.wantsRecord(r) && !(left && sameRecord(r, w.target)) {
			deletes = append(deletes, DeleteRecord{r})
		}
	}
	return deletes
}

func (w wish) wantsHostname(h CustomHostname) bool {
	return w.byName[h.Hostname].Kind == route.KindCustomHostname
}

func (w wish) wantsRecord(have Record) bool {
	r := w.byName[have.Name]
	return r.Kind == route.KindRecord && sameRecord(have, w.record(r.ZoneID, r.Hostname))
}

// sameRecord says whether two records are the same one, perhaps with another
// content.
func sameRecord(a, b Record) bool { return keyOf(a) == keyOf(b) }

// key is what there is one record of.
type key struct{ zoneID, name, kind string }

func keyOf(r Record) key { return key{r.ZoneID, r.Name, r.Type} }

// right says whether a record of ours is as it must be.
func (w wish) right(r Record) bool {
	return w.mark.onRecord(r) && r.leadsTo(w.tunnelName())
}

// rules returns the hostnames that shall have a rule of ours, sorted, and those
// that somebody else's rule keeps from it. Whoever has the hostname already keeps
// it. A rule that is not wanted any more stays unless its name is known to be
// free of records, or is none that we ever write a record for.
func (w wish) rules(config Configuration, free map[string]bool) (hostnames []string, blocked map[string]rule) {
	own, foreign := config.split(w.mark)
	blocked = map[string]rule{}
	for _, r := range w.routes {
		if taken, found := foreign[r.Hostname]; found && !own[r.Hostname] {
			blocked[r.Hostname] = taken
			continue
		}
		hostnames = append(hostnames, r.Hostname)
	}
	for _, name := range w.drops(config) {
		if !free[name] && hostname.Check(name) == nil {
			hostnames = append(hostnames, name)
		}
	}
	slices.Sort(hostnames)
	return slices.Compact(hostnames), blocked
}

// drops returns the hostnames of rules of ours that are not wanted.
func (w wish) drops(config Configuration) []string {
	own, _ := config.split(w.mark)
	maps.DeleteFunc(own, func(name string, _ bool) bool {
		_, wanted := w.byName[name]
		return wanted
	})
	return slices.Sorted(maps.Keys(own))
}

package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// profile is a set of sites that differ only in their names and in where their
// requests go.
type profile struct {
	// id is derived from what the sites share.
	id    string
	sites []*site
}

// groupProfiles expects sites in the order of their ids and keeps it.
func groupProfiles(sites []*site) []*profile {
	byKey := make(map[string]*profile)
	for _, site := range sites {
		key := profileKey(site)
		if byKey[key] == nil {
			byKey[key] = &profile{id: profileID(key)}
		}
		byKey[key].sites = append(byKey[key].sites, site)
	}
	profiles := make([]*profile, 0, len(byKey))
	for _, profile := range byKey {
		profiles = append(profiles, profile)
	}
	slices.SortFunc(profiles, func(a, b *profile) int { return cmp.Compare(a.id, b.id) })
	return profiles
}

// profileID is long enough that no tenant finds options that hash like those of
// others, and so would share a block with them.
func profileID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// profileKey holds everything a server block says apart from its names. The
// encoder lets no newline into a token, so fields cannot run together.
func profileKey(site *site) string {
	var key strings.Builder
	field := func(values ...string) { key.WriteString(strings.Join(values, "\x00") + "\n") }
	if site.options.maintenance {
		// Nothing else of the site is in the block.
		field("maintenance")
		return key.String()
	}
	if site.redirect != nil {
		field("redirect", site.redirect.code.Token())
	}
	for _, route := range site.routes {
		field("route", route.prefix.Token(), strconv.FormatBool(route.strip))
	}
	options := site.options
	field("body", options.maxBody.Token())
	field("timeouts", options.connectTimeout.Token(), options.readTimeout.Token())
	field("websocket", strconv.FormatBool(options.websocket))
	if options.compress {
		field("compress")
	}
	if options.rate > 0 {
		field("rate", decimal(int(options.rate)).Token())
	}
	for _, header := range options.response {
		field("response", header.name.Token(), header.value.Token())
	}
	for _, header := range options.request {
		field("request", header.name.Token(), header.value.Token())
	}
	return key.String()
}

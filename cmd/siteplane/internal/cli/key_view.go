package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// keyView shows one key.
type keyView struct {
	key *lifecyclev1.Key
	// message is the whole answer.
	message proto.Message
	// text is what is sent with each call; empty where it is not known.
	text string
	// kept are facts about where it is kept.
	kept [][]string
	now  time.Time
}

func (v *keyView) json() (json.RawMessage, error) { return protoJSON(v.message) }

func (v *keyView) write(p *page) {
	facts := keyFacts(v.key, v.now)
	if v.text != "" {
		facts = append(facts, []string{"Key", v.text})
	}
	p.table(append(facts, v.kept...)...)
}

func keyFacts(key *lifecyclev1.Key, now time.Time) [][]string {
	facts := [][]string{
		{"ID", key.GetKeyId()},
		{"Name", key.GetName()},
		{"Role", roleName(key.GetRole())},
		{"Sites", cmp.Or(strings.Join(key.GetSiteIds(), ", "), "all")},
		{"State", keyState(key, now)},
		{"Expires", expires(key, now)},
	}
	if key.GetRevokeTime() != nil {
		facts = append(facts, []string{"Revoked", moment(key.GetRevokeTime(), now)})
	}
	return facts
}

// keyListView shows keys as one table or one JSON object.
type keyListView struct {
	keys []*lifecyclev1.Key
	now  time.Time
}

func (v *keyListView) json() (json.RawMessage, error) { return listJSON("keys", v.keys) }

func (v *keyListView) write(p *page) {
	rows := [][]string{{"ID", "NAME", "ROLE", "SITES", "STATE", "EXPIRES", "USED", "AGE"}}
	for _, key := range v.keys {
		rows = append(rows, []string{
			key.GetKeyId(), key.GetName(), roleName(key.GetRole()), keySites(key), keyState(key, v.now),
			until(key.GetExpireTime(), v.now), age(key.GetLastUseTime(), v.now), age(key.GetCreateTime(), v.now),
		})
	}
	p.table(rows...)
}

// keySites are the sites that a key knows, in little room.
func keySites(key *lifecyclev1.Key) string {
	switch sites := key.GetSiteIds(); len(sites) {
	case 0:
		return "all"
	case 1:
		return sites[0]
	default:
		return fmt.Sprintf("%d sites", len(sites))
	}
}

// keyState says whether a key is still good.
func keyState(key *lifecyclev1.Key, now time.Time) string {
	switch {
	case key.GetRevokeTime() != nil:
		return "revoked"
	case key.GetExpireTime() != nil && !key.GetExpireTime().AsTime().After(now):
		return "expired"
	}
	return "active"
}

func expires(key *lifecyclev1.Key, now time.Time) string {
	return cmp.Or(upcoming(key.GetExpireTime(), now), "never")
}

package cloudflare

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Configuration is a tunnel's. What we do not know of it stays as it was read.
type Configuration struct {
	// Version counts the times that it was replaced.
	Version int64

	keys  map[string]json.RawMessage // all but ingress
	rules []rule
}

// rule is one ingress rule. cloudflared takes the first that fits.
type rule struct {
	Hostname      string         `json:"hostname"`
	Path          string         `json:"path"`
	Service       string         `json:"service"`
	OriginRequest map[string]any `json:"originRequest"`

	raw json.RawMessage
}

// parseConfiguration reads the JSON. A tunnel that was never configured has null.
func parseConfiguration(version int64, config json.RawMessage) (Configuration, error) {
	c := Configuration{Version: version, keys: map[string]json.RawMessage{}}
	if len(config) > 0 && json.Unmarshal(config, &c.keys) != nil {
		return Configuration{}, malformed("a tunnel configuration that is no object")
	}
	var raws []json.RawMessage
	if ingress := c.keys["ingress"]; len(ingress) > 0 && json.Unmarshal(ingress, &raws) != nil {
		return Configuration{}, malformed("ingress rules that are no list")
	}
	for _, raw := range raws {
		r := rule{raw: raw}
		if json.Unmarshal(raw, &r) != nil {
			return Configuration{}, malformed("an ingress rule that is no object")
		}
		c.rules = append(c.rules, r)
	}
	delete(c.keys, "ingress")
	return c, nil
}

// split returns the hostnames of our rules, and everybody else's first rule of
// each hostname. cloudflared ignores case, so they are in lower case.
func (c Configuration) split(m mark) (own map[string]bool, foreign map[string]rule) {
	own, foreign = map[string]bool{}, map[string]rule{}
	for _, r := range c.rules {
		name := r.name()
		if m.onRule(r) {
			own[name] = true
		} else if _, found := foreign[name]; !found {
			foreign[name] = r
		}
	}
	return own, foreign
}

// holds says whether a rule of ours sends a hostname to the edge.
func (c Configuration) holds(m mark, hostname, edgeURL string) bool {
	want := newRule(m, hostname, edgeURL)
	return slices.ContainsFunc(c.rules, func(r rule) bool { return m.onRule(r) && r.same(want) })
}

// with returns the configuration that has our rules for exactly these hostnames,
// which are sorted, before everybody else's, and whether it differs from c. The
// last rule must catch all; where none does and one of ours comes, we add it. It
// carries no mark, so it stays as anybody's, also when our last rule goes.
func (c Configuration) with(m mark, edgeURL string, hostnames []string) (Configuration, bool) {
	next := Configuration{Version: c.Version, keys: c.keys}
	for _, name := range hostnames {
		next.rules = append(next.rules, newRule(m, name, edgeURL))
	}
	for _, r := range c.rules {
		if !m.onRule(r) {
			next.rules = append(next.rules, r)
		}
	}
	if (len(hostnames) > 0 || c.complete()) && !next.complete() {
		next.rules = append(next.rules, rule{Service: "http_status:404", raw: json.RawMessage(`{"service":"http_status:404"}`)})
	}
	same := slices.EqualFunc(c.rules, next.rules, func(a, b rule) bool {
		if m.onRule(a) && m.onRule(b) {
			return a.same(b)
		}
		return bytes.Equal(a.raw, b.raw)
	})
	return next, !same
}

// complete says whether the last rule catches all, as it must where there are any.
func (c Configuration) complete() bool {
	return len(c.rules) > 0 && c.rules[len(c.rules)-1].catchesAll()
}

// encode writes the JSON. What was not ours is written as it was read.
func (c Configuration) encode() (json.RawMessage, error) {
	raws := make([]json.RawMessage, 0, len(c.rules))
	for _, r := range c.rules {
		raws = append(raws, r.raw)
	}
	ingress, err := plain(raws)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(c.keys)
	if all == nil {
		all = map[string]json.RawMessage{}
	}
	all["ingress"] = ingress
	return plain(all)
}

// plain encodes without writing <, > and & in another way than they were.
func plain(value any) (json.RawMessage, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// newRule is the only kind of rule that we write. None of its parts needs
// escaping: hostname and mark have letters, digits, hyphens and dots, the URL an
// address and a port.
func newRule(m mark, hostname, edgeURL string) rule {
	return rule{
		Hostname: hostname, Service: edgeURL, OriginRequest: map[string]any{"originServerName": m.serverName()},
		raw: json.RawMessage(`{"hostname":"` + hostname + `","service":"` + edgeURL +
			`","originRequest":{"originServerName":"` + m.serverName() + `"}}`),
	}
}

// same says whether two rules of ours do the same.
func (r rule) same(other rule) bool {
	return r.Hostname == other.Hostname && r.Path == other.Path && r.Service == other.Service &&
		maps.EqualFunc(r.OriginRequest, other.OriginRequest, func(a, b any) bool {
			first, err := json.Marshal(a)
			second, err2 := json.Marshal(b)
			return err == nil && err2 == nil && bytes.Equal(first, second)
		})
}

// catchesAll says whether the rule fits every request.
func (r rule) catchesAll() bool { return (r.Hostname == "" || r.Hostname == "*") && r.Path == "" }

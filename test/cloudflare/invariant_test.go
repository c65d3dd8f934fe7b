package cloudflare_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// holding is what Cloudflare holds, as its snapshot says.
type holding struct {
	Zones map[string]struct {
		Records []struct {
			Name, Type, Content, Comment string
			Proxied                      bool
		} `json:"records"`
		CustomHostnames []struct {
			Hostname string            `json:"hostname"`
			Metadata map[string]string `json:"custom_metadata"`
		} `json:"custom_hostnames"`
	} `json:"zones"`
	Tunnels map[string]struct {
		Configuration map[string]json.RawMessage `json:"configuration"`
	} `json:"tunnels"`
}

type ingressRule struct {
	Hostname      string `json:"hostname"`
	Service       string `json:"service"`
	OriginRequest struct {
		ServerName string `json:"originServerName"`
	} `json:"originRequest"`
}

// seen splits what there is into ours and everybody else's, one line each.
type seen struct {
	rules   []string // hostnames of our rules, in order
	records []string // names of our records
	customs []string // our custom hostnames
	foreign []string
	wrong   []string // what must never be
}

func look(snapshot []byte) (seen, error) {
	var h holding
	if err := json.Unmarshal(snapshot, &h); err != nil {
		return seen{}, err
	}
	var s seen
	for _, name := range slices.Sorted(maps.Keys(h.Zones)) {
		s.lookAtZone(name, h)
	}
	for _, name := range slices.Sorted(maps.Keys(h.Tunnels)) {
		if err := s.lookAtTunnel(h.Tunnels[name].Configuration); err != nil {
			return seen{}, err
		}
	}
	s.judge()
	return s, nil
}

func (s *seen) lookAtZone(name string, h holding) {
	for _, r := range h.Zones[name].Records {
		if r.Comment == ourComment {
			s.records = append(s.records, r.Name)
		} else {
			s.foreign = append(s.foreign, fmt.Sprintf("record %+v", r))
		}
	}
	for _, c := range h.Zones[name].CustomHostnames {
		if c.Metadata["siteplane"] == installation {
			s.customs = append(s.customs, c.Hostname)
		} else {
			s.foreign = append(s.foreign, fmt.Sprintf("custom hostname %+v", c))
		}
	}
}

func (s *seen) lookAtTunnel(configuration map[string]json.RawMessage) error {
	for _, key := range slices.Sorted(maps.Keys(configuration)) {
		if key != "ingress" {
			s.foreign = append(s.foreign, fmt.Sprintf("key %s %s", key, compact(configuration[key])))
		}
	}
	var raws []json.RawMessage
	if ingress := configuration["ingress"]; ingress != nil {
		if err := json.Unmarshal(ingress, &raws); err != nil {
			return err
		}
	}
	for _, raw := range raws {
		var r ingressRule
		if err := json.Unmarshal(raw, &r); err != nil {
			return err
		}
		switch {
		case r.OriginRequest.ServerName != ourServer:
			s.foreign = append(s.foreign, "rule "+compact(raw))
		case r.Service != edgeURL:
			s.wrong = append(s.wrong, fmt.Sprintf("rule %s leads to %s", r.Hostname, r.Service))
		default:
			s.rules = append(s.rules, r.Hostname)
		}
	}
	return nil
}

// judge finds what must not be, whenever one looks (F53, I13).
func (s *seen) judge() {
	for _, name := range slices.Concat(s.records, s.customs) {
		if !slices.Contains(s.rules, name) && name != target {
			s.wrong = append(s.wrong, name+" leads to the tunnel without a rule")
		}
	}
	if len(s.customs) > 0 && !slices.Contains(s.records, target) {
		s.wrong = append(s.wrong, "custom hostnames lead to a name without record")
	}
	if !slices.IsSorted(s.rules) {
		s.wrong = append(s.wrong, "our rules are not in order: "+strings.Join(s.rules, " "))
	}
}

func compact(raw json.RawMessage) string { return strings.Join(strings.Fields(string(raw)), "") }

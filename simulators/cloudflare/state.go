package cloudflare

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// state is what the API has made; zones, accounts and tokens are configuration.
// The server's mutex guards it.
type state struct {
	Records   []*Record         `json:"records"`
	Tunnels   []*tunnel         `json:"tunnels"`
	Hostnames []*customHostname `json:"custom_hostnames"`
	// Made counts what was ever made from the same parts; see fresh.
	Made map[string]int `json:"made"`

	// changes counts what was changed, to tell a call with effect from one without.
	changes int
}

func (st *state) changed() { st.changes++ }

// loadState reads the state file, if there is one, and adds the tunnels that the
// configuration names.
func loadState(cfg Config) (*state, error) {
	st := &state{Made: map[string]int{}}
	if cfg.StateFile != "" {
		if err := st.read(cfg.StateFile); err != nil {
			return nil, err
		}
	}
	for _, t := range cfg.Tunnels {
		st.addTunnel(t, cfg.Clock())
	}
	return st, nil
}

func (st *state) read(path string) error {
	content, err := os.ReadFile(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read cloudflare state: %w", err)
	}
	if err := json.Unmarshal(content, st); err != nil {
		return fmt.Errorf("parse cloudflare state %s: %w", path, err)
	}
	if st.Made == nil {
		st.Made = map[string]int{}
	}
	return nil
}

// write replaces the state file whole or not at all.
func (st *state) write(path string) error {
	content, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("encode cloudflare state: %w", err)
	}
	next := path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return fmt.Errorf("write cloudflare state: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("replace cloudflare state: %w", err)
	}
	return nil
}

// clone returns a copy that later changes do not reach.
func (st *state) clone() (*state, error) {
	content, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("copy state: %w", err)
	}
	copied := &state{}
	if err := json.Unmarshal(content, copied); err != nil {
		return nil, fmt.Errorf("copy state: %w", err)
	}
	return copied, nil
}

// snapshot is the state without what differs between two ways to the same end:
// ids, times, verification values and the versions of configurations.
type snapshot struct {
	Zones   map[string]zoneSnapshot   `json:"zones"`
	Tunnels map[string]tunnelSnapshot `json:"tunnels"`
}

type zoneSnapshot struct {
	Records         []recordSnapshot   `json:"records"`
	CustomHostnames []hostnameSnapshot `json:"custom_hostnames"`
}

type recordSnapshot struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
	Proxied bool   `json:"proxied"`
	TTL     int    `json:"ttl"`
	Comment string `json:"comment"`
}

type hostnameSnapshot struct {
	Hostname       string         `json:"hostname"`
	Status         string         `json:"status"`
	SSLStatus      string         `json:"ssl_status"`
	Method         string         `json:"method"`
	Type           string         `json:"type"`
	CustomMetadata map[string]any `json:"custom_metadata"`
}

type tunnelSnapshot struct {
	ID            string `json:"id"`
	Configuration any    `json:"configuration"`
}

// Snapshot returns the state as canonical JSON, to be compared byte for byte.
func (s *Server) Snapshot() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := snapshot{Zones: map[string]zoneSnapshot{}, Tunnels: map[string]tunnelSnapshot{}}
	for _, z := range s.cfg.Zones {
		snap.Zones[z.Name] = s.state.snapshotZone(z.ID)
	}
	for _, t := range s.state.Tunnels {
		if t.DeletedAt == nil {
			snap.Tunnels[t.AccountID+"/"+t.Name] = tunnelSnapshot{ID: t.ID, Configuration: decoded(t.Config)}
		}
	}
	return encodeIndented(snap)
}

func (st *state) snapshotZone(id string) zoneSnapshot {
	snap := zoneSnapshot{Records: []recordSnapshot{}, CustomHostnames: []hostnameSnapshot{}}
	for _, r := range st.recordsOf(id) {
		snap.Records = append(snap.Records, recordSnapshot{r.Name, r.Type, r.Content, r.Proxied, r.TTL, r.Comment})
	}
	for _, h := range st.Hostnames {
		if h.ZoneID == id {
			snap.CustomHostnames = append(snap.CustomHostnames,
				hostnameSnapshot{h.Hostname, h.Status, h.SSL.Status, h.SSL.Method, h.SSL.Type, h.CustomMetadata})
		}
	}
	slices.SortFunc(snap.CustomHostnames, func(a, b hostnameSnapshot) int { return cmp.Compare(a.Hostname, b.Hostname) })
	return snap
}

// decoded turns JSON into values, so that it is encoded in canonical order.
func decoded(raw json.RawMessage) any {
	var value any
	if len(raw) == 0 || json.Unmarshal(raw, &value) != nil {
		return nil
	}
	return value
}

// encodeIndented encodes values that cannot fail to encode.
func encodeIndented(value any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return []byte(err.Error())
	}
	return b.Bytes()
}

package cloudflare

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Hand is somebody else who changes the same things, for instance in the
// dashboard. What it does is in the log with the actor "hand", costs no token's
// budget and meets no fault.
type Hand struct{ s *Server }

// Hand returns somebody else.
func (s *Server) Hand() Hand { return Hand{s} }

// act runs a change by hand, whole, and lets its effects out.
func (h Hand) act(method, path string, body any, change func() error) error {
	h.s.mu.Lock()
	err := h.s.byHand(method, path, body, change)
	h.s.save()
	h.s.mu.Unlock()
	h.s.publish()
	if err != nil {
		return fmt.Errorf("%s %s by hand: %w", method, path, err)
	}
	return nil
}

// byHand runs and logs a change. The mutex is held.
func (s *Server) byHand(method, path string, body any, change func() error) error {
	before := s.state.changes
	err := change()
	entry := Call{
		Actor: actorHand, Method: method, Path: path, Status: http.StatusOK,
		Mutating: true, Effect: s.state.changes != before, At: s.cfg.Clock(),
	}
	if refusal, ok := err.(*apiError); ok {
		entry.Status = refusal.status
	}
	if content, failed := json.Marshal(body); failed == nil && body != nil {
		entry.RequestBody = string(content)
	}
	s.journal.add(entry)
	return err
}

// CreateRecord adds a record and returns it as stored.
func (h Hand) CreateRecord(zoneID string, r Record) (made Record, err error) {
	err = h.act(http.MethodPost, "/zones/"+zoneID+"/dns_records", r, func() error {
		made, err = h.s.addRecordByHand(zoneID, r)
		return err
	})
	return made, err
}

func (s *Server) addRecordByHand(zoneID string, r Record) (Record, error) {
	z, ok := s.zoneByID(zoneID)
	if !ok {
		return Record{}, errNotYours
	}
	if r.TTL == 0 {
		r.TTL = automaticTTL
	}
	made, err := s.state.addRecord(z, r, s.cfg.Clock())
	if err != nil {
		return Record{}, err
	}
	return *made, nil
}

// UpdateRecord replaces the record that r names by ZoneID and ID.
func (h Hand) UpdateRecord(r Record) error {
	return h.act(http.MethodPut, "/zones/"+r.ZoneID+"/dns_records/"+r.ID, r, func() error {
		old, err := h.s.state.recordByID(r.ZoneID, r.ID)
		if err != nil {
			return err
		}
		if r.TTL == 0 {
			r.TTL = automaticTTL
		}
		z, _ := h.s.zoneByID(r.ZoneID)
		return h.s.state.replaceRecord(z, old, r, h.s.cfg.Clock())
	})
}

// DeleteRecord removes a record.
func (h Hand) DeleteRecord(zoneID, id string) error {
	return h.act(http.MethodDelete, "/zones/"+zoneID+"/dns_records/"+id, nil, func() error {
		r, err := h.s.state.recordByID(zoneID, id)
		if err == nil {
			h.s.state.removeRecord(r)
		}
		return err
	})
}

// PutConfiguration replaces the configuration of a tunnel: the object that the
// API has below "config".
func (h Hand) PutConfiguration(tunnelID string, config json.RawMessage) error {
	return h.act(http.MethodPut, "/cfd_tunnel/"+tunnelID+"/configurations", config, func() error {
		return h.s.configureByHand(tunnelID, config)
	})
}

func (s *Server) configureByHand(tunnelID string, config json.RawMessage) error {
	t := s.state.tunnelByID(tunnelID)
	if t == nil || t.DeletedAt != nil {
		return errNoTunnel
	}
	return s.state.configure(t, config, s.cfg.Clock())
}

// DeleteTunnel deletes a tunnel, connections or not.
func (h Hand) DeleteTunnel(tunnelID string) error {
	return h.act(http.MethodDelete, "/cfd_tunnel/"+tunnelID, nil, func() error {
		t := h.s.state.tunnelByID(tunnelID)
		if t == nil || t.DeletedAt != nil {
			return errNoTunnel
		}
		h.s.state.removeTunnel(t, h.s.cfg.Clock())
		return nil
	})
}

// ConnectTunnel starts or stops the connector of a tunnel.
func (h Hand) ConnectTunnel(tunnelID string, up bool) error {
	return h.act(http.MethodPut, "/cfd_tunnel/"+tunnelID+"/connections", up, func() error {
		t := h.s.state.tunnelByID(tunnelID)
		if t == nil || t.DeletedAt != nil {
			return errNoTunnel
		}
		t.connect(up, h.s.cfg.Clock())
		h.s.state.changed()
		return nil
	})
}

// CreateCustomHostname adds a custom hostname and returns its id.
func (h Hand) CreateCustomHostname(zoneID, hostname string, metadata map[string]any) (id string, err error) {
	var body hostnameBody
	if err := json.Unmarshal([]byte(`{"ssl":{"method":"http","type":"dv"}}`), &body); err != nil {
		return "", err
	}
	body.Hostname, body.CustomMetadata = hostname, metadata
	err = h.act(http.MethodPost, "/zones/"+zoneID+"/custom_hostnames", body, func() error {
		z, ok := h.s.zoneByID(zoneID)
		if !ok {
			return errNotYours
		}
		made, err := h.s.state.addHostname(z, body, h.s.cfg.Clock())
		if err == nil {
			id = made.ID
		}
		return err
	})
	return id, err
}

// DeleteCustomHostname removes a custom hostname.
func (h Hand) DeleteCustomHostname(zoneID, hostname string) error {
	return h.act(http.MethodDelete, "/zones/"+zoneID+"/custom_hostnames", hostname, func() error {
		for _, held := range h.s.state.Hostnames {
			if held.ZoneID == zoneID && held.Hostname == normalName(hostname) {
				h.s.state.removeHostname(held)
				return nil
			}
		}
		return refuse(http.StatusNotFound, 1436, "The custom hostname was not found.")
	})
}

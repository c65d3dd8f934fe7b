package cloudflare

import "time"

// connectionView is one of the four connections of a connector.
type connectionView struct {
	ID                 string    `json:"id"`
	UUID               string    `json:"uuid"`
	ClientID           string    `json:"client_id"`
	ClientVersion      string    `json:"client_version"`
	ColoName           string    `json:"colo_name"`
	IsPendingReconnect bool      `json:"is_pending_reconnect"`
	OpenedAt           time.Time `json:"opened_at"`
	OriginIP           string    `json:"origin_ip"`
}

// connectorView is a running cloudflared.
type connectorView struct {
	ID            string           `json:"id"`
	Version       string           `json:"version"`
	Arch          string           `json:"arch"`
	Features      []string         `json:"features"`
	RunAt         time.Time        `json:"run_at"`
	ConfigVersion int              `json:"config_version"`
	Conns         []connectionView `json:"conns"`
}

// clientVersion is the cloudflared that the simulator says it is.
const clientVersion = "2025.8.1"

func (t *tunnel) status() string {
	switch {
	case t.Connected:
		return "healthy"
	case t.Version > 0:
		return "down"
	}
	return "inactive"
}

func (t *tunnel) connections() []connectionView {
	found := []connectionView{}
	if !t.Connected {
		return found
	}
	for _, colo := range []string{"ams01", "ams02", "fra01", "fra02"} {
		id := UUID("connection", t.ID, colo)
		found = append(found, connectionView{
			ID: id, UUID: id, ClientID: UUID("connector", t.ID), ClientVersion: clientVersion,
			ColoName: colo, OpenedAt: t.Since, OriginIP: "192.0.2.1",
		})
	}
	return found
}

func (t *tunnel) connect(up bool, now time.Time) {
	if t.Connected != up {
		t.Connected, t.Since = up, now.UTC()
	}
}

func (s *Server) getConnections(c *call) (reply, error) {
	t, err := s.liveTunnel(c)
	if err != nil {
		return reply{}, err
	}
	connectors := []connectorView{}
	if t.Connected {
		connectors = append(connectors, connectorView{
			ID: UUID("connector", t.ID), Version: clientVersion, Arch: "linux_amd64", Features: []string{"ha-origin"},
			RunAt: t.Since, ConfigVersion: t.Version, Conns: t.connections(),
		})
	}
	return reply{result: connectors}, nil
}

// deleteConnections is needed before a tunnel can be deleted.
func (s *Server) deleteConnections(c *call) (reply, error) {
	t, err := s.liveTunnel(c)
	if err != nil {
		return reply{}, err
	}
	if t.Connected {
		t.connect(false, s.cfg.Clock())
		s.state.changed()
	}
	return reply{result: struct{}{}}, nil
}

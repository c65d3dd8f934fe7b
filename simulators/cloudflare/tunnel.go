package cloudflare

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

var errNoTunnel = refuse(http.StatusNotFound, 1003, "Tunnel not found")

// tunnel is a tunnel with its configuration. A deleted one stays on the list,
// marked, and its name is free again.
type tunnel struct {
	Tunnel
	CreatedAt time.Time       `json:"created_at"`
	DeletedAt *time.Time      `json:"deleted_at"`
	Version   int             `json:"version"`
	Config    json.RawMessage `json:"config"` // empty before the first PUT
	// Connected says that a connector serves the tunnel. The simulator is that
	// connector and comes by itself once there is a configuration.
	Connected bool `json:"connected"`
	// Since is when Connected became what it is.
	Since time.Time `json:"since"`

	parsed *ingress // what Config says; nil until it is asked for
}

// tunnelView is a tunnel as the API shows it.
type tunnelView struct {
	ID              string           `json:"id"`
	AccountTag      string           `json:"account_tag"`
	Name            string           `json:"name"`
	CreatedAt       time.Time        `json:"created_at"`
	DeletedAt       *time.Time       `json:"deleted_at"`
	Connections     []connectionView `json:"connections"`
	ConnsActiveAt   *time.Time       `json:"conns_active_at"`
	ConnsInactiveAt *time.Time       `json:"conns_inactive_at"`
	TunType         string           `json:"tun_type"`
	Metadata        struct{}         `json:"metadata"`
	Status          string           `json:"status"`
	RemoteConfig    bool             `json:"remote_config"`
	ConfigSrc       string           `json:"config_src"`
}

func viewTunnel(t *tunnel) tunnelView {
	v := tunnelView{
		ID: t.ID, AccountTag: t.AccountID, Name: t.Name, CreatedAt: t.CreatedAt, DeletedAt: t.DeletedAt,
		Connections: t.connections(), TunType: "cfd_tunnel", Status: t.status(), RemoteConfig: true, ConfigSrc: "cloudflare",
	}
	switch v.Status {
	case "healthy":
		v.ConnsActiveAt = &t.Since
	case "down":
		v.ConnsInactiveAt = &t.Since
	}
	return v
}

// account finds the account that the path names.
func (s *Server) account(c *call) (string, error) {
	id := c.request.PathValue("account")
	if !hexID.MatchString(id) {
		return "", errZoneID
	}
	if !c.token.sees(id) {
		return "", errForbidden
	}
	return id, nil
}

// tunnel finds the account and the tunnel that the path names.
func (s *Server) tunnel(c *call) (*tunnel, error) {
	account, err := s.account(c)
	if err != nil {
		return nil, err
	}
	t := c.state.tunnelByID(c.request.PathValue("tunnel"))
	if t == nil || t.AccountID != account {
		return nil, errNoTunnel
	}
	return t, nil
}

// liveTunnel finds a tunnel that is not deleted.
func (s *Server) liveTunnel(c *call) (*tunnel, error) {
	t, err := s.tunnel(c)
	if err == nil && t.DeletedAt != nil {
		return nil, errNoTunnel
	}
	return t, err
}

func (st *state) tunnelByID(id string) *tunnel {
	for _, t := range st.Tunnels {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// listTunnels lists deleted ones too, unless is_deleted says otherwise.
func (s *Server) listTunnels(c *call) (reply, error) {
	account, err := s.account(c)
	if err != nil {
		return reply{}, err
	}
	var found []*tunnel
	for _, t := range c.state.Tunnels {
		if t.AccountID == account && c.wantsTunnel(t) {
			found = append(found, t)
		}
	}
	slices.SortStableFunc(found, func(a, b *tunnel) int { return strings.Compare(a.Name, b.Name) })
	part, info := page(c, found, 100, 1000)
	return reply{result: views(part, viewTunnel), info: info}, nil
}

func (c *call) wantsTunnel(t *tunnel) bool {
	q := c.query
	return matchesOrAny(q.Get("name"), t.Name) && matchesOrAny(q.Get("uuid"), t.ID) &&
		matchesOrAny(q.Get("status"), t.status()) &&
		(q.Get("is_deleted") == "" || (q.Get("is_deleted") == "true") == (t.DeletedAt != nil))
}

func matchesOrAny(wanted, value string) bool { return wanted == "" || wanted == value }

func (s *Server) getTunnel(c *call) (reply, error) {
	t, err := s.tunnel(c)
	if err != nil {
		return reply{}, err
	}
	return reply{result: viewTunnel(t)}, nil
}

func (s *Server) createTunnel(c *call) (reply, error) {
	account, err := s.account(c)
	if err != nil {
		return reply{}, err
	}
	var body struct {
		Name string `json:"name"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if body.Name == "" {
		return reply{}, refuse(http.StatusBadRequest, 1001, "The tunnel name must not be empty")
	}
	taken := func(t *tunnel) bool { return t.AccountID == account && t.Name == body.Name && t.DeletedAt == nil }
	if slices.ContainsFunc(s.state.Tunnels, taken) {
		return reply{}, refuse(http.StatusConflict, 1013,
			"You already have a tunnel with this name. Delete the existing tunnel, or choose a different name for your new tunnel")
	}
	id := UUID(s.state.fresh("tunnel", account, body.Name)...)
	made := s.state.addTunnel(Tunnel{ID: id, Name: body.Name, AccountID: account}, s.cfg.Clock())
	return reply{result: viewTunnel(made)}, nil
}

// addTunnel adds a tunnel unless there is one of that id.
func (st *state) addTunnel(made Tunnel, now time.Time) *tunnel {
	if t := st.tunnelByID(made.ID); t != nil {
		return t
	}
	t := &tunnel{Tunnel: made, CreatedAt: now.UTC(), Since: now.UTC()}
	st.Tunnels = append(st.Tunnels, t)
	st.changed()
	return t
}

func (s *Server) deleteTunnel(c *call) (reply, error) {
	t, err := s.liveTunnel(c)
	if err != nil {
		return reply{}, err
	}
	if t.Connected {
		return reply{}, refuse(http.StatusBadRequest, 1022, "Cannot delete tunnel because it has active connections.")
	}
	s.state.removeTunnel(t, s.cfg.Clock())
	return reply{result: viewTunnel(t)}, nil
}

func (st *state) removeTunnel(t *tunnel, now time.Time) {
	at := now.UTC()
	t.DeletedAt = &at
	t.connect(false, now)
	st.changed()
}

// getTunnelToken answers what cloudflared is started with.
func (s *Server) getTunnelToken(c *call) (reply, error) {
	t, err := s.liveTunnel(c)
	if err != nil {
		return reply{}, err
	}
	content, err := json.Marshal(map[string]string{"a": t.AccountID, "t": t.ID, "s": secretOf("tunnel", t.ID)})
	if err != nil {
		return reply{}, err
	}
	return reply{result: base64.StdEncoding.EncodeToString(content)}, nil
}

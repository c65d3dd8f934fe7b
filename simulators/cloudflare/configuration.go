package cloudflare

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// configurationView is a configuration as the API shows it.
type configurationView struct {
	AccountID string          `json:"account_id"`
	TunnelID  string          `json:"tunnel_id"`
	Version   int             `json:"version"`
	Config    json.RawMessage `json:"config"`
	Source    string          `json:"source"`
	CreatedAt time.Time       `json:"created_at"`
}

func viewConfiguration(t *tunnel) configurationView {
	v := configurationView{
		AccountID: t.AccountID, TunnelID: t.ID, Version: t.Version, Config: t.Config,
		Source: "cloudflare", CreatedAt: t.CreatedAt,
	}
	if len(v.Config) == 0 {
		v.Config = json.RawMessage("null")
	}
	return v
}

func (s *Server) getConfiguration(c *call) (reply, error) {
	t, err := s.liveTunnel(c)
	if err != nil {
		return reply{}, err
	}
	return reply{result: viewConfiguration(t)}, nil
}

// putConfiguration replaces the whole configuration, with no way to say which
// version it is meant to replace.
func (s *Server) putConfiguration(c *call) (reply, error) {
	t, err := s.liveTunnel(c)
	if err != nil {
		return reply{}, err
	}
	var body struct {
		Config json.RawMessage `json:"config"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if err := s.state.configure(t, body.Config, s.cfg.Clock()); err != nil {
		return reply{}, err
	}
	return reply{result: viewConfiguration(t)}, nil
}

// configure takes a configuration as it is, with all that it does not know.
func (st *state) configure(t *tunnel, config json.RawMessage, now time.Time) error {
	parsed, err := parseIngress(config)
	if err != nil {
		return refuse(http.StatusBadRequest, 1056, "Bad Configuration: Validation failed: %v", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, config); err != nil {
		return errBody
	}
	t.Config, t.Version, t.parsed = compact.Bytes(), t.Version+1, parsed
	if t.Version == 1 {
		t.connect(true, now)
	}
	st.changed()
	return nil
}

// rules returns what the configuration says about requests.
func (t *tunnel) rules() (*ingress, error) {
	if t.parsed == nil {
		parsed, err := parseIngress(t.Config)
		if err != nil {
			return nil, err
		}
		t.parsed = parsed
	}
	return t.parsed, nil
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// cloudflare steers the simulated Cloudflare: its faults, and hands in its
// dashboard.
type cloudflare struct {
	// control is the URL of its control API.
	control string
}

func newCloudflare(apiURL string) cloudflare {
	return cloudflare{control: strings.TrimSuffix(apiURL, "/client/v4") + "/_sim"}
}

// call sends a request of the control API and reads its answer; either body may be
// nil.
func (c cloudflare) call(ctx context.Context, method, path string, send, into any) error {
	body, err := json.Marshal(send)
	if err != nil {
		return fmt.Errorf("encode for the simulated Cloudflare: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, visitLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.control+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the simulated Cloudflare: %w", err)
	}
	response, err := new(http.Transport).RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask the simulated Cloudflare: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return fmt.Errorf("read the answer of the simulated Cloudflare: %w", err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("the simulated Cloudflare answers %s %s with %d: %s", method, path, response.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// inject makes calls of the API fail, or be held, as the fault says.
func (c cloudflare) inject(ctx context.Context, fault map[string]any) error {
	return c.call(ctx, http.MethodPost, "/faults", fault, nil)
}

// heal ends all faults.
func (c cloudflare) heal(ctx context.Context) error {
	return errors.Join(c.call(ctx, http.MethodDelete, "/faults", nil, nil), c.call(ctx, http.MethodPost, "/release", nil, nil))
}

// held returns how many calls it holds now.
func (c cloudflare) held(ctx context.Context) (int, error) {
	var calls []json.RawMessage
	err := c.call(ctx, http.MethodGet, "/held", nil, &calls)
	return len(calls), err
}

// tunnelState is what the simulator tells of a tunnel.
type tunnelState struct {
	ID            string `json:"id"`
	Configuration struct {
		Ingress []map[string]any `json:"ingress"`
	} `json:"configuration"`
}

// tunnel returns the one tunnel that has rules.
func (c cloudflare) tunnel(ctx context.Context) (tunnelState, error) {
	var state struct {
		Tunnels map[string]tunnelState `json:"tunnels"`
	}
	if err := c.call(ctx, http.MethodGet, "/state", nil, &state); err != nil {
		return tunnelState{}, err
	}
	for _, t := range state.Tunnels {
		if len(t.Configuration.Ingress) > 0 {
			return t, nil
		}
	}
	return tunnelState{}, errors.New("no tunnel of the simulated Cloudflare has rules")
}

// hasRule reports whether the tunnel has a rule for a hostname.
func (c cloudflare) hasRule(ctx context.Context, hostname string) (bool, error) {
	t, err := c.tunnel(ctx)
	for _, rule := range t.Configuration.Ingress {
		if rule["hostname"] == hostname {
			return true, err
		}
	}
	return false, err
}

// removeRule takes a rule away, as a hand in the dashboard does.
func (c cloudflare) removeRule(ctx context.Context, hostname string) error {
	t, err := c.tunnel(ctx)
	if err != nil {
		return err
	}
	left := []map[string]any{}
	for _, rule := range t.Configuration.Ingress {
		if rule["hostname"] != hostname {
			left = append(left, rule)
		}
	}
	if len(left) == len(t.Configuration.Ingress) {
		return fmt.Errorf("the tunnel has no rule for %s", hostname)
	}
	return c.call(ctx, http.MethodPut, "/tunnels/"+t.ID+"/configuration", map[string]any{"ingress": left}, nil)
}

package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/cloudflare/cloudflare-go/v7/option"
	"github.com/cloudflare/cloudflare-go/v7/zero_trust"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
)

// putConfiguration replaces the tunnel's configuration.
func (c *Client) putConfiguration(ctx context.Context, config json.RawMessage) error {
	params := zero_trust.TunnelCloudflaredConfigurationUpdateParams{}
	params.AccountID.Value, params.AccountID.Present = c.accountID, true
	// The typed form would drop the keys that the library does not know.
	params.Config.Raw, params.Config.Present = config, true
	return c.change(ctx, func(ctx context.Context, opts ...option.RequestOption) error {
		_, err := c.configurations.Update(ctx, c.tunnelID, params, opts...)
		return err
	})
}

// Configuration reads the tunnel's.
func (c *Client) Configuration(ctx context.Context) (Configuration, error) {
	params := zero_trust.TunnelCloudflaredConfigurationGetParams{}
	params.AccountID.Value, params.AccountID.Present = c.accountID, true
	var answer envelope[struct {
		TunnelID string          `json:"tunnel_id"`
		Version  int64           `json:"version"`
		Config   json.RawMessage `json:"config"`
	}]
	err := c.call(ctx, &answer, func(ctx context.Context, opts ...option.RequestOption) error {
		_, err := c.configurations.Get(ctx, c.tunnelID, params, opts...)
		return err
	})
	var refused *refusal
	switch {
	case errors.As(err, &refused) && refused.status == http.StatusNotFound:
		return Configuration{}, &fault.Unavailable{Message: fmt.Sprintf(
			"tunnel %s is not in account %s: it was deleted, or the setting is wrong", c.tunnelID, c.accountID)}
	case err != nil:
		return Configuration{}, unreadable(err)
	case !strings.EqualFold(answer.Result.TunnelID, c.tunnelID):
		return Configuration{}, malformed("the configuration of another tunnel")
	}
	return parseConfiguration(answer.Result.Version, answer.Result.Config)
}

package cloudflare

import (
	"context"
	"strings"

	"github.com/cloudflare/cloudflare-go/v7/custom_hostnames"
	"github.com/cloudflare/cloudflare-go/v7/option"
)

// The certificate of a custom hostname is validated by a request that Cloudflare
// answers itself once the name leads to it, so tenants write one record only.
const (
	validationMethod = "http"
	validationType   = "dv"
	statusActive     = "active"
)

// CustomHostname is a name of somebody else's zone that Cloudflare serves for us,
// as far as it matters here.
type CustomHostname struct {
	ID                 string         `json:"id"`
	ZoneID             string         `json:"-"`
	Hostname           string         `json:"hostname"`
	Status             string         `json:"status"`
	Created            timestamp      `json:"created_at"`
	VerificationErrors []string       `json:"verification_errors"`
	Metadata           map[string]any `json:"custom_metadata"`
	SSL                Certificate    `json:"ssl"`
	Ownership          struct {
		Type  string `json:"type"`
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"ownership_verification"`
}

// Certificate is a custom hostname's.
type Certificate struct {
	Status string `json:"status"`
	Method string `json:"method"`
	Type   string `json:"type"`
	Errors []struct {
		Message string `json:"message"`
	} `json:"validation_errors"`
	Records []struct {
		TXTName  string `json:"txt_name"`
		TXTValue string `json:"txt_value"`
	} `json:"validation_records"`
	Delegations []struct {
		CNAME  string `json:"cname"`
		Target string `json:"cname_target"`
	} `json:"dcv_delegation_records"`
}

func (h CustomHostname) id() string { return h.ID }

// active says whether visitors are served.
func (h CustomHostname) active() bool {
	return h.Status == statusActive && h.SSL.Status == statusActive
}

// stuck says whether Cloudflare has stopped trying, or tries the wrong way.
func (h CustomHostname) stuck() bool {
	return h.SSL.Method != validationMethod || h.SSL.Type != validationType || strings.HasSuffix(h.SSL.Status, "_timed_out")
}

// CustomHostnames lists those of a zone: all, or with a hostname the one.
func (c *Client) CustomHostnames(ctx context.Context, zoneID, hostname string) ([]CustomHostname, error) {
	listed, err := list[CustomHostname](ctx, c, hostnamesPerPage, func(ctx context.Context, page, perPage float64, opts ...option.RequestOption) error {
		params := custom_hostnames.CustomHostnameListParams{}
		params.ZoneID.Value, params.ZoneID.Present = zoneID, true
		params.Page.Value, params.Page.Present = page, true
		params.PerPage.Value, params.PerPage.Present = perPage, true
		if hostname != "" {
			params.Hostname.Value.Exact.Value, params.Hostname.Value.Exact.Present = hostname, true
			params.Hostname.Present = true
		}
		_, err := c.hostnames.List(ctx, params, opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []CustomHostname
	for _, h := range listed {
		h.Hostname, h.ZoneID = strings.ToLower(h.Hostname), zoneID
		if hostname == "" || h.Hostname == hostname {
			out = append(out, h)
		}
	}
	return out, nil
}

func (c *Client) createHostname(ctx context.Context, h CustomHostname) error {
	params := custom_hostnames.CustomHostnameNewParams{}
	params.ZoneID.Value, params.ZoneID.Present = h.ZoneID, true
	params.Hostname.Value, params.Hostname.Present = h.Hostname, true
	params.CustomMetadata.Raw, params.CustomMetadata.Present = h.Metadata, true
	ssl := custom_hostnames.CustomHostnameNewParamsSSL{}
	ssl.Method.Value, ssl.Method.Present = validationMethod, true
	ssl.Type.Value, ssl.Type.Present = validationType, true
	params.SSL.Value, params.SSL.Present = ssl, true
	return c.change(ctx, func(ctx context.Context, opts ...option.RequestOption) error {
		_, err := c.hostnames.New(ctx, params, opts...)
		return err
	})
}

func (c *Client) restartHostname(ctx context.Context, h CustomHostname) error {
	params := custom_hostnames.CustomHostnameEditParams{}
	params.ZoneID.Value, params.ZoneID.Present = h.ZoneID, true
	ssl := custom_hostnames.CustomHostnameEditParamsSSL{}
	ssl.Method.Value, ssl.Method.Present = validationMethod, true
	ssl.Type.Value, ssl.Type.Present = validationType, true
	params.SSL.Value, params.SSL.Present = ssl, true
	return c.change(ctx, func(ctx context.Context, opts ...option.RequestOption) error {
		_, err := c.hostnames.Edit(ctx, h.ID, params, opts...)
		return err
	})
}

func (c *Client) deleteHostname(ctx context.Context, h CustomHostname) error {
	params := custom_hostnames.CustomHostnameDeleteParams{}
	params.ZoneID.Value, params.ZoneID.Present = h.ZoneID, true
	return c.change(ctx, func(ctx context.Context, opts ...option.RequestOption) error {
		_, err := c.hostnames.Delete(ctx, h.ID, params, opts...)
		return err
	})
}

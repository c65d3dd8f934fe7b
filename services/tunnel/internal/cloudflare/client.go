package cloudflare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cloudflare/cloudflare-go/v7/custom_hostnames"
	"github.com/cloudflare/cloudflare-go/v7/dns"
	"github.com/cloudflare/cloudflare-go/v7/option"
	"github.com/cloudflare/cloudflare-go/v7/zero_trust"
	"github.com/cloudflare/cloudflare-go/v7/zones"

	"github.com/siteplane/siteplane/internal/platform/secret"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
)

// maxAnswer is the largest answer that is read, in bytes.
const maxAnswer = 32 << 20

// Budget bounds the calls that are made.
type Budget interface {
	// Spend takes one call, or refuses it with *fault.Unavailable.
	Spend() error
	// Block forbids calls for a while.
	Block(wait time.Duration) error
}

// ClientConfig has what the client needs; all is required.
type ClientConfig struct {
	// APIURL is the base of the API, ending with a slash.
	APIURL    string
	Token     secret.Secret
	AccountID string
	TunnelID  string
	Timeout   time.Duration // of one call
	Budget    Budget
}

// Client speaks with Cloudflare. It uses the vendor's library for paths,
// parameters and the credential; answers are read by its own types, because the
// library takes {"success": false} and pages that shifted for good.
type Client struct {
	accountID, tunnelID string

	timeout time.Duration
	budget  Budget

	zones          *zones.ZoneService
	records        *dns.RecordService
	hostnames      *custom_hostnames.CustomHostnameService
	configurations *zero_trust.TunnelCloudflaredConfigurationService
}

// NewClient returns a client. It calls nobody.
func NewClient(cfg ClientConfig) *Client {
	c := &Client{accountID: cfg.AccountID, tunnelID: cfg.TunnelID, timeout: cfg.Timeout, budget: cfg.Budget}
	opts := []option.RequestOption{
		option.WithBaseURL(cfg.APIURL),
		option.WithAPIToken(cfg.Token.Reveal()),
		// The caller decides what to do again, and when: the library would wait out
		// any Retry-After and send a POST twice.
		option.WithMaxRetries(0),
		option.WithHTTPClient(&http.Client{CheckRedirect: stay}),
		option.WithMiddleware(c.attempt),
	}
	c.zones = zones.NewZoneService(opts...)
	c.records = dns.NewRecordService(opts...)
	c.hostnames = custom_hostnames.NewCustomHostnameService(opts...)
	c.configurations = zero_trust.NewTunnelCloudflaredConfigurationService(opts...)
	return c
}

// stay follows no redirect: it could lead the token elsewhere.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Do makes one change.
func (c *Client) Do(ctx context.Context, change Change) error {
	switch change := change.(type) {
	case PutConfiguration:
		return c.putConfiguration(ctx, change.Config)
	case CreateRecord:
		return c.createRecord(ctx, change.Record)
	case ReplaceRecord:
		return c.replaceRecord(ctx, change.Record)
	case DeleteRecord:
		return ignoreGone(c.deleteRecord(ctx, change.Record))
	case CreateCustomHostname:
		return c.createHostname(ctx, change.CustomHostname)
	case RestartCustomHostname:
		return c.restartHostname(ctx, change.CustomHostname)
	case DeleteCustomHostname:
		return ignoreGone(c.deleteHostname(ctx, change.CustomHostname))
	default:
		return fmt.Errorf("do not know how to make a %T", change)
	}
}

// sender sends one request with the library.
type sender func(ctx context.Context, opts ...option.RequestOption) error

// envelope is around every answer.
type envelope[T any] struct {
	Result T `json:"result"`
	// Info is with lists only.
	Info struct {
		Total *int `json:"total_count"`
	} `json:"result_info"`
}

// call sends a request and reads its answer into a value.
func (c *Client) call(ctx context.Context, into any, send sender) error {
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err := send(bounded, option.WithResponseBodyInto(into))
	switch {
	case err == nil, known(err):
		return err
	case ctx.Err() != nil:
		return &fault.Unavailable{Message: "the time for this request is over"}
	case bounded.Err() != nil:
		return &fault.Unavailable{Message: fmt.Sprintf("Cloudflare did not answer within %s", c.timeout)}
	}
	return &fault.Unavailable{Message: fmt.Sprintf("Cloudflare could not be asked: %v", err)}
}

// change sends a request that changes one thing. Whether the answer says what is
// there now does not matter: everything is read back.
func (c *Client) change(ctx context.Context, send sender) error {
	var answer envelope[json.RawMessage]
	return c.call(ctx, &answer, send)
}

// attempt is around every request that goes out: it keeps the budget and judges
// the answer before the library sees it.
func (c *Client) attempt(request *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	if err := c.budget.Spend(); err != nil {
		return nil, &settled{err}
	}
	response, err := next(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusTooManyRequests {
		if err := c.budget.Block(retryAfter(response.Header)); err != nil {
			return nil, &settled{err}
		}
	}
	if err := judge(request, response, body); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

package cloudflare

import (
	"context"
	"strings"
	"time"

	"github.com/cloudflare/cloudflare-go/v7/option"
	"github.com/cloudflare/cloudflare-go/v7/zones"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
)

// zonesFresh is how old the list of zones may be for a look-up. It keeps a
// thousand look-ups from costing a thousand calls; a zone that was just added is
// found this much later.
const zonesFresh = 10 * time.Second

// Zone is a DNS zone of the account.
type Zone struct {
	ID, Name, AccountID string
	// Active says that the world asks Cloudflare for this zone. One that is not
	// proves nothing about who owns the name.
	Active bool
}

// zoneList remembers the zones for a short while. Failures are not remembered.
type zoneList struct {
	api API

	turn  chan struct{} // holds one token during the call: look-ups share it
	zones []Zone
	read  time.Time
}

func newZoneList(api API) *zoneList { return &zoneList{api: api, turn: make(chan struct{}, 1)} }

func (l *zoneList) get(ctx context.Context) ([]Zone, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, &fault.Unavailable{Message: "Cloudflare has not listed the zones in time"}
	}
	if !l.read.IsZero() && time.Since(l.read) < zonesFresh {
		return l.zones, nil
	}
	found, err := l.api.Zones(ctx)
	if err != nil {
		return nil, err
	}
	l.zones, l.read = found, time.Now()
	return found, nil
}

// zoneOf returns the active zone with the longest name that holds a hostname.
func zoneOf(hostname string, all []Zone) (Zone, bool) {
	var best Zone
	for _, z := range all {
		if z.Active && within(hostname, z.Name) && len(z.Name) > len(best.Name) {
			best = z
		}
	}
	return best, best.Name != ""
}

// nameOf returns the name of a zone, or its id when it is not listed.
func nameOf(id string, all []Zone) string {
	for _, z := range all {
		if z.ID == id {
			return z.Name
		}
	}
	return id
}

// within says whether a name is a zone's or below it.
func within(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone)
}

// zoneJSON is what is read of a zone.
type zoneJSON struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Status  string `json:"status"`
	Account struct {
		ID string `json:"id"`
	} `json:"account"`
}

func (z zoneJSON) id() string { return z.ID }

// Zones lists the zones of the account, whatever their status.
func (c *Client) Zones(ctx context.Context) ([]Zone, error) {
	listed, err := list[zoneJSON](ctx, c, zonesPerPage, func(ctx context.Context, page, perPage float64, opts ...option.RequestOption) error {
		params := zones.ZoneListParams{}
		account := zones.ZoneListParamsAccount{}
		account.ID.Value, account.ID.Present = c.accountID, true
		params.Account.Value, params.Account.Present = account, true
		params.Page.Value, params.Page.Present = page, true
		params.PerPage.Value, params.PerPage.Present = perPage, true
		_, err := c.zones.List(ctx, params, opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []Zone
	for _, z := range listed {
		if z.Account.ID == c.accountID {
			out = append(out, Zone{ID: z.ID, Name: strings.ToLower(z.Name), AccountID: z.Account.ID, Active: z.Status == "active"})
		}
	}
	return out, nil
}

package cloudflare

import (
	"net/http"
	"strings"
	"time"
)

// born is when the configured accounts and zones were made.
var born = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

var (
	errZoneID   = refuse(http.StatusNotFound, 7003, "Could not route to this path, perhaps your object identifier is invalid?")
	errNotYours = refuse(http.StatusForbidden, 9109, "Unauthorized to access requested resource")
)

// zoneView is a zone as the API shows it.
type zoneView struct {
	ID                  string      `json:"id"`
	Name                string      `json:"name"`
	Status              string      `json:"status"`
	Paused              bool        `json:"paused"`
	Type                string      `json:"type"`
	DevelopmentMode     int         `json:"development_mode"`
	NameServers         []string    `json:"name_servers"`
	OriginalNameServers []string    `json:"original_name_servers"`
	OriginalRegistrar   *string     `json:"original_registrar"`
	OriginalDNSHost     *string     `json:"original_dnshost"`
	Owner               ownerView   `json:"owner"`
	Account             accountView `json:"account"`
	Meta                struct{}    `json:"meta"`
	Permissions         []string    `json:"permissions"`
	CreatedOn           time.Time   `json:"created_on"`
	ModifiedOn          time.Time   `json:"modified_on"`
	ActivatedOn         time.Time   `json:"activated_on"`
}

type accountView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type ownerView struct {
	ID    *string `json:"id"`
	Type  string  `json:"type"`
	Email *string `json:"email"`
}

func (s *Server) zoneView(z Zone) zoneView {
	return zoneView{
		ID: z.ID, Name: z.Name, Status: "active", Type: "full",
		NameServers: []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"},
		Owner:       ownerView{Type: "user"}, Account: accountView{z.AccountID, s.accountName(z.AccountID)},
		Permissions: []string{}, CreatedOn: born, ModifiedOn: born, ActivatedOn: born,
	}
}

func (s *Server) accountName(id string) string {
	for _, a := range s.cfg.Accounts {
		if a.ID == id {
			return a.Name
		}
	}
	return ""
}

// listZones lists the zones of the token's accounts; others do not exist for it.
func (s *Server) listZones(c *call) (reply, error) {
	var found []Zone
	for _, z := range s.cfg.Zones {
		name, account := c.query.Get("name"), c.query.Get("account.id")
		if c.token.sees(z.AccountID) && (name == "" || strings.EqualFold(name, z.Name)) && (account == "" || account == z.AccountID) {
			found = append(found, z)
		}
	}
	part, info := page(c, found, 20, 50)
	return reply{result: views(part, s.zoneView), info: info}, nil
}

func (s *Server) getZone(c *call) (reply, error) {
	z, err := s.zone(c, errNotYours)
	if err != nil {
		return reply{}, err
	}
	return reply{result: s.zoneView(z)}, nil
}

// zone finds the zone that the path names. One of another account and one that
// does not exist are told apart by nobody.
func (s *Server) zone(c *call, foreign *apiError) (Zone, error) {
	id := c.request.PathValue("zone")
	if !hexID.MatchString(id) {
		return Zone{}, errZoneID
	}
	if z, ok := s.zoneByID(id); ok && c.token.sees(z.AccountID) {
		return z, nil
	}
	return Zone{}, foreign
}

func (s *Server) zoneByID(id string) (Zone, bool) {
	for _, z := range s.cfg.Zones {
		if z.ID == id {
			return z, true
		}
	}
	return Zone{}, false
}

// zoneAround returns the zone that a name is in, the nearest if there are more.
func zoneAround(zones []Zone, name string) (Zone, bool) {
	var nearest Zone
	for _, z := range zones {
		if within(name, z.Name) && len(z.Name) > len(nearest.Name) {
			nearest = z
		}
	}
	return nearest, nearest.ID != ""
}

// normalName writes a name the way it is stored: in lower case, without dot.
func normalName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// within reports whether a name is the zone's apex or below it.
func within(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }

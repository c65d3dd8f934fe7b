package cloudflare

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// defaultBudget is how many calls a token has in five minutes.
const defaultBudget = 1200

// Config says where the server listens and what it holds at the start.
type Config struct {
	// Addr is where the API listens, as ip:port. Port 0 takes a free port.
	Addr string `json:"addr"`
	// DataAddr is where requests to proxied names arrive, as ip:port. Its address
	// is what proxied names resolve to, and its network what /ips lists.
	DataAddr string `json:"data_addr"`

	Accounts []Account `json:"accounts"`
	Zones    []Zone    `json:"zones"`
	Tunnels  []Tunnel  `json:"tunnels"`
	Tokens   []Token   `json:"tokens"`

	// Resolver is the DNS server, as ip:port, that is asked where custom hostnames
	// lead; empty: none lead here.
	Resolver string `json:"resolver"`
	// Budget is how many calls a token has in five minutes; 0 for 1200.
	Budget int `json:"budget"`
	// StateFile keeps what the API has changed over a restart; empty: nothing does.
	StateFile string `json:"state_file"`

	// Publish takes the records to the DNS; nil: they are not published.
	Publish Publisher `json:"-"`
	// Clock tells the time; nil for the real one.
	Clock func() time.Time `json:"-"`
	// Logger receives one debug line for each call, and what goes wrong; nil for none.
	Logger *slog.Logger `json:"-"`
}

// Account owns zones and tunnels.
type Account struct {
	ID   string `json:"id"` // 32 hexadecimal digits
	Name string `json:"name"`
}

// Zone is a domain that Cloudflare serves.
type Zone struct {
	ID        string `json:"id"` // 32 hexadecimal digits
	Name      string `json:"name"`
	AccountID string `json:"account_id"`
	// Fallback is the record of this zone that custom hostnames are served by;
	// empty: the zone has no Cloudflare for SaaS.
	Fallback string `json:"fallback"`
}

// Tunnel is a tunnel that exists from the start.
type Tunnel struct {
	ID        string `json:"id"` // UUID
	Name      string `json:"name"`
	AccountID string `json:"account_id"`
}

// Token lets its bearer act in accounts.
type Token struct {
	Secret      string       `json:"secret"`
	AccountIDs  []string     `json:"account_ids"`
	Permissions []Permission `json:"permissions"`
}

// Permission is one thing that a token may do.
type Permission string

// The permissions that the API knows.
const (
	ZoneRead            Permission = "zone:read"
	DNSEdit             Permission = "dns:edit"
	TunnelEdit          Permission = "tunnel:edit"
	CustomHostnamesEdit Permission = "custom_hostnames:edit" // "SSL and Certificates: Edit"
)

var permissions = []Permission{ZoneRead, DNSEdit, TunnelEdit, CustomHostnamesEdit}

var (
	hexID  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	uuidID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// Validate reports every problem of the configuration.
func (c Config) Validate() error {
	var problems []error
	for name, addr := range map[string]string{"addr": c.Addr, "data addr": c.DataAddr, "resolver": c.Resolver} {
		if _, err := netip.ParseAddrPort(addr); err != nil && (addr != "" || name != "resolver") {
			problems = append(problems, fmt.Errorf("%s %q is not ip:port: %w", name, addr, err))
		}
	}
	if c.Budget < 0 {
		problems = append(problems, fmt.Errorf("budget %d is negative", c.Budget))
	}
	return errors.Join(append(problems, c.validateAccounts(), c.validateZones(), c.validateTunnels(), c.validateTokens())...)
}

func (c Config) validateAccounts() error {
	var problems []error
	for i, a := range c.Accounts {
		if !hexID.MatchString(a.ID) {
			problems = append(problems, fmt.Errorf("account %d: id %q is not 32 hexadecimal digits", i, a.ID))
		}
	}
	return errors.Join(problems...)
}

func (c Config) validateZones() error {
	var problems []error
	for i, z := range c.Zones {
		if !hexID.MatchString(z.ID) {
			problems = append(problems, fmt.Errorf("zone %d: id %q is not 32 hexadecimal digits", i, z.ID))
		}
		if _, ok := dns.IsDomainName(z.Name); !ok || z.Name == "" || z.Name != normalName(z.Name) {
			problems = append(problems, fmt.Errorf("zone %d: %q is not a name in lower case without final dot", i, z.Name))
		}
		if z.Fallback != "" && !within(z.Fallback, z.Name) {
			problems = append(problems, fmt.Errorf("zone %s: fallback %q is outside of it", z.Name, z.Fallback))
		}
		if slices.ContainsFunc(c.Zones[:i], func(other Zone) bool { return other.ID == z.ID || other.Name == z.Name }) {
			problems = append(problems, fmt.Errorf("zone %s: given twice", z.Name))
		}
		problems = append(problems, c.mustHaveAccount("zone "+z.Name, z.AccountID))
	}
	return errors.Join(problems...)
}

func (c Config) validateTunnels() error {
	var problems []error
	for i, t := range c.Tunnels {
		if !uuidID.MatchString(t.ID) {
			problems = append(problems, fmt.Errorf("tunnel %d: id %q is not a uuid in lower case", i, t.ID))
		}
		problems = append(problems, c.mustHaveAccount("tunnel "+t.Name, t.AccountID))
	}
	return errors.Join(problems...)
}

func (c Config) validateTokens() error {
	var problems []error
	for i, t := range c.Tokens {
		if t.Secret == "" {
			problems = append(problems, fmt.Errorf("token %d: has no secret", i))
		}
		for _, p := range t.Permissions {
			if !slices.Contains(permissions, p) {
				problems = append(problems, fmt.Errorf("token %d: permission %q is none of %v", i, p, permissions))
			}
		}
		for _, id := range t.AccountIDs {
			problems = append(problems, c.mustHaveAccount(fmt.Sprintf("token %d", i), id))
		}
	}
	return errors.Join(problems...)
}

func (c Config) mustHaveAccount(what, id string) error {
	if !slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.ID == id }) {
		return fmt.Errorf("%s: account %q is not configured", what, id)
	}
	return nil
}

package up

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/siteplane/siteplane/internal/platform/secret"
	tunnel "github.com/siteplane/siteplane/services/tunnel/app"
	cloudflaresim "github.com/siteplane/siteplane/simulators/cloudflare"
	dnssim "github.com/siteplane/siteplane/simulators/dns"
)

// What the simulated Cloudflare holds. managedZone is granted to the first
// tenant; the custom hostnames of customZone lead to customTarget; foreignZone is
// in somebody else's account.
const (
	managedZone  = "managed.test"
	customZone   = "saas.test"
	customTarget = "sites." + customZone
	foreignZone  = "elsewhere.test"

	accountID    = "0acc0000000000000000000000000001"
	strangerID   = "0acc0000000000000000000000000002"
	managedID    = "020e0000000000000000000000000001"
	customZoneID = "020e0000000000000000000000000002"
	foreignID    = "020e0000000000000000000000000003"
	tunnelID     = "70000000-0000-4000-8000-000000000001"
)

// cloudflareZones are the zones that the simulated DNS must have for it.
func cloudflareZones() []dnssim.Zone {
	return []dnssim.Zone{{Origin: managedZone}, {Origin: customZone}, {Origin: foreignZone}}
}

// dataAddress is where the simulated Cloudflare takes visitors: next to the edge,
// on the address that its /ips lists.
func (c Config) dataAddress() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.1.1"), uint16(c.Ports().Edge))
}

func (c Config) cloudflareAddress() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(c.Ports().Cloudflare))
}

// cloudflareURL is where its API is.
func (c Config) cloudflareURL() string {
	return "http://" + c.cloudflareAddress().String() + "/client/v4"
}

// startCloudflare runs the simulated Cloudflare, whose records the simulated DNS
// publishes.
func (p *parts) startCloudflare(publish cloudflaresim.Publisher) error {
	token, err := cloudflareToken(p.cfg.path("cloudflare-token"))
	if err != nil {
		return err
	}
	server, err := cloudflaresim.Listen(cloudflaresim.Config{
		Addr: p.cfg.cloudflareAddress().String(), DataAddr: p.cfg.dataAddress().String(),
		Accounts: []cloudflaresim.Account{{ID: accountID, Name: "siteplane"}, {ID: strangerID, Name: "somebody else"}},
		Zones: []cloudflaresim.Zone{
			{ID: managedID, Name: managedZone, AccountID: accountID},
			{ID: customZoneID, Name: customZone, AccountID: accountID, Fallback: customTarget},
			{ID: foreignID, Name: foreignZone, AccountID: strangerID},
		},
		Tunnels: []cloudflaresim.Tunnel{{ID: tunnelID, Name: "siteplane", AccountID: accountID}},
		Tokens: []cloudflaresim.Token{{Secret: token.Reveal(), AccountIDs: []string{accountID}, Permissions: []cloudflaresim.Permission{
			cloudflaresim.ZoneRead, cloudflaresim.DNSEdit, cloudflaresim.TunnelEdit, cloudflaresim.CustomHostnamesEdit,
		}}},
		Resolver:  net.JoinHostPort("127.0.0.1", strconv.Itoa(p.cfg.Ports().DNS)),
		StateFile: p.cfg.path("cloudflare.json"), Publish: publish,
		Logger: p.telemetries["tunnel"].Logger(),
	})
	if err != nil {
		return fmt.Errorf("start the simulated Cloudflare on %s and %s: %w", p.cfg.cloudflareAddress(), p.cfg.dataAddress(), err)
	}
	p.callees.run("simulated Cloudflare", server.Serve)
	p.tunnelConfig = tunnel.Config{
		Backend: "cloudflare", StateDir: p.cfg.path("tunnel"),
		Cloudflare: &tunnel.CloudflareConfig{
			APIURL: p.cfg.cloudflareURL(), Token: token, AccountID: accountID, TunnelID: tunnelID,
			EdgeURL: "http://" + p.cfg.edgeListen(), CustomHostnameZoneID: customZoneID, CustomHostnameTarget: customTarget,
		},
	}
	return nil
}

// cloudflareToken reads the token of the simulated account, and makes it first if
// there is none.
func cloudflareToken(path string) (secret.Secret, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		token := rand.Text()
		if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
			return "", fmt.Errorf("write the token of the simulated Cloudflare: %w", err)
		}
		return secret.Secret(token), nil
	}
	if err != nil {
		return "", fmt.Errorf("read the token of the simulated Cloudflare: %w", err)
	}
	return secret.Secret(strings.TrimSpace(string(content))), nil
}

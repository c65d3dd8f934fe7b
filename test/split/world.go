package split

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/siteplane/siteplane/simulators/cloudflare"
)

// What the simulated Cloudflare holds; the same as with `siteplane up`.
const (
	platformDomain = "siteplane.localhost"
	tenantZone     = "test"
	managedZone    = "managed.test"
	customZone     = "saas.test"
	customTarget   = "sites." + customZone
	foreignZone    = "elsewhere.test"

	accountID    = "0acc0000000000000000000000000001"
	strangerID   = "0acc0000000000000000000000000002"
	managedID    = "020e0000000000000000000000000001"
	customZoneID = "020e0000000000000000000000000002"
	foreignID    = "020e0000000000000000000000000003"
	tunnelID     = "70000000-0000-4000-8000-000000000001"
)

const (
	edgeAddress = "127.0.0.1"
	dataAddress = "127.0.1.1"
)

func at(host string, port int) string { return host + ":" + strconv.Itoa(port) }

// writeWorld writes the files that the simulators begin with. What is there from
// before stays.
func (i *Installation) writeWorld() error {
	token := rand.Text()
	config, err := json.MarshalIndent(cloudflare.Config{
		Addr: at(edgeAddress, i.ports.cloudflare), DataAddr: at(dataAddress, i.ports.edge),
		Accounts: []cloudflare.Account{{ID: accountID, Name: "siteplane"}, {ID: strangerID, Name: "somebody else"}},
		Zones: []cloudflare.Zone{
			{ID: managedID, Name: managedZone, AccountID: accountID},
			{ID: customZoneID, Name: customZone, AccountID: accountID, Fallback: customTarget},
			{ID: foreignID, Name: foreignZone, AccountID: strangerID},
		},
		Tunnels: []cloudflare.Tunnel{{ID: tunnelID, Name: "siteplane", AccountID: accountID}},
		Tokens: []cloudflare.Token{{Secret: token, AccountIDs: []string{accountID}, Permissions: []cloudflare.Permission{
			cloudflare.ZoneRead, cloudflare.DNSEdit, cloudflare.TunnelEdit, cloudflare.CustomHostnamesEdit,
		}}},
		Resolver: at(edgeAddress, i.ports.dns), StateFile: i.path("cloudflare.json"),
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("describe the simulated Cloudflare: %w", err)
	}
	if _, err := os.Stat(i.path("cloudflare-token")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	records := []string{"* A " + edgeAddress, "@ A " + edgeAddress, ""}
	return errors.Join(
		os.WriteFile(i.path("cloudflare-token"), []byte(token+"\n"), 0o600),
		os.WriteFile(i.path("cloudflare-world.json"), config, 0o600),
		os.WriteFile(i.path("platform.zone"), []byte(strings.Join(records, "\n")), 0o600),
	)
}

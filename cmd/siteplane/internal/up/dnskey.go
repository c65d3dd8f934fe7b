package up

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"regexp"

	dnssim "github.com/siteplane/siteplane/simulators/dns"
)

// updateKeyName is the TSIG key that updates of the simulated DNS are signed
// with, for instance by `nsupdate -k <data-dir>/dns-update.key`.
const updateKeyName = "siteplane-up"

var secretLine = regexp.MustCompile(`secret "([A-Za-z0-9+/=]+)"`)

// updateKey reads the secret of the key file, and makes the file first if there
// is none.
func updateKey(path string) (string, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret := dnssim.NewSecret()
		return secret, dnssim.WriteKeyFile(path, updateKeyName, secret)
	}
	if err != nil {
		return "", fmt.Errorf("read the DNS update key: %w", err)
	}
	match := secretLine.FindSubmatch(content)
	if match == nil {
		return "", fmt.Errorf("the DNS update key %s holds no secret: remove the file, and a new one is made", path)
	}
	return string(match[1]), nil
}

// addressRecord is an A or AAAA record in presentation format.
func addressRecord(name, address string) string {
	kind := "A"
	if netip.MustParseAddr(address).Is6() {
		kind = "AAAA"
	}
	return name + " " + kind + " " + address
}

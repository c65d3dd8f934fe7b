package up

import "net/netip"

// updateKeyName is the TSIG key that updates of the simulated DNS are signed
// with, for instance by `nsupdate -k <data-dir>/dns-update.key`.
const updateKeyName = "siteplane-up"

// addressRecord is an A or AAAA record in presentation format.
func addressRecord(name, address string) string {
	kind := "A"
	if netip.MustParseAddr(address).Is6() {
		kind = "AAAA"
	}
	return name + " " + kind + " " + address
}

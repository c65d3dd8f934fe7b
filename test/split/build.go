package split

import (
	"fmt"
	"os/exec"
)

// Build builds the programs of an installation, simulators included, into a directory.
func Build(dir string) error {
	const root = "github.com/siteplane/siteplane/"
	output, err := exec.Command("go", "build", "-o", dir+"/", root+"cmd/siteplane", root+"simulators/dns/cmd/dns-simulator",
		root+"simulators/cloudflare/cmd/cloudflare-simulator", root+"services/lifecycle/cmd/lifecycle",
		root+"services/edge-agent/cmd/edge-agent", root+"services/tunnel/cmd/tunnel", root+"services/dnsvalidator/cmd/dnsvalidator").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, output)
	}
	return nil
}

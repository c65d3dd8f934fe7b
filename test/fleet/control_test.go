package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

const (
	platformDomain = "sites.example.com"
	// Where everything is, as docs/edge.md has it.
	controlAddress = "10.0.0.2"
	originAddress  = "192.0.2.2:8000"
)

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	check(t, err)
	return path
}

// control is the host of everything but the edges, and where operators sit.
type control struct{ *host }

// startControl starts all services but the agents.
func (n *network) startControl() control {
	n.t.Helper()
	h := n.host("ops", controlAddress, "192.0.2.2")
	h.environment = []string{"SITEPLANE_CONFIG=/root/cli.json"}
	h.do("siteplane pki init pki --public-name " + controlAddress)
	check(n.t, os.WriteFile(h.file("/root/zone"), []byte("* A 192.0.2.7\n@ A 192.0.2.7\n"), 0o600))
	h.start("dns", "dns-simulator -addr 10.0.0.2:53 -key-file dns.key -zone "+platformDomain+"=zone")
	h.start("dnsvalidator", "dnsvalidator --pki pki/dnsvalidator --dns-server .=10.0.0.2:53 --probe-allow-networks 192.0.2.0/24")
	h.start("tunnel", "tunnel --pki pki/tunnel --state-dir /var/lib/tunnel")
	h.start("origin", inside+"="+beOrigin+" "+self(n.t)+" "+originAddress)
	c := control{h}
	c.startLifecycle("24h", "3s")
	return c
}

// startLifecycle starts lifecycle, which issues certificates for so long and requires
// edges that were seen so long ago, and waits until it answers.
func (c control) startLifecycle(lifetime, window string) {
	c.t.Helper()
	c.start("lifecycle", "lifecycle --pki pki/lifecycle --database /var/lib/siteplane.db --cli-config cli.json"+
		" --listen-grpc 10.0.0.2:8081 --listen-enrolment 10.0.0.2:9094 --issuing-ca pki --edge-certificate-lifetime "+lifetime+
		" --edge-window "+window+" --observe-every 1s --platform-domain "+platformDomain+" --origin-allow-networks 192.0.2.0/24 --log-format json")
	eventually(c.t, "lifecycle answers", func() error {
		if output, exit := c.try("siteplane edge list"); exit != 0 {
			return fmt.Errorf("%s", output)
		}
		return nil
	})
}

// endLifecycle ends it in order.
func (c control) endLifecycle() {
	c.t.Helper()
	c.do("pid=$(pgrep -x lifecycle) && kill $pid && tail --pid=$pid -f /dev/null")
}

// ask types a command of the CLI and reads its JSON.
func (c control) ask(into any, line string) error {
	c.t.Helper()
	output, exit := c.try("siteplane " + line + " -o json 2>/dev/null")
	if exit != 0 {
		return fmt.Errorf("siteplane %s ended with %d: %s", line, exit, output)
	}
	return json.Unmarshal([]byte(output), into)
}

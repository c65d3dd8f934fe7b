package fleet

import (
	"fmt"
	"strings"
	"testing"
)

// network is hosts on one switch.
type network struct {
	t     *testing.T
	bin   string
	hub   *host
	hosts []*host
}

func newNetwork(t *testing.T, bin string) *network {
	t.Helper()
	n := &network{t: t, bin: bin, hub: startHost(t, "switch", bin)}
	n.hub.do("ip link add hub type bridge && ip link set hub up")
	t.Cleanup(func() {
		if t.Failed() {
			n.tell()
		}
	})
	return n
}

// host adds a host, whose addresses are in networks of 24 bits.
func (n *network) host(name string, addresses ...string) *host {
	n.t.Helper()
	h := startHost(n.t, name, n.bin)
	// The other end of the cable goes to the host by its number in our namespace.
	n.hub.outside(fmt.Sprintf("ip link add %s type veth peer name eth0 netns %d", name, h.pid))
	n.hub.do(fmt.Sprintf("ip link set %s master hub up", name))
	for _, address := range addresses {
		h.do(fmt.Sprintf("ip addr add %s/24 dev eth0", address))
	}
	h.do("ip link set eth0 up")
	n.hosts = append(n.hosts, h)
	return h
}

// nowhere is the hardware address of nobody.
const nowhere = "02:00:00:00:00:01"

// deafen loses what one host sends to an address of another: the frames go to nobody.
// Nobody is told, as with a cable or a firewall that fails.
func (h *host) deafen(address string) {
	h.t.Helper()
	h.do(fmt.Sprintf("ip neigh replace %s lladdr %s dev eth0 nud permanent", address, nowhere))
}

// heal ends what deafen did.
func (h *host) heal(address string) {
	h.t.Helper()
	h.do("ip neigh del " + address + " dev eth0")
}

// tell shows the ends of all logs.
func (n *network) tell() {
	for _, h := range n.hosts {
		for _, name := range []string{"lifecycle", "tunnel", "dnsvalidator", "dns", "edge-agent"} {
			if log := h.logOf(name); log != "" {
				n.t.Logf("%s on %s:\n%s", name, h.name, log[max(0, len(log)-5000):])
			}
		}
	}
}

// lines of a log that have all the words.
func lines(log string, words ...string) (found []string) {
	for line := range strings.Lines(log) {
		has := true
		for _, word := range words {
			has = has && strings.Contains(line, word)
		}
		if has {
			found = append(found, line)
		}
	}
	return found
}

package split

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
)

// ports are the listeners of an installation; those that `siteplane up` has, too,
// are at the same distance from the base.
type ports struct {
	rest, grpc, admin, edge, dns, cloudflare int
	// The services between themselves, and their admin listeners.
	agent, tunnel, dnsvalidator                int
	agentAdmin, tunnelAdmin, dnsvalidatorAdmin int
	// replicas are the first of those of each further lifecycle, which has three.
	replicas [maxReplicas - 1]int
}

// maxReplicas is how many lifecycles there may be.
const maxReplicas = 3

func portsFrom(base int) ports {
	return ports{
		rest: base, grpc: base + 1, admin: base + 2, edge: base + 8, dns: base - 27, cloudflare: base + 707,
		agent: base + 11, tunnel: base + 12, dnsvalidator: base + 13,
		agentAdmin: base + 21, tunnelAdmin: base + 22, dnsvalidatorAdmin: base + 23,
		replicas: [...]int{base + 24, base + 27},
	}
}

// FreePortBase returns a PortBase whose ports are free, below those that systems
// give to outgoing connections. It ends in the two digits given, so that packages
// whose tests run beside each other do not race for the same ports; test/e2e has the
// multiples of 20.
func FreePortBase(lastDigits int) (int, error) {
	for range 200 {
		base := lastDigits + 100*(200+rand.IntN(110))
		p := portsFrom(base)
		if !slices.ContainsFunc([]int{
			p.rest, p.grpc, p.admin, p.edge, p.dns, p.cloudflare, p.agent, p.tunnel, p.dnsvalidator,
			p.agentAdmin, p.tunnelAdmin, p.dnsvalidatorAdmin,
			p.replicas[0], p.replicas[0] + 1, p.replicas[0] + 2, p.replicas[1], p.replicas[1] + 1, p.replicas[1] + 2,
		}, taken) {
			return base, nil
		}
	}
	return 0, errors.New("no block of ports is free")
}

func taken(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return true
	}
	return l.Close() != nil
}

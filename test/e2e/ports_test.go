package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// offsets are the ports of an installation relative to its base.
var offsets = struct{ rest, grpc, admin, edge, dns, cloudflare int }{rest: 0, grpc: 1, admin: 2, edge: 8, dns: -27, cloudflare: 707}

const (
	// Below what systems give to outgoing connections, so that a block stays
	// free while its installation is down.
	lowestBase, highestBase = 12000, 32000
	blockSize               = 40
)

// blocks hands out blocks of ports to the tests of this process. Other
// processes are seen by binding.
var blocks = struct {
	sync.Mutex
	given map[int]bool
}{given: map[int]bool{}}

// portBase returns a base whose ports are all free.
func portBase(t *testing.T) int {
	t.Helper()
	blocks.Lock()
	defer blocks.Unlock()
	for range 200 {
		base := lowestBase + blockSize*rand.IntN((highestBase-lowestBase)/blockSize)
		if !blocks.given[base] && allFree(base) {
			blocks.given[base] = true
			return base
		}
	}
	t.Fatal("no block of ports is free")
	return 0
}

// allFree binds every port of a block for a moment, on every loopback address.
func allFree(base int) bool {
	for _, offset := range []int{offsets.rest, offsets.grpc, offsets.admin, offsets.edge, offsets.dns, offsets.cloudflare} {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", base+offset))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	udp, err := net.ListenPacket("udp", fmt.Sprintf(":%d", base+offsets.dns))
	if err != nil {
		return false
	}
	_ = udp.Close()
	return true
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

package check

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
)

// verdict has the ends of a walk by what is wrong with them.
type verdict struct {
	faults map[diagnosis.Code][]chain.End
	// wrong are the ends with any fault but a failure, right the rest of those
	// that have addresses.
	wrong, right []chain.End
	// reached counts the addresses that are right.
	reached int
	split   split
}

// sortOut judges each end. An end with several addresses may be wrong in more
// than one way; each fault then has the addresses that it is about.
func (c *Checker) sortOut(ctx context.Context, walk chain.Walk, wanted Destination) verdict {
	v := verdict{faults: map[diagnosis.Code][]chain.End{}}
	for _, end := range walk.Ends {
		switch end.Kind {
		case chain.Reached:
			c.weigh(ctx, &v, end, wanted)
		case chain.NoSuchName:
			v.add(diagnosis.DNSNXDomain, end)
		case chain.NoRecord:
			v.add(diagnosis.DNSNoAddress, end)
		case chain.Loop:
			v.add(diagnosis.DNSCNAMELoop, end)
		case chain.TooLong:
			v.add(diagnosis.DNSCNAMETooLong, end)
		case chain.Failed:
			v.faults[diagnosis.DNSServFail] = append(v.faults[diagnosis.DNSServFail], end)
		}
	}
	v.split = parted(walk.Steps, v.right, v.wrong)
	return v
}

// weigh judges the addresses of an end by what is wrong with each.
func (c *Checker) weigh(ctx context.Context, v *verdict, end chain.End, wanted Destination) {
	bad := map[diagnosis.Code][]netip.Addr{}
	for _, addr := range end.Addresses {
		if code := c.judge(ctx, end, addr, wanted); code != "" {
			bad[code] = append(bad[code], addr)
		} else {
			v.reached++
		}
	}
	for _, code := range slices.Sorted(maps.Keys(bad)) {
		part := end
		part.Addresses = bad[code]
		v.add(code, part)
	}
	if len(bad) == 0 {
		v.right = append(v.right, end)
	}
}

// judge returns what is wrong with an address, or "". A private one is not right
// for belonging to an edge: visitors cannot go there.
func (c *Checker) judge(ctx context.Context, end chain.End, addr netip.Addr, wanted Destination) diagnosis.Code {
	edge := slices.Contains(wanted.Edges, addr)
	switch {
	case wanted.behindTarget(end), edge && c.Reach.Admits(addr):
		return ""
	case !edge && c.Cloudflare.Contains(ctx, addr):
		if wanted.AcceptCloudflare {
			return ""
		}
		return diagnosis.ProxyUnexpected
	case !c.Reach.Admits(addr):
		return diagnosis.DNSPrivateAddress
	}
	return diagnosis.DNSWrongTarget
}

func (v *verdict) add(code diagnosis.Code, end chain.End) {
	v.faults[code] = append(v.faults[code], end)
	v.wrong = append(v.wrong, end)
}

// outcome is contradicted by any fault other than a failure, and unknown when
// nothing but failures is left.
func (v verdict) outcome() evidence.Outcome {
	switch {
	case len(v.wrong) > 0:
		return evidence.Contradicted
	case v.reached == 0:
		return evidence.Unknown
	}
	return evidence.Confirmed
}

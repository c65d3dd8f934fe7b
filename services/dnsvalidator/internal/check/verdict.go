package check

import (
	"net/netip"
	"slices"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/reach"
)

// verdict has the ends of a walk by what is wrong with them.
type verdict struct {
	faults map[diagnosis.Code][]chain.End
	// reached counts the ends that lead to our edges.
	reached int
}

// sortOut judges each end. An end with several addresses may be wrong in more
// than one way; each fault then has the addresses that it is about.
func sortOut(ends []chain.End, edges []netip.Addr, filter reach.Filter) verdict {
	v := verdict{faults: map[diagnosis.Code][]chain.End{}}
	for _, end := range ends {
		switch end.Kind {
		case chain.Reached:
			v.weigh(end, edges, filter)
		case chain.NoSuchName:
			v.add(diagnosis.DNSNXDomain, end)
		case chain.NoAddress:
			v.add(diagnosis.DNSNoAddress, end)
		case chain.Loop:
			v.add(diagnosis.DNSCNAMELoop, end)
		case chain.TooLong:
			v.add(diagnosis.DNSCNAMETooLong, end)
		case chain.Failed:
			v.add(diagnosis.DNSServFail, end)
		}
	}
	return v
}

// weigh judges the addresses of an end. A private one is never right, not even
// when an edge has it: visitors cannot go there.
func (v *verdict) weigh(end chain.End, edges []netip.Addr, filter reach.Filter) {
	var private, wrong []netip.Addr
	for _, addr := range end.Addresses {
		switch {
		case !filter.Admits(addr):
			private = append(private, addr)
		case !slices.Contains(edges, addr):
			wrong = append(wrong, addr)
		default:
			v.reached++
		}
	}
	if len(private) > 0 {
		end.Addresses = private
		v.add(diagnosis.DNSPrivateAddress, end)
	}
	if len(wrong) > 0 {
		end.Addresses = wrong
		v.add(diagnosis.DNSWrongTarget, end)
	}
}

func (v *verdict) add(code diagnosis.Code, end chain.End) {
	v.faults[code] = append(v.faults[code], end)
}

// outcome is contradicted by any fault other than a failure, and unknown when
// nothing but failures is left.
func (v verdict) outcome() evidence.Outcome {
	for code := range v.faults {
		if code != diagnosis.DNSServFail {
			return evidence.Contradicted
		}
	}
	if v.reached == 0 {
		return evidence.Unknown
	}
	return evidence.Confirmed
}

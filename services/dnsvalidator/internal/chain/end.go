package chain

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/authority"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
)

// Kind says how a path ended.
type Kind int

const (
	// Reached: the last name has addresses.
	Reached Kind = iota
	// NoSuchName: the last name does not exist.
	NoSuchName
	// NoAddress: the last name exists but has no address.
	NoAddress
	// Loop: the last name was on the path before.
	Loop
	// TooLong: the path has more than ten aliases.
	TooLong
	// Failed: nobody could say.
	Failed
)

// End is where a path ended, as one server sees it.
type End struct {
	Kind Kind
	// Path has the hostname, its aliases, and the last name.
	Path []string
	// Zone and Server are who said it; empty when nobody was asked.
	Zone   string
	Server string
	// Addresses are the ones of the last name.
	Addresses []netip.Addr
	// Why says what failed.
	Why string
	// Ours: our own resolvers failed, not the servers of the zone.
	Ours bool
}

// String shows the path and who said so.
func (e End) String() string {
	line := strings.Join(e.Path, " -> ")
	if e.Why != "" {
		line += ": " + e.Why
	}
	if e.Server != "" {
		line += " (" + e.Server + ")"
	}
	return line
}

// view is what one server says about one name.
type view struct {
	alias string
	ends  []End
}

// read makes a view of the answers that one server gave for A and AAAA. What
// failed is noted beside what was answered; "no address" needs both answers.
func read(zone authority.Zone, path []string, server string, answers []dnsq.Answer) view {
	base := End{Path: path, Zone: zone.Name, Server: server}
	if len(answers) == 0 {
		return view{ends: []End{base.failed("has no address to ask")}}
	}
	var v view
	var addresses []netip.Addr
	var answered int
	var absent bool
	for _, a := range answers {
		if why := a.Failure(zone.Trusted); why != "" {
			v.ends = append(v.ends, base.failed(dns.TypeToString[a.Type]+" "+why))
			continue
		}
		answered++
		addresses = append(addresses, a.Addresses()...)
		absent = absent || a.Rcode == dns.RcodeNameError
		if v.alias == "" {
			v.alias = a.Alias()
		}
	}
	switch {
	case v.alias != "":
	case len(addresses) > 0:
		v.ends = append(v.ends, base.reached(addresses))
	case absent:
		v.ends = append(v.ends, base.of(NoSuchName))
	case answered >= 2:
		v.ends = append(v.ends, base.of(NoAddress))
	}
	return v
}

func (e End) of(kind Kind) End {
	e.Kind = kind
	return e
}

func (e End) failed(why string) End {
	e.Kind, e.Why = Failed, why
	return e
}

func (e End) reached(addresses []netip.Addr) End {
	e.Kind, e.Addresses = Reached, addresses
	return e
}

package chain

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/authority"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
)

// Kind says how a path ended.
type Kind int

const (
	// Reached: the last name has addresses or texts.
	Reached Kind = iota
	// NoSuchName: the last name does not exist.
	NoSuchName
	// NoRecord: the last name exists but has no record of what was asked.
	NoRecord
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
	// Addresses and Texts are the ones of the last name.
	Addresses []netip.Addr
	Texts     []string
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

// Last returns the name at which the path ended, as people write it.
func (e End) Last() string { return bare(e.Path[len(e.Path)-1]) }

// Aliased reports whether there was an alias on the path.
func (e End) Aliased() bool { return len(e.Path) > 1 }

// ZoneName returns the zone as people write it, or the last name when no zone
// was found.
func (e End) ZoneName() string {
	if e.Zone != "" && e.Zone != "." {
		return bare(e.Zone)
	}
	return e.Last()
}

// Unregistered returns the domain that somebody would have to register, when it
// was its registry that said there is no such name.
func (e End) Unregistered() (string, bool) {
	suffix, icann := publicsuffix.PublicSuffix(e.Last())
	domain, err := publicsuffix.EffectiveTLDPlusOne(e.Last())
	if e.Kind != NoSuchName || err != nil || !icann || bare(e.Zone) != suffix {
		return "", false
	}
	return domain, true
}

func bare(name string) string { return strings.TrimSuffix(name, ".") }

// view is what one server says about one name.
type view struct {
	step Step
	ends []End
}

// read makes a view of the answers that one server gave to the questions about a
// name. What failed is noted beside what was answered; "no record" needs an
// answer to every question.
func read(zone authority.Zone, path []string, server string, answers []dnsq.Answer, questions int) view {
	base := End{Path: path, Zone: zone.Name, Server: server}
	v := view{step: Step{Path: path, Zone: zone.Name, Server: server}}
	var addresses []netip.Addr
	var texts []string
	var answered int
	var absent bool
	for _, a := range answers {
		if why := a.Failure(zone.Trusted); why != "" {
			v.ends = append(v.ends, base.failed(dns.TypeToString[a.Type]+" "+why))
			continue
		}
		answered++
		addresses, texts = append(addresses, a.Addresses()...), append(texts, a.Texts()...)
		absent = absent || a.Rcode == dns.RcodeNameError
		if v.step.Alias == "" {
			v.step.Alias = a.Alias()
		}
	}
	switch {
	case v.step.Alias != "":
	case len(addresses)+len(texts) > 0:
		v.ends = append(v.ends, base.reached(addresses, texts))
	case absent:
		v.ends = append(v.ends, base.of(NoSuchName))
	case answered >= questions:
		v.ends = append(v.ends, base.of(NoRecord))
	default:
		v.step.Failed = true
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

func (e End) reached(addresses []netip.Addr, texts []string) End {
	e.Kind, e.Addresses, e.Texts = Reached, addresses, texts
	return e
}

package cloudflare

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/miekg/dns"
)

const (
	// updateTTL is what published records have, in seconds.
	updateTTL = 60
	// updateTimeout is how long the DNS server may take.
	updateTimeout = 5 * time.Second
	// fudge is how far the clocks may differ, in seconds.
	fudge = 300
)

// DNSUpdate publishes to a DNS server of another process by updates (RFC 2136)
// that are signed with hmac-sha256 (RFC 8945).
type DNSUpdate struct {
	Server  string // ip:port
	KeyName string
	Secret  string // in base64
}

// keyFile is what WriteKeyFile of simulators/dns writes and nsupdate -k reads.
var keyFile = regexp.MustCompile(`(?s)key\s+"?([^"\s{]+)"?\s*\{.*secret\s+"?([^"\s;]+)"?\s*;`)

// ReadKeyFile takes the key from a file in the form that `nsupdate -k` reads.
func (u DNSUpdate) ReadKeyFile(path string) (DNSUpdate, error) {
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return u, fmt.Errorf("read dns key file: %w", err)
	}
	m := keyFile.FindSubmatch(content)
	if m == nil {
		return u, fmt.Errorf("read dns key file %s: there is no key in it", path)
	}
	u.KeyName, u.Secret = string(m[1]), string(m[2])
	return u, nil
}

// Replace makes records the whole set of a name and type; none removes the set.
func (u DNSUpdate) Replace(name, rrtype string, records ...string) error {
	rrs, err := parseRecords(name, rrtype, records)
	if err != nil {
		return fmt.Errorf("replace %s %s: %w", name, rrtype, err)
	}
	zone, err := u.zone(name)
	if err != nil {
		return fmt.Errorf("replace %s %s: %w", name, rrtype, err)
	}
	m := new(dns.Msg).SetUpdate(zone)
	m.RemoveRRset([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: dns.Fqdn(name), Rrtype: dns.StringToType[rrtype]}}})
	m.Insert(rrs)
	if err := u.send(m); err != nil {
		return fmt.Errorf("replace %s %s: %w", name, rrtype, err)
	}
	return nil
}

func parseRecords(name, rrtype string, records []string) ([]dns.RR, error) {
	if _, ok := dns.StringToType[rrtype]; !ok {
		return nil, fmt.Errorf("unknown type %q", rrtype)
	}
	var rrs []dns.RR
	for _, data := range records {
		rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", dns.Fqdn(name), updateTTL, rrtype, data))
		if err != nil {
			return nil, fmt.Errorf("parse record: %w", err)
		}
		if rr == nil {
			return nil, errors.New("parse record: it is empty")
		}
		rrs = append(rrs, rr)
	}
	return rrs, nil
}

// zone asks the server which of its zones a name is in.
func (u DNSUpdate) zone(name string) (string, error) {
	client := &dns.Client{Net: "tcp", Timeout: updateTimeout}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeSOA), u.Server)
	if err != nil {
		return "", fmt.Errorf("ask for the zone: %w", err)
	}
	for _, rr := range append(answer.Answer, answer.Ns...) {
		if soa, ok := rr.(*dns.SOA); ok && dns.IsSubDomain(soa.Hdr.Name, dns.Fqdn(name)) {
			return soa.Hdr.Name, nil
		}
	}
	return u.zoneAbove(name, answer.Rcode)
}

// zoneAbove asks again one label up, since an alias that leads elsewhere hides
// the zone that it is in.
func (u DNSUpdate) zoneAbove(name string, rcode int) (string, error) {
	next, end := dns.NextLabel(name, 0)
	if end || rcode == dns.RcodeRefused {
		return "", errors.New("the server has no zone for it")
	}
	return u.zone(name[next:])
}

func (u DNSUpdate) send(m *dns.Msg) error {
	key := dns.CanonicalName(u.KeyName)
	m.SetTsig(key, dns.HmacSHA256, fudge, time.Now().Unix())
	client := &dns.Client{Net: "tcp", Timeout: updateTimeout, TsigSecret: map[string]string{key: u.Secret}}
	answer, _, err := client.Exchange(m, u.Server)
	if err != nil {
		return fmt.Errorf("send update: %w", err)
	}
	if answer.Rcode != dns.RcodeSuccess {
		return fmt.Errorf("send update: the server answers %s", dns.RcodeToString[answer.Rcode])
	}
	return nil
}

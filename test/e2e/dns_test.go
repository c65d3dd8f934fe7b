package e2e

import (
	"os"
	"regexp"
	"time"

	"github.com/miekg/dns"
)

// keyName is the key that `siteplane up` lets records be changed with.
const keyName = "siteplane-up."

var secretLine = regexp.MustCompile(`secret "([^"]+)"`)

// setRecords makes the records the only ones of a name below the platform
// domain, by an update that is signed as nsupdate signs it. No records remove the
// name.
func (i *installation) setRecords(name string, records ...string) {
	i.t.Helper()
	update := new(dns.Msg).SetUpdate(platformDomain + ".")
	update.RemoveName([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: name + "." + platformDomain + "."}}})
	for _, text := range records {
		record, err := dns.NewRR(name + "." + platformDomain + ". 60 IN " + text)
		check(i.t, err)
		update.Insert([]dns.RR{record})
	}
	update.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
	client := &dns.Client{TsigSecret: map[string]string{keyName: i.updateSecret()}}
	answer, _, err := client.Exchange(update, loopback(i.base+offsets.dns))
	check(i.t, err)
	if answer.Rcode != dns.RcodeSuccess {
		i.t.Fatalf("update of %s: %s", name, dns.RcodeToString[answer.Rcode])
	}
}

func (i *installation) updateSecret() string {
	i.t.Helper()
	file, err := os.ReadFile(i.data("dns-update.key"))
	check(i.t, err)
	found := secretLine.FindSubmatch(file)
	if found == nil {
		i.t.Fatalf("the key file holds no secret")
	}
	return string(found[1])
}

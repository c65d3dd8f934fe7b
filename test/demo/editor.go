package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/miekg/dns"
)

// tenantZone holds the names that the demo's tenants bring.
const tenantZone = "test."

// editor writes records into the simulated DNS, as tenants do at their provider.
type editor struct {
	server, keyName, secret string
}

var (
	keyLine    = regexp.MustCompile(`key "([^"]+)"`)
	secretLine = regexp.MustCompile(`secret "([^"]+)"`)
)

// newEditor reads the file of the key that updates are signed with.
func newEditor(server, file string) (editor, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return editor{}, fmt.Errorf("read the DNS update key: %w", err)
	}
	name, secret := keyLine.FindSubmatch(content), secretLine.FindSubmatch(content)
	if name == nil || secret == nil {
		return editor{}, fmt.Errorf("%s holds no key", file)
	}
	return editor{server: server, keyName: dns.Fqdn(string(name[1])), secret: string(secret[1])}, nil
}

// add writes records, in presentation format, beside those that are there.
func (e editor) add(ctx context.Context, records ...string) error {
	return e.update(ctx, (*dns.Msg).Insert, records)
}

// remove takes exactly these records away.
func (e editor) remove(ctx context.Context, records ...string) error {
	return e.update(ctx, (*dns.Msg).Remove, records)
}

func (e editor) update(ctx context.Context, change func(*dns.Msg, []dns.RR), records []string) error {
	message := new(dns.Msg).SetUpdate(tenantZone)
	for _, line := range records {
		rr, err := dns.NewRR(line)
		if err != nil || rr == nil {
			return errors.Join(fmt.Errorf("%q is no record", line), err)
		}
		change(message, []dns.RR{rr})
	}
	message.SetTsig(e.keyName, dns.HmacSHA256, 300, time.Now().Unix())
	client := &dns.Client{Net: "tcp", TsigSecret: map[string]string{e.keyName: e.secret}, Timeout: visitLimit}
	answer, _, err := client.ExchangeContext(ctx, message, e.server)
	if err != nil {
		return fmt.Errorf("write %q into DNS: %w", records, err)
	}
	if answer.Rcode != dns.RcodeSuccess {
		return fmt.Errorf("write %q into DNS: %s", records, dns.RcodeToString[answer.Rcode])
	}
	return nil
}

package dns

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/miekg/dns"
)

// Config says where the server listens and what it answers.
type Config struct {
	// Addr is where UDP and TCP listen, as ip:port. Port 0 takes a free port,
	// the same for both.
	Addr string
	// Zones are what the server answers for at the start.
	Zones []Zone
	// TSIGName and TSIGSecret are the key that updates must be signed with
	// (hmac-sha256; the secret in base64). Without them every update is refused.
	TSIGName   string
	TSIGSecret string
	// Logger receives one line for each update; nil for none.
	Logger *slog.Logger
}

// Zone is the first content of a zone.
type Zone struct {
	// Origin is the name of the zone, for instance example.test.
	Origin string
	// Records are in presentation format, relative to the origin. A record that
	// names no TTL has that of the one before; the first has 60 seconds. A zone
	// without SOA or NS gets them.
	Records []string
	// File keeps the zone over a restart: what it holds counts instead of Records,
	// and each change is written to it. Empty: nothing is kept.
	File string
}

// Validate reports every problem of the configuration.
func (c Config) Validate() error {
	var problems []error
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		problems = append(problems, fmt.Errorf("addr %q is not ip:port: %w", c.Addr, err))
	}
	if (c.TSIGName == "") != (c.TSIGSecret == "") {
		problems = append(problems, errors.New("tsig name and tsig secret must be given together"))
	}
	if _, err := base64.StdEncoding.DecodeString(c.TSIGSecret); err != nil {
		problems = append(problems, fmt.Errorf("tsig secret is not base64: %w", err))
	}
	if _, ok := dns.IsDomainName(c.TSIGName); c.TSIGName != "" && !ok {
		problems = append(problems, fmt.Errorf("tsig name %q is not a name", c.TSIGName))
	}
	return errors.Join(problems...)
}

// keys returns the secrets by key name, as the DNS library wants them.
func (c Config) keys() map[string]string {
	if c.TSIGName == "" {
		return nil
	}
	return map[string]string{dns.CanonicalName(c.TSIGName): c.TSIGSecret}
}

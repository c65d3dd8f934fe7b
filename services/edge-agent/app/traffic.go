package app

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Headers in which a trusted proxy may say the address of the client.
const (
	forwardedFor = "X-Forwarded-For"
	realIP       = "X-Real-IP"
	cloudflareIP = "CF-Connecting-IP"
)

// mostKeepalive bounds KeepaliveOrigins: nginx compares with the name of each block in turn.
const mostKeepalive = 10_000

// checkTraffic reports what is wrong with the settings about visitors.
func checkTraffic(c Config) error {
	return errors.Join(
		checkTLS(c),
		checkAccessLog(c),
		checkProxies(c.TrustedProxies),
		checkRealIPHeader(c.RealIPHeader),
		checkKeepalive(c.KeepaliveOrigins),
	)
}

// checkTLS keeps keys from a user whom other programs are, too.
func checkTLS(c Config) error {
	var problems []error
	if len(c.TLSListen) > 0 && c.NginxUser == "nobody" {
		problems = append(problems, errors.New("with TLS nginx's workers read keys, and other programs may run as nobody, too: give nginx a user of its own"))
	}
	for _, address := range c.TLSListen {
		if slices.Contains(c.PublicListen, address) {
			problems = append(problems, fmt.Errorf("address %s is listened at with TLS and without", address))
		}
	}
	return errors.Join(problems...)
}

func checkAccessLog(c Config) error {
	if c.AccessLog == "" {
		return nil
	}
	if err := checkPath("access log", c.AccessLog); err != nil {
		return err
	}
	for _, dir := range []string{filepath.Join(c.Dir, "generations"), filepath.Join(c.Dir, "current"), filepath.Join(c.Dir, "state"), c.RuntimeDir} {
		if c.AccessLog == dir || strings.HasPrefix(c.AccessLog, dir+"/") {
			return fmt.Errorf("access log %q is below %s, which the agent itself keeps", c.AccessLog, dir)
		}
	}
	return nil
}

func checkProxies(networks []string) error {
	var problems []error
	for i, text := range networks {
		network, err := netip.ParsePrefix(text)
		switch {
		case err != nil || network.Masked().String() != text || network.Addr().Is4In6():
			problems = append(problems, fmt.Errorf("trusted proxy %q is not a network, such as 192.0.2.0/24 or 2001:db8::1/128", text))
		case network.Bits() == 0:
			problems = append(problems, fmt.Errorf("trusted proxy %q is everybody: any visitor could give a false address", text))
		case slices.Contains(networks[:i], text):
			problems = append(problems, fmt.Errorf("trusted proxy %q is there twice", text))
		}
	}
	return errors.Join(problems...)
}

func checkRealIPHeader(name string) error {
	if known := []string{forwardedFor, realIP, cloudflareIP}; !slices.Contains(known, name) {
		return fmt.Errorf("header %q is not one that says the address of a client: %s", name, strings.Join(known, ", "))
	}
	return nil
}

func checkKeepalive(origins int) error {
	if origins < -1 || origins > mostKeepalive {
		return fmt.Errorf("origins with kept connections are %d, not -1 (none) to %d", origins, mostKeepalive)
	}
	return nil
}

// makeAccessLog finds out at the start, rather than at the next reload, that
// nginx's master could not write the log.
func makeAccessLog(path string) error {
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return fmt.Errorf("open the access log: %w", err)
	}
	return nil
}

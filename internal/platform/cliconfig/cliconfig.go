// Package cliconfig owns cli.json, the file that says where an installation is
// and who is calling. What runs the API writes it, the command line reads it.
//
// The file holds an API key. So it is always written with mode 0600 and
// replaced in one step, a reader never sees half of it, and it is not read
// while other users may read it. The package must not know gRPC, commands, or
// what the key allows.
package cliconfig

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Config is how the client reaches one installation. It does not print its
// key.
type Config struct {
	// Address is the host:port of the gRPC listener.
	Address string `json:"address"`
	// CA is the PEM certificate that signed the listener's.
	CA string `json:"ca"`
	// Key is the API key.
	Key string `json:"key"`
	// PublicPort is the port at which visitors reach the sites when it is not
	// their scheme's own; 0 otherwise. Only for showing URLs.
	PublicPort int `json:"public_port,omitempty"`
}

// Validate reports everything that makes the config unusable, joined.
func (c Config) Validate() error {
	_, caErr := c.Roots()
	return errors.Join(c.validateAddress(), caErr, c.validateKey(), c.validatePort())
}

// Roots is the pool that holds the installation's CA and nothing else.
func (c Config) Roots() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(c.CA)) {
		return nil, errors.New(`"ca" holds no PEM certificate`)
	}
	return pool, nil
}

// String is the config without its key.
func (c Config) String() string { return fmt.Sprintf("siteplane at %s", c.Address) }

// GoString is String: %#v does not print the key either.
func (c Config) GoString() string { return c.String() }

func (c Config) validateAddress() error {
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf(`"address" must be host:port, not %q`, c.Address)
	}
	return nil
}

// A key travels in a header, so a stray newline would otherwise fail far from
// here, in every call.
func (c Config) validateKey() error {
	if c.Key == "" {
		return errors.New(`"key" is missing`)
	}
	if strings.ContainsFunc(c.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New(`"key" holds characters that no key has`)
	}
	return nil
}

func (c Config) validatePort() error {
	if c.PublicPort < 0 || c.PublicPort > 65535 {
		return fmt.Errorf(`"public_port" must be a port, not %d`, c.PublicPort)
	}
	return nil
}

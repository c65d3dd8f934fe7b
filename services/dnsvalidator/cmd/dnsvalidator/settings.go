package main

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/services/dnsvalidator/app"
)

// settings are the flags of the program; app.Config says more about each.
type settings struct {
	Listen        string `help:"Where lifecycle calls." default:"127.0.0.1:9093" placeholder:"HOST:PORT"`
	program.PKI   `embed:""`
	program.Admin `embed:""`

	DNSServer        map[string]string `name:"dns-server" help:"Server that is asked about names below a suffix; '.' is all names. May be repeated; in the environment separated by ';'." placeholder:"SUFFIX=HOST:PORT"`
	DNSResolver      []string          `name:"dns-resolver" help:"Resolvers that say where the zones of other names are. Default: those of /etc/resolv.conf." placeholder:"IP:PORT"`
	DNSAuthorityPort int               `name:"dns-authority-port" help:"Port at which the servers of those zones are asked." default:"53" placeholder:"PORT"`
	DNSQueryTimeout  time.Duration     `name:"dns-query-timeout" help:"Time for one try of one question." default:"2s" placeholder:"DURATION"`

	ProbePort          int            `help:"Port at which edges answer visitors." default:"80" placeholder:"PORT"`
	ProbeTimeout       time.Duration  `help:"Time for one fetch through one address." default:"5s" placeholder:"DURATION"`
	ProbeAllowNetworks []netip.Prefix `help:"Networks whose addresses visitors reach although they are not public. May be repeated." placeholder:"NETWORK"`

	CloudflareIPsURL string `name:"cloudflare-ips-url" help:"Where Cloudflare publishes its networks, as https://api.cloudflare.com/client/v4/ips does. Default: a dated copy." placeholder:"URL"`
}

// Check reports everything that is wrong, joined.
func (s settings) Check() error {
	return errors.Join(program.CheckAddress("--listen", s.Listen), s.PKI.Check(), s.Admin.Check(), s.config().Check())
}

func (s settings) config() app.Config {
	return app.Config{
		Servers: s.DNSServer, Resolvers: s.DNSResolver, AuthorityPort: s.DNSAuthorityPort, QueryTimeout: s.DNSQueryTimeout,
		ProbePort: s.ProbePort, ProbeTimeout: s.ProbeTimeout, ProbeAllowNetworks: s.ProbeAllowNetworks,
		CloudflareIPsURL: s.CloudflareIPsURL,
	}
}

// run serves until the context is done.
func run(ctx context.Context, s settings, env program.Env) error {
	on, err := program.Open(ctx, s.PKI, s.Listen, s.Admin, env)
	if err != nil {
		return err
	}
	cfg := s.config()
	cfg.Listener, cfg.Identity, cfg.Telemetry = on.Listener, on.Identity, env.Telemetry
	return on.Serve(ctx, func(ctx context.Context) error { return app.Run(ctx, cfg) })
}

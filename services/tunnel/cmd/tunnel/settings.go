package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/tunnel/app"
)

// settings are the flags of the program; app.Config says more about each.
type settings struct {
	Listen        string `help:"Where lifecycle calls." default:"127.0.0.1:9092" placeholder:"HOST:PORT"`
	program.PKI   `embed:""`
	program.Admin `embed:""`

	Backend  string `help:"How names reach the edges: 'direct', or 'cloudflare', which needs the flags below." default:"direct" placeholder:"NAME"`
	StateDir string `help:"Directory that keeps what must survive a restart; for one process at a time." placeholder:"DIR"`

	Cloudflare cloudflare `embed:"" prefix:"cloudflare-" group:"Cloudflare"`
}

type cloudflare struct {
	APIURL               string        `name:"api-url" help:"Base of the API. Default: Cloudflare's own." placeholder:"URL"`
	TokenFile            string        `help:"File that holds the API token, and nothing else. The token needs Zone:Read, DNS:Edit, Cloudflare Tunnel:Edit and, for custom hostnames, SSL and Certificates:Edit." placeholder:"FILE"`
	Token                secret.Secret `help:"The token itself; better in the environment or in a file, for everybody on this host sees flags." placeholder:"TOKEN"`
	AccountID            string        `name:"account-id" help:"Account, 32 hexadecimal digits." placeholder:"ID"`
	TunnelID             string        `name:"tunnel-id" help:"Tunnel that cloudflared runs, made beforehand; a UUID." placeholder:"ID"`
	EdgeURL              string        `name:"edge-url" help:"Where cloudflared finds the edge." placeholder:"http://IP:PORT"`
	CustomHostnameZoneID string        `name:"custom-hostname-zone-id" help:"Zone with Cloudflare for SaaS. Default: no custom hostnames." placeholder:"ID"`
	CustomHostnameTarget string        `help:"Name in that zone which tenants' CNAMEs lead to, and its fallback origin." placeholder:"NAME"`
	CallTimeout          time.Duration `help:"Time for one call, at most 1m." default:"10s" placeholder:"DURATION"`
}

// Check reports everything that is wrong, joined.
func (s settings) Check() error {
	cfg, err := s.config()
	return errors.Join(program.CheckAddress("--listen", s.Listen), s.PKI.Check(), s.Admin.Check(), err, cfg.Check())
}

func (s settings) config() (app.Config, error) {
	cfg := app.Config{Backend: s.Backend, StateDir: s.StateDir}
	if s.Cloudflare == (cloudflare{CallTimeout: s.Cloudflare.CallTimeout}) {
		return cfg, nil
	}
	token, err := s.Cloudflare.token()
	cfg.Cloudflare = &app.CloudflareConfig{
		APIURL: s.Cloudflare.APIURL, Token: token, AccountID: s.Cloudflare.AccountID, TunnelID: s.Cloudflare.TunnelID,
		EdgeURL: s.Cloudflare.EdgeURL, CallTimeout: s.Cloudflare.CallTimeout,
		CustomHostnameZoneID: s.Cloudflare.CustomHostnameZoneID, CustomHostnameTarget: s.Cloudflare.CustomHostnameTarget,
	}
	return cfg, err
}

// token reads the file, where there is one.
func (c cloudflare) token() (secret.Secret, error) {
	switch {
	case c.TokenFile == "":
		return c.Token, nil
	case c.Token != "":
		return c.Token, errors.New("--cloudflare-token and --cloudflare-token-file: give one of them")
	}
	content, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("--cloudflare-token-file: %w: write the token there, readable by this user", err)
	}
	return secret.Secret(strings.TrimSpace(string(content))), nil
}

// run serves until the context is done.
func run(ctx context.Context, s settings, env program.Env) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	on, err := program.Open(ctx, s.PKI, s.Listen, s.Admin, env)
	if err != nil {
		return err
	}
	cfg.Listener, cfg.Identity, cfg.Telemetry = on.Listener, on.Identity, env.Telemetry
	return on.Serve(ctx, func(ctx context.Context) error { return app.Run(ctx, cfg) })
}

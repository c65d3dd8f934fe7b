package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// settings are the flags of the program; app.Config says more about each.
type settings struct {
	Listen        string `help:"Where lifecycle calls." default:"127.0.0.1:9091" placeholder:"HOST:PORT"`
	program.PKI   `embed:""`
	program.Admin `embed:""`

	Dir              string   `help:"Absolute path that survives a reboot: nginx's configuration, the last good state, logs. The agent's alone." default:"/var/lib/siteplane/edge" placeholder:"DIR"`
	RuntimeDir       string   `help:"Short absolute path for sockets and the pid file, which nginx's workers can enter." default:"/run/siteplane-edge" placeholder:"DIR"`
	PublicListen     []string `help:"Addresses at which nginx answers visitors. May be repeated." placeholder:"IP:PORT"`
	TLSListen        []string `name:"tls-listen" help:"Addresses at which nginx answers with TLS, with the certificates below DIR/certificates. May be repeated." placeholder:"IP:PORT"`
	AccessLog        string   `help:"Absolute path of a file that takes a JSON line for each request of a visitor. [default: none]" placeholder:"FILE"`
	TrustedProxies   []string `help:"Networks of proxies in front of the edge, whose word about the visitor is taken. May be repeated." placeholder:"CIDR"`
	RealIPHeader     string   `name:"real-ip-header" help:"Where they say the visitor's address: X-Forwarded-For, X-Real-IP or CF-Connecting-IP." default:"X-Forwarded-For" placeholder:"NAME"`
	KeepaliveOrigins int      `help:"To how many origins with a single address connections are kept; -1: none." default:"1000" placeholder:"N"`

	NginxBin  string `help:"nginx, as a name or a path." default:"nginx" placeholder:"NAME"`
	NginxUnit string `help:"Unit of systemd that starts nginx. [default: none, the agent does]" placeholder:"NAME.service"`
	NginxUser string `help:"User of nginx's workers; ignored unless the agent is root." default:"nobody" placeholder:"USER"`

	ProofTimeout     time.Duration `help:"Time for new workers to answer." default:"10s" placeholder:"DURATION"`
	TestTimeout      time.Duration `help:"Time for the test of a configuration." default:"1m" placeholder:"DURATION"`
	TestMemory       int64         `help:"Memory for that test, in bytes. [default: half of the host's]" placeholder:"BYTES"`
	ShutdownTimeout  time.Duration `help:"How long workers of a former generation may serve what they have." default:"1m" placeholder:"DURATION"`
	MaxDraining      int           `help:"Workers of former generations that may still serve long requests, in multiples of the running ones." default:"4" placeholder:"N"`
	DrainPatience    time.Duration `help:"How long an apply waits for them." default:"10s" placeholder:"DURATION"`
	CheckInterval    time.Duration `help:"How often a dead nginx is looked for." default:"2s" placeholder:"DURATION"`
	RehearseInterval time.Duration `help:"How often it is tested, at the latest, that the last good configuration would start again." default:"10m" placeholder:"DURATION"`

	StopNginx bool `help:"End nginx, after the requests that it serves, and this program too. No agent may run."`
}

// edgePath is how the SPIFFE path of an edge begins; its id follows.
const edgePath = "/edge/"

// Check reports everything that is wrong, joined.
func (s settings) Check() error {
	if s.StopNginx {
		return s.config().Check()
	}
	return errors.Join(program.CheckAddress("--listen", s.Listen), s.checkPKI(), s.Admin.Check(), s.config().Check())
}

// checkPKI leaves a folder to run that may have to be recovered first.
func (s settings) checkPKI() error {
	if s.enrolled() {
		return nil
	}
	return s.pki().Check()
}

// enrolled reports whether the agent renews its certificate itself.
func (s settings) enrolled() bool {
	return s.PKI.Cert == "" && s.PKI.Key == "" && app.Enrolled(s.PKI.Dir)
}

// pki is where the identity is. An edge serves visitors, and starts nginx after a
// reboot, whoever believes its certificate.
func (s settings) pki() program.PKI {
	pki := s.PKI
	pki.Untimely, pki.Renewed = true, s.enrolled()
	return pki
}

func (s settings) config() app.Config {
	return app.Config{
		Dir: s.Dir, RuntimeDir: s.RuntimeDir, PublicListen: s.PublicListen, NginxBin: s.NginxBin, NginxUser: s.NginxUser,
		ProofTimeout: s.ProofTimeout, TestTimeout: s.TestTimeout, CheckInterval: s.CheckInterval,
		TLSListen: s.TLSListen,
		AccessLog: s.AccessLog, TrustedProxies: s.TrustedProxies, RealIPHeader: s.RealIPHeader, KeepaliveOrigins: s.KeepaliveOrigins,
		TestMemory: s.TestMemory, ShutdownTimeout: s.ShutdownTimeout, MaxDraining: s.MaxDraining, DrainPatience: s.DrainPatience,
		NginxUnit: s.NginxUnit, RehearseInterval: s.RehearseInterval,
	}
}

// run serves until the context is done.
func run(ctx context.Context, s settings, env program.Env) error {
	cfg := s.config()
	if s.StopNginx {
		return app.StopNginx(ctx, cfg)
	}
	if s.enrolled() {
		cfg.Renew = s.PKI.Dir
		if err := errors.Join(app.RecoverIdentity(cfg.Renew), s.pki().Check()); err != nil {
			return fmt.Errorf("%w; this host joined with a token: `siteplane edge join --force` with a new one gives it another identity", err)
		}
	}
	on, err := program.Open(ctx, s.pki(), s.Listen, s.Admin, env)
	if err != nil {
		return err
	}
	edgeID, ok := strings.CutPrefix(on.Identity.Path(), edgePath)
	if !ok || edgeID == "" {
		return errors.Join(fmt.Errorf("the certificate in --pki is for %s, not for an edge: give the folder of `siteplane edge join`, or edge/NAME that `siteplane pki init --edge NAME` made",
			on.Identity.Path()), on.Close())
	}
	cfg.EdgeID, cfg.Listener, cfg.Identity, cfg.Telemetry = edgeID, on.Listener, on.Identity, env.Telemetry
	return on.Serve(ctx, func(ctx context.Context) error { return app.Run(ctx, cfg) })
}

package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/service"
)

// settings are the flags of the program.
type settings struct {
	Database service.Location `help:"What holds everything: an SQLite file, made where it is missing, for one process at a time; or a PostgreSQL database, postgres://USER@HOST:PORT/NAME, for any number of them. Its password is better kept in PGPASSWORD or PGPASSFILE than in the URL." default:"/var/lib/siteplane/siteplane.db" placeholder:"FILE|URL"`

	ListenGRPC  string `name:"listen-grpc" help:"Where gRPC is served to callers with a key; the command line uses it." default:"127.0.0.1:8081" placeholder:"HOST:PORT"`
	ListenREST  string `name:"listen-rest" help:"Where REST is served to callers with a key." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	ListenAdmin string `help:"Where /healthz and /metrics are served to platform admins' keys." default:"127.0.0.1:8082" placeholder:"HOST:PORT"`

	program.PKI       `embed:""`
	program.PublicPKI `embed:""`

	Tunnel       string   `help:"Where the tunnel service is." default:"127.0.0.1:9092" placeholder:"HOST:PORT"`
	DNSValidator string   `name:"dnsvalidator" help:"Where the DNS validator is." default:"127.0.0.1:9093" placeholder:"HOST:PORT"`
	Edge         []string `help:"An edge: its name, the id that 'siteplane pki init --edge NAME' printed, where its agent is, and the addresses at which visitors reach it. May be repeated; in the environment separated by ';'." sep:";" placeholder:"NAME=ID@HOST:PORT[,public=IP]..."`

	Enrolment enrolment `embed:"" group:"Hosts that join by themselves"`

	CLIConfig  string `name:"cli-config" help:"File with address, CA and admin key that the command line reads (SITEPLANE_CONFIG); a new key is made where it is missing. Default: the key is only printed, at the first start." placeholder:"FILE"`
	CLIAddress string `name:"cli-address" help:"The gRPC listener as callers know it, for that file. Default: --listen-grpc." placeholder:"HOST:PORT"`
	PublicPort int    `help:"Port at which visitors reach the sites, for showing URLs, where it is not 80." placeholder:"PORT"`

	Sites sites `embed:"" group:"Sites and names"`
	Pace  pace  `embed:"" group:"Pace"`

	Tenants tenants `embed:"" prefix:"tenant-" group:"Tenants without limits of their own"`
}

// enrolment is what hosts need to become edges here; see `siteplane edge token`.
type enrolment struct {
	ListenEnrolment         string        `help:"Where hosts with a join token become edges, and edges renew their certificates; they must reach it. Default: nowhere." placeholder:"HOST:PORT"`
	IssuingCA               string        `name:"issuing-ca" help:"Directory of 'siteplane pki init', with ca.crt and ca.key, by which their certificates are signed. Needed with --listen-enrolment." placeholder:"DIR"`
	EdgeCertificateLifetime time.Duration `help:"How long those certificates hold; edges renew them long before." default:"${edge_certificate_lifetime}" placeholder:"DURATION"`
}

// check reports what is wrong.
func (e enrolment) check() error {
	var problems []error
	switch {
	case e.ListenEnrolment == "" && e.IssuingCA != "":
		problems = append(problems, errors.New("--issuing-ca: is of no use alone; say with --listen-enrolment HOST:PORT where hosts ask for certificates"))
	case e.ListenEnrolment != "" && e.IssuingCA == "":
		problems = append(problems, errors.New("--listen-enrolment: needs --issuing-ca DIR, the directory of `siteplane pki init` with ca.crt and ca.key, to sign certificates by"))
	case e.ListenEnrolment != "":
		_, err := identity.LoadCA(e.IssuingCA)
		problems = append(problems, named("--issuing-ca", err), program.CheckAddress("--listen-enrolment", e.ListenEnrolment))
	}
	if e.EdgeCertificateLifetime < minEdgeLifetime {
		problems = append(problems, fmt.Errorf("--edge-certificate-lifetime %s: must be at least %s", e.EdgeCertificateLifetime, minEdgeLifetime))
	}
	return errors.Join(problems...)
}

// minEdgeLifetime leaves an edge several tries to renew, where somebody wants to see
// that it does.
const minEdgeLifetime = 10 * time.Second

// named puts a flag before what is wrong with it.
func named(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// sites are what lifecycle.Config says about sites and names.
type sites struct {
	PlatformDomain      string           `help:"Domain below which sites get a name by their slug. Default: none." placeholder:"NAME"`
	AllowReservedTLDs   bool             `name:"allow-reserved-tlds" help:"Take tenants' names below top-level domains such as .test; for development."`
	OriginAllowNetworks []netip.Prefix   `help:"Networks that origins may lie in besides the public Internet. May be repeated." placeholder:"NETWORK"`
	OwnListeners        []netip.AddrPort `help:"More of the installation's own addresses, which no origin may have, such as those of nginx. May be repeated." placeholder:"IP:PORT"`
	ProbePolicy         string           `help:"How ACTIVE is proved: public, edge or off." default:"${probe_policy}" placeholder:"POLICY"`
}

// pace is how often and how long; lifecycle.Config says more about each.
type pace struct {
	EdgeWindow       time.Duration `help:"How long ago an edge may have been seen to be required." default:"${edge_window}" placeholder:"DURATION"`
	ObserveEvery     time.Duration `help:"How often each edge is asked what it runs." default:"${observe_every}" placeholder:"DURATION"`
	ReserveFor       time.Duration `help:"How long a released name is kept for its last owner." default:"${reserve_for}" placeholder:"DURATION"`
	TransferAfter    time.Duration `help:"How long a holder has to prove a name again." default:"${transfer_after}" placeholder:"DURATION"`
	ReconcileEvery   time.Duration `help:"How often each tunnel is compared." default:"${reconcile_every}" placeholder:"DURATION"`
	RecheckEvery     time.Duration `help:"How often an ACTIVE domain is looked at." default:"${recheck_every}" placeholder:"DURATION"`
	Grace            time.Duration `help:"How long evidence may be contradicted." default:"${grace}" placeholder:"DURATION"`
	CompensateWithin time.Duration `help:"How long an operation may take to undo what it did." default:"${compensate_within}" placeholder:"DURATION"`
	KeepRequests     time.Duration `help:"How long the answer to a request that may be repeated is kept." default:"${keep_requests}" placeholder:"DURATION"`
	KeepEvents       time.Duration `help:"How long events can be read." default:"${keep_events}" placeholder:"DURATION"`
	Lease            time.Duration `help:"How long a claim on an object holds." default:"${lease}" placeholder:"DURATION"`
	Concurrency      int           `help:"Objects that are worked on at once." default:"${concurrency}" placeholder:"NUMBER"`
}

// tenants are lifecycle.TenantLimits.
type tenants struct {
	Sites             int64 `help:"Sites that a tenant may have." default:"${tenant_sites}" placeholder:"NUMBER"`
	Domains           int64 `help:"Domains that a tenant may have." default:"${tenant_domains}" placeholder:"NUMBER"`
	PendingClaims     int64 `help:"Names that a tenant may claim without having proved them." default:"${tenant_pending_claims}" placeholder:"NUMBER"`
	RequestsPerSecond int64 `help:"Calls that a tenant may make a second, in bursts of twice as many." default:"${tenant_requests_per_second}" placeholder:"NUMBER"`
}

// defaults are those of lifecycle.Config, for the tags above.
func defaults() map[string]string {
	d := lifecycle.Defaults()
	return map[string]string{
		"probe_policy": d.ProbePolicy, "concurrency": strconv.Itoa(d.Concurrency),
		"edge_window": d.EdgeWindow.String(), "observe_every": d.ObserveEvery.String(), "reserve_for": d.ReserveFor.String(),
		"transfer_after": d.TransferAfter.String(), "reconcile_every": d.ReconcileEvery.String(), "recheck_every": d.RecheckEvery.String(),
		"grace": d.Grace.String(), "compensate_within": d.CompensateWithin.String(), "lease": d.Lease.String(),
		"keep_requests": d.KeepRequests.String(), "keep_events": d.KeepEvents.String(),
		"tenant_sites": number(d.TenantLimits.Sites), "tenant_domains": number(d.TenantLimits.Domains),
		"edge_certificate_lifetime":  service.DefaultEdgeCertificateLifetime.String(),
		"tenant_pending_claims":      number(d.TenantLimits.PendingClaims),
		"tenant_requests_per_second": number(d.TenantLimits.RequestsPerSecond),
	}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// Check reports everything that is wrong, joined.
func (s settings) Check() error {
	var problems []error
	if err := s.Database.Check(); err != nil {
		problems = append(problems, fmt.Errorf("--database: %w", err))
	}
	for _, address := range [][2]string{
		{"--listen-grpc", s.ListenGRPC}, {"--listen-rest", s.ListenREST}, {"--listen-admin", s.ListenAdmin},
		{"--tunnel", s.Tunnel}, {"--dnsvalidator", s.DNSValidator}, {"--cli-address", s.cliAddress()},
	} {
		problems = append(problems, program.CheckAddress(address[0], address[1]))
	}
	if s.PublicPort < 0 || s.PublicPort > 65535 {
		problems = append(problems, errors.New("--public-port: is not a port"))
	}
	_, edgeErr := readEdges(s.Edge)
	return errors.Join(append(problems, s.PKI.Check(), s.PublicPKI.Check(s.PKI.Dir), s.Enrolment.check(), edgeErr, s.config().Validate())...)
}

// config is the part that the control plane knows, but for its own listeners.
func (s settings) config() lifecycle.Config {
	cfg := lifecycle.Defaults()
	cfg.PlatformDomain, cfg.AllowReservedTLDs, cfg.ProbePolicy = s.Sites.PlatformDomain, s.Sites.AllowReservedTLDs, s.Sites.ProbePolicy
	cfg.OriginAllowNetworks, cfg.OwnListeners = s.Sites.OriginAllowNetworks, s.Sites.OwnListeners
	p := s.Pace
	cfg.EdgeWindow, cfg.ObserveEvery, cfg.ReserveFor, cfg.TransferAfter = p.EdgeWindow, p.ObserveEvery, p.ReserveFor, p.TransferAfter
	cfg.ReconcileEvery, cfg.RecheckEvery, cfg.Grace = p.ReconcileEvery, p.RecheckEvery, p.Grace
	cfg.CompensateWithin, cfg.Lease, cfg.Concurrency = p.CompensateWithin, p.Lease, p.Concurrency
	cfg.KeepRequests, cfg.KeepEvents, cfg.TenantLimits = p.KeepRequests, p.KeepEvents, lifecycle.TenantLimits(s.Tenants)
	return cfg
}

// cliAddress is where the command line finds us: a listener on all addresses is
// found on the loopback one.
func (s settings) cliAddress() string {
	if s.CLIAddress != "" {
		return s.CLIAddress
	}
	host, port, err := net.SplitHostPort(s.ListenGRPC)
	if ip, parseErr := netip.ParseAddr(host); err == nil && (host == "" || parseErr == nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return s.ListenGRPC
}

// Package split runs an installation whose four services are programs of their
// own, as a hosting team would deploy them, beside the two simulators: with
// certificates of `siteplane pki init`, and each to be ended, killed and started
// again alone.
//
// It owns that shape: which program gets which flags, and where everything is. It
// must not know what the services do; it is for tests and the demo.
package split

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/siteplane/siteplane/test/process"
)

// The names of the processes, which are those of the programs.
const (
	DNS          = "dns-simulator"
	Cloudflare   = "cloudflare-simulator"
	EdgeAgent    = "edge-agent"
	Tunnel       = "tunnel"
	DNSValidator = "dnsvalidator"
	Lifecycle    = "lifecycle"
)

// order is how they are started, the further lifecycles last; they are ended the other
// way round.
var order = []string{DNS, Cloudflare, EdgeAgent, Tunnel, DNSValidator, Lifecycle}

// Replica returns the name of the nth lifecycle, from 1, which is Lifecycle.
func Replica(n int) string {
	if n == 1 {
		return Lifecycle
	}
	return fmt.Sprintf("%s-%d", Lifecycle, n)
}

const commandLimit = 20 * time.Second

// Config says what to run.
type Config struct {
	// Bin holds the programs: the four services, the simulators and siteplane.
	Bin string
	// Dir takes all data and logs; it is kept.
	Dir string
	// PortBase is as for `siteplane up`; ports up to 23 above it are taken, too.
	PortBase int
	// Database is where lifecycle's database is; empty for a file in Dir.
	Database string
	// Replicas is how many lifecycles there are, at most three; none means one. More
	// than one need a database that they can share.
	Replicas int
	// LifecycleFlags are added to those of each lifecycle.
	LifecycleFlags []string
	// Between returns where a lifecycle finds the edge agent or the tunnel, which
	// listens at an address: for who puts something in between. Nil for nothing.
	Between func(lifecycle, service, address string) string
	// OTLPEndpoint receives traces; empty for none.
	OTLPEndpoint string
	// LogLevel of all services; empty for info.
	LogLevel string
}

// Installation is the six processes, or more with further lifecycles, running or not.
type Installation struct {
	cfg        Config
	ports      ports
	runtimeDir string
	edgeID     string
	order      []string
	processes  map[string]*process.Process
	announced  map[string]chan struct{}
}

// New makes the files that the programs begin with; nothing runs yet.
func New(ctx context.Context, cfg Config) (*Installation, error) {
	i := &Installation{cfg: cfg, ports: portsFrom(cfg.PortBase), order: slices.Clone(order), announced: map[string]chan struct{}{}}
	if i.cfg.LogLevel == "" {
		i.cfg.LogLevel = "info"
	}
	if i.cfg.Between == nil {
		i.cfg.Between = func(_, _, address string) string { return address }
	}
	for n := range max(1, cfg.Replicas) {
		name := Replica(n + 1)
		i.announced[name] = make(chan struct{}, 1)
		if n > 0 {
			i.order = append(i.order, name)
		}
	}
	var err error
	// Short, because the paths of sockets are, and outside of Dir, which nginx's
	// workers may not enter.
	if i.runtimeDir, err = os.MkdirTemp("", "sp-edge-"); err != nil {
		return nil, fmt.Errorf("make the runtime directory of the edge: %w", err)
	}
	if err := i.writeWorld(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(i.runtimeDir))
	}
	if err := i.command(ctx, "siteplane", "pki", "init", i.path("pki"), "--edge", "local"); err != nil {
		return nil, errors.Join(err, os.RemoveAll(i.runtimeDir))
	}
	edgeID, err := os.ReadFile(i.path("pki", "edge", "local", "id"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(i.runtimeDir))
	}
	i.edgeID = strings.TrimSpace(string(edgeID))
	i.processes = map[string]*process.Process{}
	for name, args := range i.arguments() {
		i.processes[name] = process.New(process.Config{
			Name: name, Program: i.program(name), Args: args, LogFile: i.path(name + ".log"),
		})
	}
	for n := range max(1, cfg.Replicas) {
		name := Replica(n + 1)
		i.processes[name] = process.New(process.Config{
			Name: name, Program: i.program(Lifecycle), Args: i.lifecycle(n), LogFile: i.path(name + ".log"), Said: i.hears(name),
		})
	}
	return i, nil
}

// service are the flags of a service: those that all have, and its own.
func (i *Installation) service(pki string, args ...string) []string {
	common := []string{"--pki", i.path("pki", pki), "--log-format", "json", "--log-level", i.cfg.LogLevel}
	if i.cfg.OTLPEndpoint != "" {
		common = append(common, "--otlp-endpoint", i.cfg.OTLPEndpoint)
	}
	return append(common, args...)
}

// arguments are the flags of each program but the lifecycles.
func (i *Installation) arguments() map[string][]string {
	p, service := i.ports, i.service
	dns, api := at(edgeAddress, p.dns), "http://"+at(edgeAddress, p.cloudflare)+"/client/v4"
	return map[string][]string{
		DNS: {"-addr", dns, "-key-file", i.path("dns-update.key"),
			"-zone", platformDomain + "=" + i.path("platform.zone"), "-kept-zone", tenantZone + "=" + i.path("tenants.zone"),
			"-zone", managedZone, "-zone", customZone, "-zone", foreignZone},
		Cloudflare: {"-config", i.path("cloudflare-world.json"), "-dns-server", dns, "-dns-key-file", i.path("dns-update.key")},
		EdgeAgent: service("edge/local", "--listen", at(edgeAddress, p.agent), "--listen-admin", at(edgeAddress, p.agentAdmin),
			"--dir", i.EdgeDir(), "--runtime-dir", i.runtimeDir, "--public-listen", at(edgeAddress, p.edge)),
		Tunnel: service("tunnel", "--listen", at(edgeAddress, p.tunnel), "--listen-admin", at(edgeAddress, p.tunnelAdmin),
			"--backend", "cloudflare", "--state-dir", i.path("tunnel"), "--cloudflare-api-url", api,
			"--cloudflare-token-file", i.path("cloudflare-token"), "--cloudflare-account-id", accountID, "--cloudflare-tunnel-id", tunnelID,
			"--cloudflare-edge-url", "http://"+at(edgeAddress, p.edge),
			"--cloudflare-custom-hostname-zone-id", customZoneID, "--cloudflare-custom-hostname-target", customTarget),
		DNSValidator: service("dnsvalidator", "--listen", at(edgeAddress, p.dnsvalidator), "--listen-admin", at(edgeAddress, p.dnsvalidatorAdmin),
			"--dns-server", ".="+dns, "--probe-port", fmt.Sprint(p.edge), "--probe-allow-networks", "127.0.0.0/8",
			"--cloudflare-ips-url", api+"/ips"),
	}
}

// lifecycle are the flags of a lifecycle, the first of which is 0: it makes what the
// command line reads.
func (i *Installation) lifecycle(n int) []string {
	p, name := i.ports, Replica(n+1)
	rest, grpc, admin, first := p.rest, p.grpc, p.admin, []string{"--cli-config", i.CLIConfig()}
	if n > 0 {
		rest, grpc, admin, first = p.replicas[n-1], p.replicas[n-1]+1, p.replicas[n-1]+2, nil
	}
	agent := i.cfg.Between(name, EdgeAgent, at(edgeAddress, p.agent))
	return slices.Concat(i.service("lifecycle", "--database", i.Database(), "--public-port", fmt.Sprint(p.edge),
		"--listen-grpc", at(edgeAddress, grpc), "--listen-rest", at(edgeAddress, rest), "--listen-admin", at(edgeAddress, admin),
		"--tunnel", i.cfg.Between(name, Tunnel, at(edgeAddress, p.tunnel)), "--dnsvalidator", at(edgeAddress, p.dnsvalidator),
		"--edge", "local="+i.edgeID+"@"+agent+",public="+edgeAddress,
		"--platform-domain", platformDomain, "--allow-reserved-tlds", "--origin-allow-networks", "127.0.0.0/8",
		"--own-listeners", at(edgeAddress, p.edge)+","+at(edgeAddress, p.dns)+","+at(edgeAddress, p.cloudflare)+","+at(dataAddress, p.edge)),
		first, i.cfg.LifecycleFlags)
}

// Start starts every process, returns once all answer, and lets the first tenant
// use the simulated zone.
func (i *Installation) Start(ctx context.Context) error {
	for _, name := range i.order {
		if err := i.Restart(ctx, name); err != nil {
			return err
		}
	}
	return i.command(ctx, "siteplane", "zone", "grant", managedZone, "--tenant", "default")
}

// Kill ends a process as a power cut does.
func (i *Installation) Kill(name string) error { return i.processes[name].Kill() }

// Terminate ends a process in order; that it takes too long or complains is an
// error.
func (i *Installation) Terminate(name string) error { return i.processes[name].Terminate() }

// Pause stops a process where it is, until Resume.
func (i *Installation) Pause(name string) error { return i.processes[name].Pause() }

// Resume lets a paused process go on.
func (i *Installation) Resume(name string) error { return i.processes[name].Resume() }

// Pid returns the process id of a process.
func (i *Installation) Pid(name string) int { return i.processes[name].Pid() }

// GRPC is where the nth lifecycle, from 1, answers callers.
func (i *Installation) GRPC(n int) string {
	if n == 1 {
		return at(edgeAddress, i.ports.grpc)
	}
	return at(edgeAddress, i.ports.replicas[n-2]+1)
}

// Restart starts a process that does not run, on the data that it left, and
// returns once it answers.
func (i *Installation) Restart(ctx context.Context, name string) error {
	p := i.processes[name]
	select {
	case <-i.announced[name]: // by a run that nobody waited for
	default:
	}
	if err := p.Start(); err != nil {
		return err
	}
	return i.await(ctx, p)
}

// Died is how a process ended by itself that was to run, or nil.
func (i *Installation) Died() error {
	for _, name := range i.order {
		p := i.processes[name]
		select {
		case <-p.Ended():
			return p.Died()
		default:
		}
	}
	return nil
}

// Ended gets a value when the first of the processes that run now has ended.
func (i *Installation) Ended() <-chan struct{} {
	first := make(chan struct{}, 1)
	for _, p := range i.processes {
		go func() {
			<-p.Ended()
			select {
			case first <- struct{}{}:
			default:
			}
		}()
	}
	return first
}

// End ends whatever runs, and the nginx that outlives its agent.
func (i *Installation) End() error {
	var problems []error
	for _, name := range slices.Backward(i.order) {
		problems = append(problems, i.processes[name].Terminate())
	}
	if _, err := os.Stat(i.EdgeDir()); err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
		defer cancel()
		problems = append(problems, i.command(ctx, EdgeAgent, "--stop-nginx", "--dir", i.EdgeDir(), "--runtime-dir", i.runtimeDir,
			"--public-listen", at(edgeAddress, i.ports.edge)))
	}
	return errors.Join(append(problems, os.RemoveAll(i.runtimeDir))...)
}

// command runs a program to its end.
func (i *Installation) command(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := process.Command(exec.CommandContext(ctx, i.program(name), args...))
	cmd.Env = append(os.Environ(), "SITEPLANE_CONFIG="+i.CLIConfig())
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("`%s %s`: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(said)))
	}
	return nil
}

func (i *Installation) program(name string) string { return filepath.Join(i.cfg.Bin, name) }

func (i *Installation) path(parts ...string) string {
	return filepath.Join(append([]string{i.cfg.Dir}, parts...)...)
}

// EdgeDir is the data directory of the edge agent;
func (i *Installation) EdgeDir() string { return i.path("edge") }

// NginxConf is what nginx runs.
func (i *Installation) NginxConf() string { return i.path("edge", "current", "nginx.conf") }

// TunnelDir is the state directory of the tunnel service.
func (i *Installation) TunnelDir() string { return i.path("tunnel") }

// Database is where lifecycle's database is.
func (i *Installation) Database() string {
	if i.cfg.Database != "" {
		return i.cfg.Database
	}
	return i.path("siteplane.db")
}

// CLIConfig is what the command line reads.
func (i *Installation) CLIConfig() string { return i.path("cli.json") }

// LogFile is what a process has logged in all its runs.
func (i *Installation) LogFile(name string) string { return i.processes[name].LogFile() }

// DNSAddress is the simulated DNS, and DNSKey the key of its updates.
func (i *Installation) DNSAddress() string { return at(edgeAddress, i.ports.dns) }

// DNSKey is the file of the key that updates of the simulated DNS are signed with.
func (i *Installation) DNSKey() string { return i.path("dns-update.key") }

// CloudflareURL is the API of the simulated Cloudflare.
func (i *Installation) CloudflareURL() string {
	return "http://" + at(edgeAddress, i.ports.cloudflare) + "/client/v4"
}

// CloudflareVisitors is where the simulated Cloudflare takes visitors.
func (i *Installation) CloudflareVisitors() string { return at(dataAddress, i.ports.edge) }

// Edge is where nginx answers visitors.
func (i *Installation) Edge() string { return at(edgeAddress, i.ports.edge) }

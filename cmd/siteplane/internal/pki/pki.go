// Package pki makes the certificates of an installation whose services run apart:
// one CA, and a folder for each program with all that it needs to prove itself.
//
// It owns the layout of that directory. What exists is kept, so that the command
// can be repeated when an edge is added; only renewing replaces certificates, and
// nothing ever replaces the CA or the id of an edge.
package pki

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/service"
)

// Config says what to make.
type Config struct {
	// Dir is made where it is missing.
	Dir         string
	TrustDomain string
	// Edges are the operator's names for hosts with nginx.
	Edges []string
	// PublicNames are what callers of lifecycle's public listeners call it. None:
	// those of the certificate that is there, or localhost.
	PublicNames []string
	// Lifetime is that of each certificate, and at most the CA's.
	Lifetime time.Duration
	// Renew replaces certificates that exist.
	Renew bool
}

// defaultNames are those of a lifecycle that is called from its own host.
var defaultNames = []string{"localhost", "127.0.0.1", "::1"}

// edgeName may be a folder and the NAME of lifecycle's --edge.
var edgeName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Validate reports every problem at once.
func (c Config) Validate() error {
	var problems []error
	for _, name := range c.Edges {
		if !edgeName.MatchString(name) {
			problems = append(problems, fmt.Errorf("--edge %q: must be lower-case letters, digits and hyphens, such as fra1", name))
		}
	}
	if c.Lifetime < time.Hour {
		problems = append(problems, fmt.Errorf("--lifetime %s: must be at least 1h", c.Lifetime))
	}
	return errors.Join(problems...)
}

// Init makes what is missing and says on out what there is and what to do next.
// A certificate that is there and cannot be used is said, too, and is an error.
func Init(cfg Config, out io.Writer) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	ca, err := identity.LoadOrCreateCA(cfg.Dir, cfg.TrustDomain)
	if err != nil {
		return err
	}
	m := &maker{cfg: cfg, ca: ca, out: out}
	fmt.Fprintf(out, "CA of %s in %s; ca.key signs for everybody: keep it off the hosts, and in a backup\n\n", cfg.TrustDomain, cfg.Dir)
	m.identity("lifecycle", service.LifecyclePath)
	m.public("lifecycle")
	m.identity("tunnel", service.TunnelPath)
	m.identity("dnsvalidator", service.DNSValidatorPath)
	m.identity("monitor", program.MonitorPath)
	edges, err := m.edges()
	if err = errors.Join(errors.Join(m.problems...), err); err != nil {
		return err
	}
	next(out, cfg.Dir, edges)
	return nil
}

// maker makes folders and collects what is wrong with those that exist.
type maker struct {
	cfg      Config
	ca       *identity.CA
	out      io.Writer
	problems []error
}

// edge is a host with nginx.
type edge struct {
	name string
	id   id.Edge
}

// identity makes the folder of a program, or looks at the one that is there.
func (m *maker) identity(folder, path string) {
	dir := filepath.Join(m.cfg.Dir, folder)
	files := identity.FilesIn(dir)
	if !m.cfg.Renew && (exists(files.Certificate) || exists(files.Key)) {
		kept, err := identity.Load(files)
		if err == nil && kept.ID() != "spiffe://"+m.ca.TrustDomain()+path {
			err = fmt.Errorf("certificate %s is for %s, not for %s: move it away, and run the command again", files.Certificate, kept.ID(), path)
		}
		if err != nil {
			m.problems = append(m.problems, err)
			return
		}
		m.say("kept", folder, kept.NotAfter(), path)
		return
	}
	made, err := m.ca.WriteIdentity(dir, path, m.cfg.Lifetime)
	if err != nil {
		m.problems = append(m.problems, err)
		return
	}
	m.say("made", folder, made.NotAfter(), path)
}

// public makes the certificate of the public listeners, or looks at the one that
// is there.
func (m *maker) public(folder string) {
	dir := filepath.Join(m.cfg.Dir, folder)
	files := identity.ServerFilesIn(dir)
	names := m.cfg.PublicNames
	if exists(files.Certificate) || exists(files.Key) {
		there, err := identity.LoadServer(files)
		switch {
		case err == nil && len(names) == 0:
			names = there.Hosts()
		case err == nil && !m.cfg.Renew && !covers(there.Hosts(), names):
			err = fmt.Errorf("certificate %s is for %s: add --renew to make it anew for %s", files.Certificate,
				strings.Join(there.Hosts(), ", "), strings.Join(names, ", "))
		}
		if !m.cfg.Renew {
			m.keepPublic(there, folder, err)
			return
		}
	}
	if len(names) == 0 {
		names = defaultNames
	}
	made, err := m.ca.WriteServer(dir, names, m.cfg.Lifetime)
	if err != nil {
		m.problems = append(m.problems, err)
		return
	}
	m.say("made", filepath.Join(folder, "public.crt"), made.NotAfter, "public listeners at "+strings.Join(names, ", "))
}

func (m *maker) keepPublic(there *identity.Server, folder string, err error) {
	if err != nil {
		m.problems = append(m.problems, err)
		return
	}
	m.say("kept", filepath.Join(folder, "public.crt"), there.NotAfter(), "public listeners at "+strings.Join(there.Hosts(), ", "))
}

func covers(hosts, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(hosts, name) })
}

// edges makes the folders of the edges that are named, and looks at all others.
func (m *maker) edges() ([]edge, error) {
	names := m.cfg.Edges
	found, err := os.ReadDir(filepath.Join(m.cfg.Dir, "edge"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for edges: %w", err)
	}
	for _, entry := range found {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	var edges []edge
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		edgeID, err := edgeID(filepath.Join(m.cfg.Dir, "edge", name))
		if err != nil {
			return nil, err
		}
		m.identity(filepath.Join("edge", name), service.EdgePath(edgeID))
		edges = append(edges, edge{name: name, id: edgeID})
	}
	return edges, nil
}

// edgeID returns the id of an edge, which is made once and outlives its
// certificates.
func edgeID(dir string) (id.Edge, error) {
	file := filepath.Join(dir, "id")
	text, err := os.ReadFile(file)
	if err == nil {
		edgeID, err := id.ParseEdge(strings.TrimSpace(string(text)))
		if err != nil {
			return "", fmt.Errorf("%s holds no id of an edge (%w): restore it, lifecycle's database knows the edge by it", file, err)
		}
		return edgeID, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the id of an edge: %w", err)
	}
	made := id.NewEdge()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of an edge: %w", err)
	}
	if err := os.WriteFile(file, []byte(made+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write the id of an edge: %w", err)
	}
	return made, nil
}

func (m *maker) say(what, folder string, until time.Time, about string) {
	fmt.Fprintf(m.out, "  %s  %-20s until %s  %s\n", what, folder, until.Format(time.DateOnly), about)
}

// next says how to go on.
func next(out io.Writer, dir string, edges []edge) {
	fmt.Fprintf(out, "\nCopy each folder, and nothing else, to the host of its program, and start it with --pki FOLDER:\n\n"+
		"  tunnel        --pki %[1]s/tunnel\n  dnsvalidator  --pki %[1]s/dnsvalidator\n", dir)
	for _, e := range edges {
		fmt.Fprintf(out, "  edge-agent    --pki %s/edge/%s\n", dir, e.name)
	}
	fmt.Fprintf(out, "  lifecycle     --pki %s/lifecycle", dir)
	for _, e := range edges {
		fmt.Fprintf(out, " --edge %s=%s@HOST:PORT,public=IP", e.name, e.id)
	}
	fmt.Fprintln(out)
	if len(edges) == 0 {
		fmt.Fprintln(out, "\nThere is no edge yet: run the command again with --edge NAME for each host with nginx.")
	}
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

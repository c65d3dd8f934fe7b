package app

import (
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/internal/certificate"
)

// certificateDir is where nginx's workers read: they cannot enter Dir.
func certificateDir(config Config) string { return filepath.Join(config.RuntimeDir, "certificates") }

// takeCertificates gives the workers those certificates that are good, encoded
// anew, and returns their names. It names the others in the log.
func takeCertificates(config Config) (map[string]bool, error) {
	if len(config.TLSListen) == 0 {
		return nil, os.RemoveAll(certificateDir(config))
	}
	group, err := workerGroup(config.NginxUser)
	if err != nil {
		return nil, err
	}
	good, problems, err := certificate.Load(filepath.Join(config.Dir, "certificates"), time.Now())
	if err != nil {
		return nil, err
	}
	for _, problem := range problems {
		config.Telemetry.Logger().Warn("a certificate is left out", "certificate", problem.Name, telemetry.KeyError, problem.Err)
	}
	if err := certificate.Write(certificateDir(config), group, good); err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(good))
	for _, certificate := range good {
		names[certificate.Name] = true
	}
	return names, nil
}

// workerGroup is -1 where the agent's own user runs the workers.
func workerGroup(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		return 0, fmt.Errorf("find the group of the nginx workers: %w", err)
	}
	return strconv.Atoi(found.Gid)
}

// neededCertificates are those that nginx has, as it would have them after a start.
type neededCertificates struct {
	config Config
	names  map[string]bool
}

func (n neededCertificates) dir() string { return filepath.Join(n.config.Dir, "certificates") }

// Mark implements apply.Needed by names, sizes and times of the files.
func (n neededCertificates) Mark() string {
	if len(n.names) == 0 {
		return ""
	}
	entries, err := os.ReadDir(n.dir())
	if err != nil {
		return err.Error()
	}
	sum := fnv.New64a()
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			_, _ = fmt.Fprintln(sum, info.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return strconv.FormatUint(sum.Sum64(), 16)
}

// mostNamed is how many certificates an error names.
const mostNamed = 5

// Check implements apply.Needed: it names the certificates that the agent would
// leave out if it started now.
func (n neededCertificates) Check() error {
	if len(n.names) == 0 {
		return nil
	}
	good, problems, err := certificate.Load(n.dir(), time.Now())
	if err != nil {
		return fmt.Errorf("nginx would start without any certificate: %w", err)
	}
	lost := maps.Clone(n.names)
	for _, each := range good {
		delete(lost, each.Name)
	}
	if len(lost) == 0 {
		return nil
	}
	why := map[string]error{}
	for _, problem := range problems {
		why[problem.Name] = problem.Err
	}
	return errors.New(lostText(slices.Sorted(maps.Keys(lost)), why))
}

func lostText(names []string, why map[string]error) string {
	var texts []string
	for _, name := range names[:min(mostNamed, len(names))] {
		text := name + " (gone)"
		if why[name] != nil {
			text = fmt.Sprintf("%s (%v)", name, why[name])
		}
		texts = append(texts, text)
	}
	if more := len(names) - mostNamed; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return "nginx would start without certificates that it has now: " + strings.Join(texts, ", ")
}

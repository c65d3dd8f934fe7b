package app

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
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

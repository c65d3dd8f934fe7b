package app

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/probe"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// place is everything that an agent has on this host.
type place struct {
	lock        *os.File
	runtime     nginx.Runtime
	nginx       *nginx.Instance
	generations *generation.Store
	snapshots   *snapshot.Store
	key         ed25519.PrivateKey
	// certificates are the hostnames that nginx has a certificate for.
	certificates map[string]bool
	// workers holds the parameters of nginx's user directive.
	workers string
}

// prepare makes and locks the directories and opens what is in them.
func prepare(config Config) (*place, error) {
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory %s: %w", config.Dir, err)
	}
	lock, err := lockDir(config.Dir)
	if err != nil {
		return nil, err
	}
	place := &place{lock: lock}
	if err := place.open(config); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return place, nil
}

func (p *place) open(config Config) (err error) {
	if p.runtime, err = nginx.NewRuntime(config.RuntimeDir); err != nil {
		return err
	}
	if err := p.runtime.Prepare(config.NginxUser); err != nil {
		return err
	}
	if p.workers, err = nginx.UserDirective(config.NginxUser); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(logFile(config)), 0o700); err != nil {
		return fmt.Errorf("make the log directory: %w", err)
	}
	if err := makeAccessLog(config.AccessLog); err != nil {
		return err
	}
	if p.certificates, err = takeCertificates(config); err != nil {
		return err
	}
	p.nginx = newNginx(config, p.runtime, config.Telemetry.Logger())
	if p.generations, err = generation.NewStore(config.Dir); err != nil {
		return err
	}
	if p.snapshots, err = snapshot.NewStore(filepath.Join(config.Dir, "state")); err != nil {
		return err
	}
	p.key, err = probe.LoadOrCreateKey(filepath.Join(config.Dir, "probe.key"))
	return err
}

// newNginx takes a nil logger for silence.
func newNginx(config Config, runtime nginx.Runtime, logger *slog.Logger) *nginx.Instance {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	// An address that is none was refused by Validate.
	listen, _ := config.publicListen()
	return nginx.New(nginx.Config{
		Binary:       config.NginxBin,
		ConfFile:     filepath.Join(config.Dir, "current", "nginx.conf"),
		LogFile:      logFile(config),
		Runtime:      runtime,
		PublicListen: listen,
		ProofTimeout: config.ProofTimeout,
		TestUser:     config.NginxUser,
		TestTimeout:  config.TestTimeout,
		TestMemory:   uint64(config.TestMemory),
		Unit:         config.NginxUnit,
		Logger:       logger,
	})
}

package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/closer"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/internal/api"
	"github.com/siteplane/siteplane/services/edge-agent/internal/apply"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/probe"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
)

const (
	// maxMessageBytes bounds one message of an apply.
	maxMessageBytes = 16 << 20
	closeLimit      = 5 * time.Second
)

// Run serves until ctx ends and returns nil then. Before it accepts calls, nginx
// runs the last good snapshot, or an empty one. Errors name what is in the way:
// a missing binary, a taken port, a directory in use.
func Run(ctx context.Context, config Config) (err error) {
	if err := config.Validate(); err != nil {
		return fmt.Errorf("configure edge agent: %w", err)
	}
	config = config.withDefaults()
	closers := closer.New(closeLimit)
	defer func() { err = errors.Join(err, closers.Close()) }()
	closers.Push("listener", func(context.Context) error { return closeListener(config.Listener) })

	place, err := prepare(config)
	if err != nil {
		return fmt.Errorf("prepare edge agent: %w", err)
	}
	closers.PushCloser("directory lock", place.lock)
	version, err := place.nginx.Version(ctx)
	if err != nil {
		return fmt.Errorf("start edge agent: %w", err)
	}
	sandbox := place.nginx.BuildSandbox(ctx)
	applier := newApplier(config, place)
	logSandbox(ctx, config, sandbox)
	logNotices(ctx, config, place.nginx)
	signer := probe.NewSigner(config.EdgeID, place.key, applier.Serves, time.Now)
	probes, err := listenForProbes(config, place.runtime)
	if err != nil {
		return fmt.Errorf("start edge agent: %w", err)
	}
	probeServer := &http.Server{Handler: signer, ReadTimeout: closeLimit, WriteTimeout: closeLimit}
	closers.PushCloser("probe server", probeServer)
	if err := applier.Boot(ctx); err != nil {
		return fmt.Errorf("start edge agent: %w", errors.Join(err, probes.Close()))
	}

	server, err := rpc.NewServer(rpc.ServerConfig{
		Listener: config.Listener, TLS: config.Identity.ServerTLS(), Authorizer: api.Policy(),
		Telemetry: config.Telemetry, MaxReceiveBytes: maxMessageBytes,
	})
	if err != nil {
		return fmt.Errorf("start edge agent: %w", errors.Join(err, probes.Close()))
	}
	edgev1.RegisterEdgeServiceServer(server.GRPC(), api.NewEdgeService(api.Config{
		EdgeID: config.EdgeID, Applier: applier, Preview: applier.Preview(), InternalSocket: place.runtime.InternalSocket(),
		ProbePublicKey: signer.PublicKey(), NginxVersion: version, Sandbox: sandbox,
	}))
	return serve(ctx, config, server, applier, probeServer, probes)
}

// logSandbox says what a test of a configuration could do to this host.
func logSandbox(ctx context.Context, config Config, sandbox nginx.Sandbox) {
	logger := config.Telemetry.Logger()
	if sandbox.Missing != "" {
		logger.WarnContext(ctx, "the sandbox of configuration tests has gaps", telemetry.KeyReason, sandbox.Missing)
		return
	}
	logger.InfoContext(ctx, "configurations are tested in a sandbox", "user", sandbox.User)
}

// logNotices says what is known of this nginx.
func logNotices(ctx context.Context, config Config, instance *nginx.Instance) {
	if notices := instance.Notices(ctx); len(notices) > 0 {
		config.Telemetry.Logger().WarnContext(ctx, "something is known of this nginx", telemetry.KeyReason, strings.Join(notices, "; "))
	}
}

func serve(ctx context.Context, config Config, server *rpc.Server, applier *apply.Applier, probeServer *http.Server, probes net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		applier.Supervise(ctx, config.CheckInterval)
		return nil
	})
	group.Go(func() error {
		renew(ctx, config)
		return nil
	})
	group.Go(func() error {
		if err := probeServer.Serve(probes); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("answer probes: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		// Probes are answered as long as calls are.
		return errors.Join(server.Serve(ctx), probeServer.Close())
	})
	return group.Wait()
}

// StopNginx ends the nginx of config after the requests it serves, and cuts those
// off when ctx is done. No agent may run on the directory, or it would start
// nginx again. No nginx is no error.
func StopNginx(ctx context.Context, config Config) error {
	config = config.withDefaults()
	runtime, err := nginx.NewRuntime(config.RuntimeDir)
	if err != nil {
		return fmt.Errorf("stop nginx: %w", err)
	}
	if err := newNginx(config, runtime, nil).Stop(ctx); err != nil {
		return fmt.Errorf("stop nginx: %w", err)
	}
	return nil
}

func newApplier(config Config, place *place) *apply.Applier {
	return apply.New(apply.Config{
		EdgeID: config.EdgeID,
		Layout: render.Layout{
			PublicListen:   config.PublicListen,
			User:           place.workers,
			StatusSocket:   place.runtime.StatusSocket(),
			InternalSocket: place.runtime.InternalSocket(),
			ProbeSocket:    place.runtime.ProbeSocket(),
			PIDFile:        place.runtime.PIDFile(),
			ErrorLog:       logFile(config),
			TempDir:        place.runtime.TempDir(),

			TLSListen:        config.TLSListen,
			Certificates:     place.certificates,
			CertificateDir:   certificateDir(config),
			AccessLog:        config.AccessLog,
			TrustedProxies:   slices.Sorted(slices.Values(config.TrustedProxies)),
			RealIPHeader:     config.RealIPHeader,
			KeepaliveOrigins: config.KeepaliveOrigins,
			ShutdownTimeout:  config.ShutdownTimeout,
		},
		Nginx: place.nginx, Runtime: place.runtime, Generations: place.generations, Snapshots: place.snapshots,
		Reached: func(moment apply.Moment) {
			if config.Reached != nil {
				config.Reached(string(moment))
			}
		},
		TestTimeout: config.TestTimeout, MaxDraining: config.MaxDraining, DrainPatience: config.DrainPatience,
		RehearseInterval: config.RehearseInterval, Needed: neededCertificates{config: config, names: place.certificates},
		Logger: config.Telemetry.Logger(),
		Tracer: config.Telemetry.Tracer("github.com/siteplane/siteplane/services/edge-agent"),
	})
}

// listenForProbes makes the socket that nginx hands probes to.
func listenForProbes(config Config, runtime nginx.Runtime) (net.Listener, error) {
	if err := os.Remove(runtime.ProbeSocket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the probe socket of before: %w", err)
	}
	listener, err := net.Listen("unix", runtime.ProbeSocket())
	if err != nil {
		return nil, fmt.Errorf("listen for probes: %w", err)
	}
	if err := runtime.GiveToWorkers(config.NginxUser); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

func closeListener(listener net.Listener) error {
	if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func logFile(config Config) string { return filepath.Join(config.Dir, "logs", "error.log") }

// lockDir keeps a second agent off the directory.
func lockDir(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock directory %s: %w", dir, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("directory %s is in use by another edge agent: stop that one or choose another directory", dir), file.Close())
	}
	return file, nil
}

package program_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

const year = 365 * 24 * time.Hour

// folders makes a CA and a folder for each path.
func folders(t *testing.T, paths ...string) (ca *identity.CA, dirs []string) {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		dir := t.TempDir()
		if _, err := ca.WriteIdentity(dir, path, year); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	return ca, dirs
}

func TestService_Serve_answers_the_monitor_alone(t *testing.T) {
	_, dirs := folders(t, "/service/tunnel", program.MonitorPath, "/edge/edge_1")
	ctx, cancel := context.WithCancel(t.Context())
	env := program.Env{Telemetry: telemetry.Discard("tunnel")}
	on, err := program.Open(ctx, program.PKI{Dir: dirs[0]}, "127.0.0.1:0", program.Admin{ListenAdmin: "127.0.0.1:0"}, env)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- on.Serve(ctx, func(ctx context.Context) error {
			server, err := rpc.NewServer(rpc.ServerConfig{
				Listener: on.Listener, TLS: on.Identity.ServerTLS(), Authorizer: rpc.Policy{}, Telemetry: env.Telemetry,
			})
			if err != nil {
				return err
			}
			return server.Serve(ctx)
		})
	}()
	for dir, want := range map[string]int{dirs[1]: http.StatusOK, dirs[2]: http.StatusForbidden} {
		if got := health(t, dir, on.AdminAddr().String()); got != want {
			t.Errorf("health answers %d, want %d", got, want)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// health asks an admin listener with the certificate of a folder.
func health(t *testing.T, dir, address string) int {
	t.Helper()
	who, err := identity.Load(identity.FilesIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: who.ClientTLS("/service/tunnel")}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Get("https://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

func TestOpen_reports_everything_that_is_in_the_way(t *testing.T) {
	_, err := program.Open(t.Context(), program.PKI{Dir: filepath.Join(t.TempDir(), "none")}, "192.0.2.1:1", program.Admin{ListenAdmin: "192.0.2.1:2"},
		program.Env{Telemetry: telemetry.Discard("tunnel")})
	for _, word := range []string{"missing are", "--listen 192.0.2.1:1", "--listen-admin 192.0.2.1:2"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v does not say %q", err, word)
		}
	}
}

func TestPKI(t *testing.T) {
	t.Run("is asked for when nothing is given", func(t *testing.T) {
		if err := (program.PKI{}).Check(); err == nil || !strings.Contains(err.Error(), "siteplane pki init") {
			t.Errorf("error is %v", err)
		}
		if err := (program.PublicPKI{}).Check(""); err == nil || !strings.Contains(err.Error(), "--public-cert") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("takes single files in place of the folder's", func(t *testing.T) {
		_, dirs := folders(t, "/service/tunnel", "/service/other")
		files := identity.FilesIn(dirs[1])
		pki := program.PKI{Dir: dirs[0], Cert: files.Certificate, Key: files.Key}
		loaded, err := pki.Open(t.Context(), slog.New(slog.DiscardHandler))
		if err != nil || loaded.Path() != "/service/other" {
			t.Errorf("it is %v (%v)", loaded, err)
		}
	})
}

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Reset()
}

func TestPKI_Open_follows_its_files(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dirs := folders(t, "/service/tunnel")
		if _, err := ca.WriteIdentity(dirs[0], "/service/tunnel", 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		log := &journal{}
		loaded, err := program.PKI{Dir: dirs[0]}.Open(ctx, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		first := loaded.NotAfter()
		synctest.Wait()
		if !strings.Contains(log.String(), "certificate ends soon") {
			t.Errorf("the log does not warn: %s", log.String())
		}
		log.Reset()
		if err := os.Chmod(filepath.Join(dirs[0], "tls.key"), 0o644); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Count(log.String(), "may be read by others"); got != 1 {
			t.Errorf("it is said %d times, want once: %s", got, log.String())
		}
		if _, err := ca.WriteIdentity(dirs[0], "/service/tunnel", year); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if !loaded.NotAfter().After(first) || !strings.Contains(log.String(), "certificate renewed") {
			t.Errorf("it is valid until %s, first it was %s: %s", loaded.NotAfter(), first, log.String())
		}
	})
}

func TestPKI_Untimely_goes_on_with_a_certificate_that_nobody_believes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, dirs := folders(t, "/edge/edge_1")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.Sleep(year + time.Hour)
		log := &journal{}
		logger := slog.New(slog.NewTextHandler(log, nil))
		if err := (program.PKI{Dir: dirs[0]}).Check(); err == nil {
			t.Error("it passes without Untimely")
		}
		pki := program.PKI{Dir: dirs[0], Untimely: true, Renewed: true}
		if err := pki.Check(); err != nil {
			t.Error(err)
		}
		loaded, err := pki.Open(ctx, logger)
		if err != nil || loaded.Path() != "/edge/edge_1" {
			t.Fatalf("it is %v (%v)", loaded, err)
		}
		synctest.Wait()
		if got := log.String(); !strings.Contains(got, "nobody believes the certificate now") || strings.Contains(got, "pki init --renew`\"") {
			t.Errorf("the log says %s", got)
		}
		if _, err := (program.PKI{Dir: t.TempDir(), Untimely: true}).Open(ctx, logger); err == nil {
			t.Error("an empty folder passes")
		}
	})
}

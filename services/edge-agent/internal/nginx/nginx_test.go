package nginx_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

func TestNewRuntime_refuses_what_is_too_long_for_sockets(t *testing.T) {
	fits := "/" + strings.Repeat("r", 84)
	if _, err := nginx.NewRuntime(fits); err != nil {
		t.Errorf("85 bytes: %v", err)
	}
	_, err := nginx.NewRuntime(fits + "r")
	if err == nil || !strings.Contains(err.Error(), "107") || !strings.Contains(err.Error(), "at most 85") {
		t.Errorf("86 bytes: %v", err)
	}
}

// newInstance has real nginx and an empty runtime directory.
func newInstance(t *testing.T) (*nginx.Instance, string) {
	t.Helper()
	dir := t.TempDir()
	runtime, err := nginx.NewRuntime(filepath.Join(dir, "run"))
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.Prepare(""); err != nil {
		t.Fatal(err)
	}
	return nginx.New(nginx.Config{
		Binary: "nginx", ConfFile: filepath.Join(dir, "nginx.conf"), LogFile: filepath.Join(dir, "error.log"),
		Runtime: runtime, ProofTimeout: time.Second, Logger: slog.New(slog.DiscardHandler),
	}), dir
}

func TestTest(t *testing.T) {
	const frame = "events {}\nerror_log DIR/error.log;\npid DIR/pid;\nhttp { access_log off; "
	for name, c := range map[string]struct{ text, want string }{
		"accepts what nginx accepts":   {frame + "server { listen unix:DIR/a.sock; return 204; } }", ""},
		"counts a warning as refusal":  {frame + "server { listen unix:DIR/a.sock; server_name a.b; } server { listen unix:DIR/a.sock; server_name a.b; } }", "[warn] conflicting server name ..."},
		"never repeats what is quoted": {frame + "AWS_SECRET=abc123; }", "[emerg] unknown directive ..."},
	} {
		t.Run(name, func(t *testing.T) {
			instance, dir := newInstance(t)
			file := filepath.Join(dir, "test.conf")
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(c.text, "DIR", dir)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := instance.Test(t.Context(), dir, file)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var rejected *nginx.RejectedError
			if !errors.As(err, &rejected) || !strings.HasPrefix(rejected.Reason, c.want) || strings.Contains(err.Error(), "abc123") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	t.Run("is no verdict when time runs out", func(t *testing.T) {
		instance, dir := newInstance(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := instance.Test(ctx, dir, filepath.Join(dir, "none.conf"))
		wantUntested(t, err)
	})
	t.Run("is no verdict when the system refuses something", func(t *testing.T) {
		instance, dir := newInstance(t)
		_, err := instance.Test(t.Context(), dir, filepath.Join(dir, "none.conf"))
		wantUntested(t, err)
	})
}

func wantUntested(t *testing.T, err error) {
	t.Helper()
	var untested *nginx.UntestedError
	if !errors.As(err, &untested) {
		t.Errorf("got %v", err)
	}
}

func TestMaster_is_only_ever_ours(t *testing.T) {
	instance, dir := newInstance(t)
	for _, text := range []string{"", "1\n", "99999999\n", "nonsense", "-1"} {
		if err := os.WriteFile(filepath.Join(dir, "run", "nginx.pid"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if pid, err := instance.Master(); pid != 0 || err != nil {
			t.Errorf("pid file %q: master %d, %v", text, pid, err)
		}
	}
}

func TestVersion_names_a_missing_binary(t *testing.T) {
	_, err := nginx.New(nginx.Config{Binary: "no-such-nginx"}).Version(t.Context())
	var missing *nginx.MissingError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "apt-get install nginx") {
		t.Errorf("got %v", err)
	}
}

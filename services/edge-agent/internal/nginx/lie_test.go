package nginx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

// serving is a real nginx of which a test writes the configuration.
type serving struct {
	*nginx.Instance
	conf    string
	runtime nginx.Runtime
}

// startServing runs generation 1 with more directives in its http block.
func startServing(t *testing.T, patience time.Duration, more string) *serving {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "serving") // short enough for sockets
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	runtime, err := nginx.NewRuntime(filepath.Join(dir, "run"))
	check(t, err)
	check(t, runtime.Prepare(""))
	s := &serving{conf: filepath.Join(dir, "nginx.conf"), runtime: runtime}
	s.write(t, 1, more)
	s.Instance = nginx.New(nginx.Config{
		Binary: "nginx", ConfFile: s.conf, LogFile: filepath.Join(dir, "error.log"), Runtime: runtime,
		ProofTimeout: patience, Logger: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() { check(t, s.Stop(context.Background())) })
	order, err := s.Start(t.Context())
	check(t, err)
	check(t, s.Prove(t.Context(), order, nginx.Want{Generation: 1, Hash: "h"}))
	return s
}

func (s *serving) write(t *testing.T, generation int, more string) {
	t.Helper()
	text := fmt.Sprintf("pid %s; error_log %s/error.log; events {}\nhttp { access_log off; %s\n"+
		`server { listen unix:%s; location / { return 200 '{"generation":%d,"hash":"h","pid":$pid}'; } } }`,
		s.runtime.PIDFile(), filepath.Dir(s.conf), more, s.runtime.StatusSocket(), generation)
	check(t, os.WriteFile(s.conf, []byte(text), 0o600))
}

// F34, V3: a configuration passes the test, the order to reload returns 0, and the
// configuration before goes on running. The proof says so, and why where nginx does.
func TestProve_after_a_reload_that_only_pretends(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { check(t, taken.Close()) })
	for name, c := range map[string]struct {
		before, after string
		obstruct      func(t *testing.T, master int)
		words         string
	}{
		"because a shared zone means something else now": {
			before: "limit_req_zone $http_host zone=z:64k rate=1r/s;",
			after:  "limit_req_zone $binary_remote_addr zone=z:64k rate=1r/s;",
			words:  "limit_req ... uses the ... key while previously it used the ... key",
		},
		"because somebody has an address": {
			after: "server { listen " + taken.Addr().String() + "; }",
			words: "bind() to " + taken.Addr().String() + " failed (98: Address already in use)",
		},
		"because the master stands still": {
			obstruct: stopUntilTheEnd,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServing(t, time.Second, c.before)
			master, err := s.Master()
			check(t, err)
			if c.obstruct != nil {
				c.obstruct(t, master)
			}
			s.write(t, 2, c.after)
			if !strings.Contains(c.after, "listen") { // a test by itself would find the address taken
				_, err = s.Test(t.Context(), filepath.Dir(s.conf), s.conf)
				check(t, err)
			}
			order, err := s.Reload(t.Context())
			check(t, err)
			err = s.Prove(t.Context(), order, nginx.Want{Generation: 2, Hash: "h"})
			unproven := new(nginx.NotProvenError)
			if !errors.As(err, &unproven) {
				t.Fatalf("got %v", err)
			}
			if unproven.Order != "nginx -s reload returned 0" || !strings.Contains(unproven.Seen, "workers still answer generation 1, wanted 2") {
				t.Errorf("got %v", err)
			}
			if !strings.Contains(unproven.LastWords, c.words) || c.words == "" && unproven.LastWords != "" {
				t.Errorf("nginx's last words are %q", unproven.LastWords)
			}
			check(t, s.Resume())
		})
	}
}

func stopUntilTheEnd(t *testing.T, master int) {
	t.Helper()
	check(t, syscall.Kill(master, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(master, syscall.SIGCONT) })
}

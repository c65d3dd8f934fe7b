package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// F48: what would keep nginx from starting again is found while it still runs.
func TestGetState_last_good_that_would_not_start(t *testing.T) {
	t.Run("because nginx refuses it by now", func(t *testing.T) {
		binary, lie := lyingNginx(t, "-t", `echo 'nginx: [emerg] host not found in "SECRET"' >&2; exit 1`)
		e := startEdge(t, func(config *app.Config) {
			config.NginxBin, config.RehearseInterval = binary, 20*time.Millisecond
		})
		e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
		e.wantNoTrouble()
		lie(true)
		e.wantTrouble("LAST_GOOD_BROKEN: the last good configuration would not start again", "host not found in ...")
		lie(false)
		e.stopAgent() // trouble is looked at again after a minute only
		e.start()
		e.wantNoTrouble()
	})
	t.Run("because an upgrade broke nginx", func(t *testing.T) {
		binary, _ := lyingNginx(t, "never", "exit 1")
		e := startEdge(t, func(config *app.Config) { config.NginxBin = binary })
		e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
		e.wantNoTrouble()
		working, err := os.ReadFile(binary)
		check(t, err)
		replaceFile(t, binary, "#!/bin/sh\necho 'nginx: error while loading shared libraries: libpcre2-8.so.0' >&2\nexit 127\n")
		e.wantTrouble("LAST_GOOD_UNTESTED", "exit status 127")
		replaceFile(t, binary, string(working))
		e.wantNoTrouble()
	})
	t.Run("because nginx was removed", func(t *testing.T) {
		binary, _ := lyingNginx(t, "never", "exit 1")
		e := startEdge(t, func(config *app.Config) { config.NginxBin = binary })
		e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
		check(t, os.Remove(binary))
		e.wantTrouble("LAST_GOOD_BROKEN", "not found: install it")
	})
	t.Run("because a certificate was removed, or replaced by one that is none", func(t *testing.T) {
		e, _, _ := startSecureEdge(t)
		e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
		e.wantNoTrouble()
		certificates := filepath.Join(e.config.Dir, "certificates")
		check(t, os.Remove(filepath.Join(certificates, "one.example.com.crt")))
		e.wantTrouble("LAST_GOOD_BROKEN", "one.example.com (one.example.com.crt is missing)")
		check(t, os.WriteFile(filepath.Join(certificates, "two.example.com.key"), []byte("none"), 0o600))
		e.wantTrouble("LAST_GOOD_BROKEN", "one.example.com (", "two.example.com (")
		giveCertificate(t, &e.config, "one.example.com")
		giveCertificate(t, &e.config, "two.example.com")
		e.wantNoTrouble()
	})
}

// F48: an apply is not proved, and the way back is refused.
func TestApply_rollback_that_fails(t *testing.T) {
	// The first order does nothing, the next one fails.
	binary, lie := lyingNginx(t, "-s reload",
		`if ! [ -e $0.again ]; then touch $0.again; exit 0; fi; echo 'nginx: [error] invalid PID number "" in "/run/x"' >&2; exit 1`)
	e := startEdge(t, func(config *app.Config) { config.NginxBin, config.ProofTimeout = binary, time.Second })
	address := startOrigin(t, "main")
	e.mustPut(6, newSite(1, address, "shop.example.com"))
	before, master := e.files(), e.master()

	lie(true)
	_, err := e.put(7, newSite(2, address, "new.example.com"))
	wantReason(t, err, "Unavailable", "ROLLBACK_FAILED", "invalid PID number", "what nginx has in memory is served",
		"because nginx -s reload returned 0, but workers still answer generation 6")
	e.wantStatus("shop.example.com", "/", 200)
	e.wantStatus("new.example.com", "/", 421)
	wantSameFiles(t, e.files(), before)
	state := e.state()
	if !strings.HasPrefix(state.GetLastError(), "ROLLBACK_FAILED: ") || e.master() != master {
		t.Errorf("state is %v", state)
	}
	if !e.logged("ERROR", "the way back failed") {
		t.Error("the log does not say so")
	}

	lie(false)
	e.mustPut(7, newSite(2, address, "new.example.com"))
	e.wantStatus("new.example.com", "/", 200)
	e.wantNoTrouble()
}

// wantTrouble waits for a last error with all parts. It is an error for the log,
// and none for visitors.
func (e *edge) wantTrouble(parts ...string) {
	e.t.Helper()
	eventually(e.t, "GetState tells of "+strings.Join(parts, ", "), func() bool {
		last := e.state().GetLastError()
		for _, part := range parts {
			if !strings.Contains(last, part) {
				return false
			}
		}
		if strings.Contains(last, "SECRET") {
			e.t.Errorf("the state leaks: %s", last)
		}
		return true
	})
	if !e.logged("ERROR", "nginx might not start again") {
		e.t.Error("the log does not say so")
	}
	e.wantStatus("shop.example.com", "/", 200)
}

func (e *edge) wantNoTrouble() {
	e.t.Helper()
	eventually(e.t, "GetState tells of no trouble", func() bool { return e.state().GetLastError() == "" })
}

func (e *edge) logged(level, message string) bool {
	for line := range strings.Lines(e.log.String()) {
		if strings.Contains(line, level) && strings.Contains(line, message) {
			return true
		}
	}
	return false
}

// replaceFile does it at once, as an upgrade does: a program that runs cannot be
// written.
func replaceFile(t *testing.T, path, text string) {
	t.Helper()
	check(t, os.WriteFile(path+".next", []byte(text), 0o755))
	check(t, os.Rename(path+".next", path))
}

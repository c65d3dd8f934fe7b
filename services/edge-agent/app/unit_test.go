package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

const testUnit = "nginx-siteplane.service"

// systemd is a program called systemctl that does what systemd does with a unit
// of type forking: it starts the program in a session of its own and waits for it
// to become a daemon. What it was told is in calls.
func systemd(t *testing.T, edge *edge, start string) (calls func() string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	script := fmt.Sprintf("#!/bin/sh\necho \"$*\" >> %s\n[ \"$*\" = 'start %s' ] || exit 64\n%s\n", log, testUnit, start)
	check(t, os.WriteFile(filepath.Join(dir, "systemctl"), []byte(script), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	edge.config.NginxUnit = testUnit
	return func() string {
		text, err := os.ReadFile(log)
		check(t, err)
		return string(text)
	}
}

// execStart is that of the unit in docs/edge-rendering.md.
func execStart(t *testing.T, config app.Config) string {
	t.Helper()
	return fmt.Sprintf("setsid -w %s -c %s/current/nginx.conf -p %s -e %s/logs/error.log < /dev/null", realNginx(t), config.Dir, config.RuntimeDir, config.Dir)
}

// The agent leaves it to systemd to start nginx, and to nobody to do more with it.
func TestRun_nginx_of_a_unit(t *testing.T) {
	e := newEdge(t)
	calls := systemd(t, e, execStart(t, e.config))
	wantCalls := func(want int) {
		t.Helper()
		if got := calls(); got != strings.Repeat("start "+testUnit+"\n", want) {
			t.Errorf("systemctl was called with %q, want %d starts", got, want)
		}
	}
	e.start()
	wantCalls(1)
	address := startOrigin(t, "main")
	e.mustPut(1, newSite(1, address, "shop.example.com"))
	e.wantStatus("shop.example.com", "/", 200)
	master := e.master()

	e.stopAgent()
	e.start()
	if now := e.master(); now != master {
		t.Errorf("master was %d, is %d", master, now)
	}
	wantCalls(1)

	check(t, syscall.Kill(master, syscall.SIGKILL))
	eventually(t, "another master runs", func() bool { return e.master() != 0 && e.master() != master })
	e.wantIncident(edgev1.IncidentKind_INCIDENT_KIND_MASTER_DEAD, strconv.Itoa(master))
	e.wantStatus("shop.example.com", "/", 200)
	wantCalls(2)
	e.mustPut(2, newSite(2, address, "new.example.com"))
	e.wantStatus("new.example.com", "/", 200)
	wantCalls(2)
}

// runToItsEnd runs an agent that does not start.
func (e *edge) runToItsEnd() error {
	e.t.Helper()
	e.run()
	select {
	case err := <-e.stopped:
		e.stop = nil
		return err
	case <-time.After(30 * time.Second):
		e.t.Fatal("the agent runs")
		return nil
	}
}

func TestRun_unit_that_does_not_start(t *testing.T) {
	for name, c := range map[string]struct {
		start string
		parts []string
	}{
		"because there is none": {
			"echo 'Failed to start nginx-siteplane.service: Unit nginx-siteplane.service not found.' >&2; exit 5",
			[]string{"systemctl start nginx-siteplane.service", "not found", "journalctl -u nginx-siteplane.service"},
		},
		"because it starts another nginx than ours": {
			"exit 0", []string{"nginx started, but no master runs"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t)
			systemd(t, e, c.start)
			err := e.runToItsEnd()
			for _, part := range c.parts {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("agent ended with %v, want %q", err, part)
				}
			}
		})
	}
	t.Run("because there is no systemd", func(t *testing.T) {
		e := newEdge(t, func(config *app.Config) { config.NginxUnit, config.NginxBin = testUnit, realNginx(t) })
		t.Setenv("PATH", t.TempDir())
		err := e.runToItsEnd()
		if err == nil || !strings.Contains(err.Error(), "systemctl not found") {
			t.Errorf("agent ended with %v", err)
		}
		t.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin") // for what ends nginx
	})
}

package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// S06: whatever cannot be kept from a test of a configuration is told.
func TestGetState_tells_of_the_sandbox(t *testing.T) {
	t.Run("as it is on this host", func(t *testing.T) {
		e := startEdge(t)
		sandbox := e.state().GetSandbox()
		all := sandbox.GetNetwork() && sandbox.GetFiles() && sandbox.GetLimits() && (sandbox.GetUser() == "nobody" || os.Geteuid() != 0)
		if all != (sandbox.GetMissing() == "") {
			t.Errorf("the sandbox is %v", sandbox)
		}
		if !all {
			t.Logf("not everything can be had here: %s", sandbox.GetMissing())
		}
		e.mustPut(1, newSite(1, "127.0.0.1:9", "shop.example.com"))
	})
	t.Run("with what is missing, why and what to do", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Log("tests of configurations are run by the agent's user here")
			return
		}
		// A binary that only root can reach.
		dir, err := os.MkdirTemp("/tmp", "private")
		check(t, err)
		defer func() { check(t, os.RemoveAll(dir)) }()
		binary := filepath.Join(dir, "nginx")
		check(t, os.WriteFile(binary, []byte("#!/bin/sh\nexec "+realNginx(t)+" \"$@\"\n"), 0o755))
		e := startEdge(t, func(config *app.Config) { config.NginxBin = binary })
		sandbox := e.state().GetSandbox()
		if sandbox.GetUser() != "" || !strings.Contains(sandbox.GetMissing(), "another user (") || !strings.Contains(sandbox.GetMissing(), "see that this user may run nginx") {
			t.Errorf("the sandbox is %v", sandbox)
		}
		if !strings.Contains(e.log.String(), "the sandbox of configuration tests has gaps") {
			t.Error("the log does not say so")
		}
		e.mustPut(1, newSite(1, "127.0.0.1:9", "shop.example.com"))
	})
}

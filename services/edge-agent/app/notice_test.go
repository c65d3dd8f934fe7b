package app_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

func (e *edge) wantNotice(want bool, part string) {
	e.t.Helper()
	notices := e.state().GetNotices()
	if slices.ContainsFunc(notices, func(notice string) bool { return strings.Contains(notice, part) }) != want {
		e.t.Errorf("notices are %q; with %q is %t, want %t", notices, part, !want, want)
	}
}

// S09: a version with known weaknesses is named, and serves.
func TestGetState_names_what_is_known_of_nginx(t *testing.T) {
	binary, lie := lyingNginx(t, "-v", "echo 'nginx version: nginx/1.11.0' >&2; exit 0")
	lie(true)
	e := startEdge(t, func(config *app.Config) { config.NginxBin = binary })
	e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	e.wantNotice(true, "nginx 1.11.0 is known for CVE-2016-4450, mended in 1.10.1 and 1.11.1: ")
	e.wantNotice(false, "the distribution may") // this script is nobody's package
	e.wantStatus("shop.example.com", "/", 200)
	if !e.logged("WARN", "CVE-2016-4450") {
		t.Error("the log does not say so")
	}
	lie(false)
	replaceFile(t, binary, "#!/bin/sh\nexec "+realNginx(t)+" \"$@\"\n")
	e.wantNotice(false, "CVE-2016-4450")
}

// S09: distributions mend a version without another number, so the package is named.
func TestGetState_names_the_package_of_nginx(t *testing.T) {
	command := exec.CommandContext(t.Context(), "dpkg-query", "--show", "--showformat=${Version}", "nginx")
	installed, err := command.Output()
	if err != nil || realNginx(t) != "/usr/sbin/nginx" {
		t.Logf("nginx is not Debian's package here: %v", err)
		return
	}
	e := startEdge(t)
	if len(e.state().GetNotices()) > 0 { // a version that is mended needs no package
		e.wantNotice(true, "the distribution may have mended it in nginx "+string(installed))
	}
}

// An upgrade leaves a master that runs the program of before.
func TestGetState_names_an_nginx_that_was_replaced(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "nginx")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o755))
	binary := filepath.Join(dir, "nginx")
	program, err := os.ReadFile(realNginx(t))
	check(t, err)
	check(t, os.WriteFile(binary, program, 0o755))
	e := startEdge(t, func(config *app.Config) { config.NginxBin = binary })
	e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	e.wantNotice(false, "was replaced on disk")
	replaceFile(t, binary, string(program))
	e.wantNotice(true, "nginx was replaced on disk")
	e.mustPut(2, newSite(2, startOrigin(t, "main"), "new.example.com"))
	e.wantStatus("new.example.com", "/", 200)
	e.shutDown()
	e.start()
	e.wantNotice(false, "was replaced on disk")
}

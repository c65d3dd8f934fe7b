package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	honest = "#!/bin/sh\nexec NGINX \"$@\"\n"
	// lying takes a reload with success and does nothing; all else it passes on.
	lying = "#!/bin/sh\nif [ \"$1 $2\" = \"-s reload\" ]; then exit 0; fi\nexec NGINX \"$@\"\n"
)

// wrapper is a program that stands between the agent and nginx.
func wrapper(t *testing.T) (path string, behave func(script string)) {
	t.Helper()
	real, err := exec.LookPath("nginx")
	if err != nil {
		real, err = exec.LookPath("/usr/sbin/nginx") // not in an ordinary user's PATH
	}
	check(t, err)
	path = filepath.Join(t.TempDir(), "nginx")
	return path, func(script string) {
		// No fork of this process may hold the file open for writing while
		// somebody runs it.
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		check(t, os.WriteFile(path+".next", []byte(strings.ReplaceAll(script, "NGINX", real)), 0o755))
		check(t, os.Rename(path+".next", path))
	}
}

// F34, V3: nginx says yes to a reload, and the old workers go on as before. A
// reload's exit code is not taken for its effect.
func TestSite_waits_while_reloads_only_pretend(t *testing.T) {
	t.Parallel()
	binary, behave := wrapper(t)
	behave(honest)
	i := startInstallation(t, "--nginx-bin", binary)
	origin := startOrigin(t, "shop")
	i.awaitActive(i.create("before", "--origin", origin))

	behave(lying)
	id := i.create("after", "--origin", origin)
	site, synced := i.awaitCondition(id, "EdgeSynced", "EDGE_NOT_PROVEN")
	wantStatus(t, site, lifecyclev1.SiteStatus_SITE_STATUS_PROVISIONING)
	if synced.GetStatus() != lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE || !strings.Contains(synced.GetMessage(), "nginx -s reload returned 0, but workers still answer generation") {
		t.Errorf("EdgeSynced is %v", synced)
	}
	shown := i.run("site", "get", id).stdout
	for _, want := range []string{"PROVISIONING", "EDGE_NOT_PROVEN", "nginx -s reload returned 0", "operator"} {
		if !strings.Contains(shown, want) {
			t.Errorf("site get does not say %q:\n%s", want, shown)
		}
	}
	i.wantServed("before", "shop")
	i.wantUnknown("after")

	behave(honest)
	i.awaitActive(id)
	i.wantServed("after", "shop")
	want := []string{"CREATED", "PROVISIONING", "DOMAIN_PENDING_DNS", "DOMAIN_VALIDATED", "DOMAIN_ROUTED", "ACTIVE"}
	if got := path(i.timeline(id), id); !slices.Equal(got, want) {
		t.Errorf("the site went %v, want %v", got, want)
	}
}

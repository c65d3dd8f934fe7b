package app_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The agent needs no root: this runs part of the suite again as another user.
// When the suite is not run by root, all of it is that already.
func TestRun_as_an_ordinary_user(t *testing.T) {
	if os.Geteuid() != 0 {
		return
	}
	dir, err := os.MkdirTemp("/tmp", "edge")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o711))
	binary := filepath.Join(dir, "suite")
	program, err := os.ReadFile(os.Args[0])
	check(t, err)
	check(t, os.WriteFile(binary, program, 0o755))

	const nobody = 65534
	again := []string{"TestServe", "TestServe_probe", "TestApply_lying_reload", "TestRun_killed_nginx_comes_back", "TestRun_restart_adopts_nginx", "TestGetState_drift_stays_when_only_the_file_is_put_back", "TestGetState_tells_of_the_sandbox", "TestRun_orphaned_workers"}
	command := exec.CommandContext(t.Context(), binary, "-test.v", "-test.run", "^("+strings.Join(again, "|")+")$")
	command.Dir = "/"
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/", "TMPDIR=/tmp"}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("suite as nobody: %v\n%s", err, output)
	}
	for _, name := range again {
		if !strings.Contains(string(output), "--- PASS: "+name+" ") {
			t.Errorf("%s did not run\n%s", name, output)
		}
	}
}

package fleet

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const units = "../../deploy/systemd"

// flags are the long ones that a command line or a help text names.
var flags = regexp.MustCompile(`--[a-z][a-z0-9-]*`)

// variables are those that stand for flags.
var variables = regexp.MustCompile(`SITEPLANE_[A-Z0-9_]+`)

// What a unit starts has the flags and variables that it is given.
func TestUnits_start_what_there_is(t *testing.T) {
	for name, help := range map[string][]string{
		"edge-agent.service": {"edge-agent", "--help"},
		"siteplane.service":  {"siteplane", "up", "--help"},
	} {
		u, err := readUnit(units, name)
		check(t, err)
		said, err := exec.Command(filepath.Join(bin, help[0]), help[1:]...).CombinedOutput()
		check(t, err)
		if !strings.HasPrefix(u.last("ExecStart"), "/usr/local/bin/"+help[0]+" ") {
			t.Errorf("%s starts %s", name, u.last("ExecStart"))
		}
		for _, flag := range flags.FindAllString(u.last("ExecStart"), -1) {
			if !strings.Contains(string(said), flag) {
				t.Errorf("%s: %v knows no %s", name, help, flag)
			}
		}
	}
	said, err := exec.Command(filepath.Join(bin, "edge-agent"), "--help").CombinedOutput()
	check(t, err)
	for _, file := range []string{"edge-agent.env", "workers-apart.conf"} {
		text, err := os.ReadFile(filepath.Join(units, file))
		check(t, err)
		found := variables.FindAllString(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s sets nothing", file)
		}
		for _, variable := range found {
			if !strings.Contains(string(said), variable+"]") {
				t.Errorf("%s: edge-agent knows no %s", file, variable)
			}
		}
	}
}

// nginx must outlive what started it, and what runs is nobody who could do more.
func TestUnits_say_what_they_must(t *testing.T) {
	for _, name := range []string{"edge-agent.service", "siteplane.service"} {
		u, err := readUnit(units, name)
		check(t, err)
		for key, want := range map[string]string{
			"KillMode": "process", "RuntimeDirectoryPreserve": "yes", "Restart": "always", "User": "siteplane",
			"NoNewPrivileges": "yes", "AmbientCapabilities": "CAP_NET_BIND_SERVICE", "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE",
			"ProtectSystem": "strict",
		} {
			if got := u.last(key); got != want || len(u.settings[key]) != 1 {
				t.Errorf("%s: %s is %v, want %s", name, key, u.settings[key], want)
			}
		}
	}
}

// systemd itself reads them where it is installed; what it says of the programs, which
// are elsewhere here, is put right first.
func TestUnits_are_read_by_systemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // what they must say, the other tests have seen
	}
	dir := t.TempDir()
	for from, name := range map[string]string{
		"edge-agent.service": "edge-agent.service", "siteplane.service": "siteplane.service",
		"workers-apart.conf": "edge-agent.service.d/workers-apart.conf",
	} {
		text, err := os.ReadFile(filepath.Join(units, from))
		check(t, err)
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		text = []byte(strings.ReplaceAll(string(text), "/usr/local/bin/", bin+"/"))
		check(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	for _, name := range []string{"edge-agent.service", "siteplane.service"} {
		if said, err := exec.Command(analyze, "verify", "--man=no", filepath.Join(dir, name)).CombinedOutput(); err != nil || len(said) > 0 {
			t.Errorf("%s: %v: %s", name, err, said)
		}
	}
}

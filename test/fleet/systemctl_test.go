package fleet

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// unitDir is where units are installed.
const unitDir = "/etc/systemd/system"

// unit is a service as systemd reads it: each setting has its values in order, an
// empty one having cleared those before.
type unit struct {
	name     string
	settings map[string][]string
}

// readUnit reads a unit and its drop-ins.
func readUnit(dir, name string) (unit, error) {
	u := unit{name: name, settings: map[string][]string{}}
	dropIns, err := filepath.Glob(filepath.Join(dir, name+".d", "*.conf"))
	if err != nil {
		return u, err
	}
	slices.Sort(dropIns)
	for _, file := range append([]string{filepath.Join(dir, name)}, dropIns...) {
		if err := u.read(file); err != nil {
			return u, err
		}
	}
	return u, nil
}

func (u unit) read(file string) error {
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer opened.Close()
	lines := bufio.NewScanner(opened)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == '[' {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		switch {
		case !found:
			return fmt.Errorf("%s: %q is no setting", file, line)
		case value == "":
			u.settings[key] = nil
		default:
			u.settings[key] = append(u.settings[key], value)
		}
	}
	return lines.Err()
}

// last is the value of a setting that has one.
func (u unit) last(key string) string {
	values := append([]string{""}, u.settings[key]...)
	return values[len(values)-1]
}

// words are the values of a setting that is a list.
func (u unit) words(key string) []string {
	return strings.Fields(strings.Join(u.settings[key], " "))
}

// systemctl is the stand-in on a host: it starts and ends services as their units say,
// as far as that is about users, powers, folders and settings.
func systemctl(args []string) error {
	verb, units := "", []string(nil)
	now := false
	for _, arg := range args {
		switch {
		case arg == "--now":
			now = true
		case verb == "":
			verb = arg
		default:
			units = append(units, strings.TrimSuffix(arg, ".service")+".service")
		}
	}
	for _, name := range units {
		var err error
		switch {
		case verb == "stop", verb == "disable" && now:
			err = stopUnit(name)
		case verb == "start", verb == "enable" && now:
			err = startUnit(name)
		case verb == "restart":
			err = errors.Join(stopUnit(name), startUnit(name))
		default:
			err = fmt.Errorf("systemctl %s: not in this stand-in", verb)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func pidFile(name string) string { return "/run/" + name + ".pid" }

func startUnit(name string) error {
	u, err := readUnit(unitDir, name)
	if err != nil {
		return err
	}
	if err := u.makeFolders(); err != nil {
		return err
	}
	environment, err := u.environment()
	if err != nil {
		return err
	}
	log, err := os.OpenFile("/var/lib/"+strings.TrimSuffix(name, ".service")+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := u.command()
	service := exec.Command(args[0], args[1:]...)
	service.Env, service.Dir, service.Stdout, service.Stderr = environment, "/", log, log
	service.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := service.Start(); err != nil {
		return err
	}
	return os.WriteFile(pidFile(name), []byte(strconv.Itoa(service.Process.Pid)), 0o644)
}

// command is ExecStart with the powers that the unit gives.
func (u unit) command() []string {
	powers := func(key string) (list string) {
		list = "-all"
		for _, word := range u.words(key) {
			list += ",+" + strings.ToLower(strings.TrimPrefix(word, "CAP_"))
		}
		return list
	}
	args := []string{"setpriv", "--reuid=" + u.last("User"), "--regid=" + u.last("Group"), "--init-groups",
		"--bounding-set=" + powers("CapabilityBoundingSet"), "--inh-caps=" + powers("AmbientCapabilities"), "--ambient-caps=" + powers("AmbientCapabilities")}
	if u.last("NoNewPrivileges") == "yes" {
		args = append(args, "--no-new-privs")
	}
	return append(append(args, "--"), strings.Fields(u.last("ExecStart"))...)
}

// environment is that of the unit alone.
func (u unit) environment() ([]string, error) {
	environment := append([]string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}, u.settings["Environment"]...)
	for _, file := range u.settings["EnvironmentFile"] {
		name, optional := strings.CutPrefix(file, "-")
		text, err := os.ReadFile(name)
		if optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				environment = append(environment, line)
			}
		}
	}
	return environment, nil
}

// makeFolders makes the folders of the unit, which are its user's.
func (u unit) makeFolders() error {
	for key, base := range map[string]string{"StateDirectory": "/var/lib", "RuntimeDirectory": "/run"} {
		for _, folder := range u.words(key) {
			path := filepath.Join(base, folder)
			owner := u.last("User") + ":" + u.last("Group")
			mode := u.last(key + "Mode")
			for _, args := range [][]string{{"mkdir", "-p", path}, {"chmod", mode, path}, {"chown", "-R", owner, path}} {
				if said, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
					return fmt.Errorf("%v: %w: %s", args, err, said)
				}
			}
		}
	}
	return nil
}

// stopUnit ends the main process, as KillMode=process does. One that does not run is
// no error.
func stopUnit(name string) error {
	text, err := os.ReadFile(pidFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	for deadline := time.Now().Add(commandLimit); syscall.Kill(pid, 0) == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not end", name)
		}
	}
	return os.Remove(pidFile(name))
}

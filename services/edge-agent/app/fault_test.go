package app_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// lyingNginx passes everything on, but while lie(true) holds it answers the
// orders that begin with arguments by what the shell commands in answer do.
func lyingNginx(t *testing.T, arguments, answer string) (binary string, lie func(bool)) {
	t.Helper()
	// Tests are run by another user, who cannot enter what t.TempDir makes.
	dir, err := os.MkdirTemp("/tmp", "lying")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o755))
	binary, flag := filepath.Join(dir, "nginx"), filepath.Join(dir, "lie")
	script := "#!/bin/sh\ncase \"$*\" in \"" + arguments + "\"*) if [ -e " + flag + " ]; then " + answer + "; fi ;; esac\nexec " + realNginx(t) + " \"$@\"\n"
	check(t, os.WriteFile(binary, []byte(script), 0o755))
	return binary, func(on bool) {
		if on {
			check(t, os.WriteFile(flag, nil, 0o644))
		} else {
			check(t, os.Remove(flag))
		}
	}
}

// realNginx is the nginx that the tests run, wherever PATH has it.
func realNginx(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nginx") // not in everybody's PATH
	}
	if err != nil {
		t.Fatal("these tests need nginx: apt-get install nginx")
	}
	return path
}

func TestApply_lying_reload(t *testing.T) {
	binary, lie := lyingNginx(t, "-s reload", "exit 0")
	e := startEdge(t, func(config *app.Config) {
		config.NginxBin = binary
		config.ProofTimeout = time.Second
	})
	address := startOrigin(t, "main")
	e.mustPut(6, newSite(1, address, "shop.example.com"))
	before := e.files()

	lie(true)
	_, err := e.put(7, newSite(2, address, "new.example.com"))
	wantReason(t, err, "Unavailable", "EDGE_NOT_PROVEN", "nginx -s reload returned 0, but workers still answer generation 6, wanted 7")
	e.wantStatus("shop.example.com", "/", 200)
	e.wantStatus("new.example.com", "/", 421)
	if target, _ := os.Readlink(filepath.Join(e.config.Dir, "current")); target != "generations/6" {
		t.Errorf("current points at %s, want generation 6", target)
	}
	wantSameFiles(t, e.files(), before)
	state := e.state()
	if state.GetReceived().GetFence().GetGeneration() != 6 || state.GetRunning().GetGeneration() != 6 {
		t.Errorf("state is %v", state)
	}
	if !strings.Contains(state.GetLastError(), "still answer generation 6") {
		t.Errorf("last error is %q", state.GetLastError())
	}

	lie(false)
	e.mustPut(7, newSite(2, address, "new.example.com"))
	e.wantStatus("new.example.com", "/", 200)
	if last := e.state().GetLastError(); last != "" {
		t.Errorf("last error is still %q", last)
	}
}

func TestApply_nginx_refuses(t *testing.T) {
	binary, lie := lyingNginx(t, "-t", `echo 'nginx: [emerg] unknown directive "SECRET=1" in /x/maps.conf:3' >&2; exit 1`)
	e := startEdge(t, func(config *app.Config) { config.NginxBin = binary })
	e.mustPut(6, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	before, master := e.tree(), e.state().GetRunning().GetMasterPid()

	lie(true)
	_, err := e.put(7, newSite(2, "127.0.0.1:9", "new.example.com"))
	wantReason(t, err, "InvalidArgument", "CONFIG_REJECTED", "unknown directive ... in /x/maps.conf:3")
	if strings.Contains(err.Error(), "SECRET") {
		t.Errorf("message leaks: %v", err)
	}
	if after := e.tree(); after != before {
		t.Errorf("files were\n%s\nare\n%s", before, after)
	}
	if now := e.state().GetRunning().GetMasterPid(); now != master {
		t.Errorf("master was %d, is %d", master, now)
	}
	e.wantStatus("shop.example.com", "/", 200)
	lie(false)
	e.mustPut(7, newSite(2, "127.0.0.1:9", "new.example.com"))
}

// A configuration that passes every test and that the running master refuses:
// somebody took the address that only the new one listens on.
func TestApply_reload_that_the_master_refuses(t *testing.T) {
	e := startEdge(t)
	e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	e.stopAgent()
	taken, err := net.Listen("tcp", freeAddress(t))
	check(t, err)
	defer func() { check(t, taken.Close()) }()
	e.config.PublicListen = append(e.config.PublicListen, taken.Addr().String())
	e.config.ProofTimeout = time.Second
	e.run()
	err = <-e.stopped
	e.stop = nil
	if err == nil || !strings.Contains(err.Error(), "nginx -s reload returned 0, but") || !strings.Contains(err.Error(), "Address already in use") {
		t.Errorf("agent ended with %v", err)
	}
	e.wantStatus("shop.example.com", "/", 200)
}

// F34, V3: the master is stopped by a signal when it is told to reload, again and
// again. It takes the order and does nothing.
func TestApply_master_that_is_stopped_as_it_is_told(t *testing.T) {
	var lie func(bool)
	e := startEdge(t, func(config *app.Config) {
		pid := filepath.Join(config.RuntimeDir, "nginx.pid")
		config.NginxBin, lie = lyingNginx(t, "-s reload", "kill -STOP $(cat "+pid+")")
		config.ProofTimeout, config.CheckInterval = time.Second, time.Hour
	})
	address := startOrigin(t, "main")
	e.mustPut(6, newSite(1, address, "shop.example.com"))
	before, master := e.files(), e.master()

	lie(true)
	_, err := e.put(7, newSite(2, address, "new.example.com"))
	wantReason(t, err, "Unavailable", "EDGE_NOT_PROVEN", "nginx -s reload returned 0, but workers still answer generation 6, wanted 7")
	wantSameFiles(t, e.files(), before)
	e.wantStatus("shop.example.com", "/", 200)
	e.wantStatus("new.example.com", "/", 421)

	lie(false)
	e.wantIncident(edgev1.IncidentKind_INCIDENT_KIND_STOPPED, "master "+strconv.Itoa(master), "continued")
	e.mustPut(7, newSite(2, address, "new.example.com"))
	e.wantStatus("new.example.com", "/", 200)
	if now := e.master(); now != master {
		t.Errorf("master was %d, is %d", master, now)
	}
}

func TestApply_rebuild_is_byte_identical(t *testing.T) {
	e := startEdge(t)
	address := startOrigin(t, "main")
	pool := newSite(3, address, "c.example.com")
	pool.Spec.Backend = &edgev1.Spec_Origin{Origin: origin(address, "127.0.0.1:9")}
	pool.Spec.Options = &edgev1.Options{Websocket: true, ReadTimeoutMs: 1500}
	e.mustPut(1, newSite(1, address, "a.example.com"))
	e.mustPut(2, newSite(2, address, "b.example.com"))
	e.mustPut(3, pool)
	before := e.files()

	e.shutDown()
	check(t, os.RemoveAll(e.config.Dir))
	check(t, os.RemoveAll(e.config.RuntimeDir))
	e.start()
	held := e.sites
	e.sites = nil
	_, err := e.apply(&edgev1.ApplyHeader{Fence: fence(1, 2, 17)}, held[siteID(3)], held[siteID(1)], held[siteID(2)])
	check(t, err)
	after := e.files()
	// Only the generation may differ, and only in status.conf.
	after["status.conf"] = strings.NewReplacer("/17/", "/3/", "default 17;", "default 3;", `"generation":17,`, `"generation":3,`).Replace(after["status.conf"])
	wantSameFiles(t, after, before)
	e.wantStatus("a.example.com", "/", 200)
}

func wantSameFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) || len(got) < 5 {
		t.Errorf("%d files, want %d and at least 5", len(got), len(want))
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s differs:\n%s\nwant\n%s", name, got[name], text)
		}
	}
}

func TestRun_restart_adopts_nginx(t *testing.T) {
	e := startEdge(t)
	address := startOrigin(t, "main")
	e.mustPut(5, newSite(1, address, "shop.example.com"))
	before := e.state()
	workers := children(t, before.GetRunning().GetMasterPid())
	e.stopAgent()
	e.wantStatus("shop.example.com", "/", 200)
	e.start()
	after := e.state()
	if before.GetRunning().GetMasterPid() != after.GetRunning().GetMasterPid() {
		t.Errorf("master was %d, is %d", before.GetRunning().GetMasterPid(), after.GetRunning().GetMasterPid())
	}
	// A reload would have made new workers; old ones may have ended meanwhile.
	now := children(t, after.GetRunning().GetMasterPid())
	isNew := func(pid int) bool { return !slices.Contains(workers, pid) }
	if len(now) == 0 || slices.ContainsFunc(now, isNew) {
		t.Errorf("workers are %v, there were %v", now, workers)
	}
	if after.GetReceived().GetFence().GetGeneration() != 5 || after.GetReceived().GetDigest() != before.GetReceived().GetDigest() {
		t.Errorf("received is %v, was %v", after.GetReceived(), before.GetReceived())
	}
	// The base survived: a delta is enough.
	e.mustPut(6, newSite(2, address, "new.example.com"))
	e.wantStatus("new.example.com", "/", 200)
}

// children are the processes whose parent is pid; one that is ending has no command line
// any more.
func children(t *testing.T, pid int32) (found []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	check(t, err)
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		// pid (name, which may hold anything) state parent ...
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if command, _ := os.ReadFile(filepath.Join(filepath.Dir(stat), "cmdline")); len(command) == 0 {
			continue
		}
		if fields[1] == strconv.Itoa(int(pid)) {
			child, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			check(t, err)
			found = append(found, child)
		}
	}
	return found
}

func TestRun_wiped_directory_leaves_a_running_nginx_alone(t *testing.T) {
	e := startEdge(t)
	address := startOrigin(t, "main")
	site := newSite(1, address, "shop.example.com")
	e.mustPut(5, site)
	e.stopAgent()
	check(t, os.RemoveAll(e.config.Dir))
	e.start()
	e.wantStatus("shop.example.com", "/", 200)
	if state := e.state(); state.GetReceived() != nil || state.GetRunning().GetGeneration() != 5 {
		t.Errorf("state is %v", state)
	}
	_, err := e.put(6, newSite(2, address, "new.example.com"))
	wantReason(t, err, "FailedPrecondition", "SNAPSHOT_NEEDED")
	e.sites = nil
	e.mustPut(6, site, newSite(2, address, "new.example.com"))
	e.wantStatus("new.example.com", "/", 200)
}

func TestRun_boots_from_the_last_good_snapshot(t *testing.T) {
	e := startEdge(t)
	e.mustPut(5, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	before := e.files()
	e.shutDown()
	// A reboot empties the runtime directory; the rendered files can be made again.
	check(t, os.RemoveAll(e.config.RuntimeDir))
	check(t, os.RemoveAll(filepath.Join(e.config.Dir, "generations")))
	e.start()
	e.wantStatus("shop.example.com", "/", 200)
	wantSameFiles(t, e.files(), before)
}

func TestRun_killed_nginx_comes_back(t *testing.T) {
	e := startEdge(t)
	e.mustPut(5, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	master := int(e.state().GetRunning().GetMasterPid())
	// The workers of a killed master live on and hold the addresses.
	check(t, syscall.Kill(master, syscall.SIGKILL))
	eventually(t, "another master runs", func() bool {
		running := e.state().GetRunning()
		return running != nil && int(running.GetMasterPid()) != master && running.GetGeneration() == 5
	})
	e.wantStatus("shop.example.com", "/", 200)
	e.mustPut(6, newSite(2, startOrigin(t, "main"), "new.example.com"))
	e.wantStatus("new.example.com", "/", 200)
}

// A proof holds the turn that starting nginx again needs: it must not wait for a
// master that is dead.
func TestApply_nginx_killed_by_the_reload(t *testing.T) {
	var lie func(bool)
	e := startEdge(t, func(config *app.Config) {
		pid := "master=$(cat " + filepath.Join(config.RuntimeDir, "nginx.pid") + ")"
		config.NginxBin, lie = lyingNginx(t, "-s reload", pid+"; kill -9 $master $(cat /proc/$master/task/$master/children); exit 0")
		config.ProofTimeout = time.Minute
	})
	address := startOrigin(t, "main")
	e.mustPut(6, newSite(1, address, "shop.example.com"))

	lie(true)
	began := time.Now()
	_, err := e.put(7, newSite(2, address, "new.example.com"))
	wantReason(t, err, "Unavailable", "EDGE_NOT_PROVEN", "nginx -s reload returned 0, but master", "has ended")
	if took := time.Since(began); took > e.config.ProofTimeout/2 {
		t.Errorf("nginx was dead for %s", took)
	}
	e.wantStatus("shop.example.com", "/", 200)
	e.wantStatus("new.example.com", "/", 421)

	lie(false)
	e.mustPut(7, newSite(2, address, "new.example.com"))
	e.wantStatus("new.example.com", "/", 200)
}

func TestRun_empty_pid_file(t *testing.T) {
	e := startEdge(t)
	e.mustPut(5, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	master := e.state().GetRunning().GetMasterPid()
	check(t, os.WriteFile(filepath.Join(e.config.RuntimeDir, "nginx.pid"), nil, 0o644))
	e.mustPut(6, newSite(2, startOrigin(t, "main"), "new.example.com"))
	if now := e.state().GetRunning().GetMasterPid(); now != master {
		t.Errorf("master is %d, was %d", now, master)
	}
	e.wantStatus("new.example.com", "/", 200)
}

func TestRun_refuses(t *testing.T) {
	ended := func(t *testing.T, e *edge) string {
		t.Helper()
		e.run()
		err := <-e.stopped
		e.stop = nil
		if err == nil {
			t.Fatal("agent ended without an error")
		}
		return err.Error()
	}
	wants := func(t *testing.T, got string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(got, part) {
				t.Errorf("error %q lacks %q", got, part)
			}
		}
	}
	t.Run("a taken port, naming its owner and the remedy", func(t *testing.T) {
		e := newEdge(t)
		owner, err := net.Listen("tcp", e.public)
		check(t, err)
		defer func() { check(t, owner.Close()) }()
		wants(t, ended(t, e), e.public, "process "+strconv.Itoa(os.Getpid()), "app.test", "configure another public address")
	})
	t.Run("a missing nginx, naming the remedy", func(t *testing.T) {
		e := newEdge(t, func(config *app.Config) { config.NginxBin = "/nonexistent/nginx" })
		wants(t, ended(t, e), "/nonexistent/nginx", "apt-get install nginx")
	})
	t.Run("a directory in use", func(t *testing.T) {
		e := startEdge(t)
		second := newEdge(t, func(config *app.Config) { config.Dir = e.config.Dir })
		wants(t, ended(t, second), e.config.Dir, "in use by another edge agent")
		second.config.Dir = second.config.RuntimeDir
	})
	t.Run("a runtime directory that the workers cannot enter", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Log("the workers are the same user here")
			return
		}
		private, err := os.MkdirTemp("/tmp", "edge")
		check(t, err)
		defer func() { check(t, os.RemoveAll(private)) }()
		e := newEdge(t, func(config *app.Config) { config.RuntimeDir = filepath.Join(private, "run") })
		wants(t, ended(t, e), private, "cannot enter", "chmod o+x")
	})
	t.Run("a damaged snapshot, naming the file", func(t *testing.T) {
		e := startEdge(t)
		e.mustPut(1, newSite(1, "127.0.0.1:9", "shop.example.com"))
		e.shutDown()
		file := filepath.Join(e.config.Dir, "state", "last_good.pb")
		data, err := os.ReadFile(file)
		check(t, err)
		check(t, os.WriteFile(file, data[:len(data)-10], 0o600))
		wants(t, ended(t, e), file, "damaged", "remove it")
	})
}

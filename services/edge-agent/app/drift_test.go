package app_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// kinds names drifts as "KIND path", in the order in which they are told.
func kinds(drifts []*edgev1.Drift) string {
	var texts []string
	for _, drift := range drifts {
		text := strings.TrimPrefix(drift.GetKind().String(), "DRIFT_KIND_")
		texts = append(texts, strings.TrimSpace(text+" "+drift.GetPath()))
	}
	return strings.Join(texts, ", ")
}

func (e *edge) wantDrift(want string) []*edgev1.Drift {
	e.t.Helper()
	drifts := e.state().GetDrifts()
	if got := kinds(drifts); got != want {
		e.t.Errorf("drifts are %q, want %q", got, want)
	}
	for _, drift := range drifts {
		if drift.GetDetail() == "" || drift.GetCause() == "" && drift.GetKind() != edgev1.DriftKind_DRIFT_KIND_NOT_RUNNING {
			e.t.Errorf("a drift without detail or cause: %v", drift)
		}
	}
	return drifts
}

// byHand runs nginx as somebody at the keyboard does.
func (e *edge) byHand(arguments ...string) {
	e.t.Helper()
	arguments = append([]string{"-c", filepath.Join(e.config.Dir, "current", "nginx.conf"), "-p", e.config.RuntimeDir}, arguments...)
	output, err := exec.CommandContext(e.t.Context(), realNginx(e.t), arguments...).CombinedOutput()
	if err != nil {
		e.t.Fatalf("nginx %v: %v\n%s", arguments, err, output)
	}
}

// startByHand returns when the master has its title, by which it is found.
func (e *edge) startByHand() {
	e.t.Helper()
	e.byHand("-e", filepath.Join(e.config.Dir, "logs", "error.log"))
	eventually(e.t, "a master", func() bool {
		pid, err := os.ReadFile(filepath.Join(e.config.RuntimeDir, "nginx.pid"))
		if err != nil {
			return false
		}
		command, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "cmdline"))
		return err == nil && strings.HasPrefix(string(command), "nginx: master process ")
	})
}

// reloadByHand returns when none of the workers before accepts connections.
func (e *edge) reloadByHand() {
	e.t.Helper()
	master := e.state().GetRunning().GetMasterPid()
	before := accepting(e.t, master)
	e.byHand("-s", "reload")
	eventually(e.t, "other workers", func() bool {
		now := accepting(e.t, master)
		return len(now) > 0 && !slices.ContainsFunc(now, func(pid int) bool { return slices.Contains(before, pid) })
	})
}

// accepting are the workers of a master that are not told to end.
func accepting(t *testing.T, master int32) []int {
	t.Helper()
	return slices.DeleteFunc(children(t, master), func(pid int) bool {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return err != nil || !strings.Contains(string(command), "worker process") || strings.Contains(string(command), "shutting down")
	})
}

func (e *edge) current(name string) string { return filepath.Join(e.config.Dir, "current", name) }

// F39: whatever somebody does to the files or the processes is told, stays until
// it is repaired, and is overwritten by the next apply, which tells of it too.
func TestGetState_drift(t *testing.T) {
	const servers = "generations/3/servers.conf"
	for _, c := range []struct {
		name string
		do   func(*edge)
		want string
	}{
		{"nothing", func(*edge) {}, ""},
		{"a file is edited", func(e *edge) { appendTo(e.t, e.current("servers.conf"), "# edited\n") }, "FILE_CHANGED " + servers},
		{"a file is replaced by a link", func(e *edge) {
			check(e.t, os.Rename(e.current("servers.conf"), filepath.Join(e.config.Dir, "moved")))
			check(e.t, os.Symlink(filepath.Join(e.config.Dir, "moved"), e.current("servers.conf")))
		}, "FILE_CHANGED " + servers},
		{"a file is replaced by a pipe", func(e *edge) {
			check(e.t, os.Remove(e.current("servers.conf")))
			check(e.t, syscall.Mkfifo(e.current("servers.conf"), 0o600))
		}, "FILE_CHANGED " + servers},
		{"a file is deleted", func(e *edge) { check(e.t, os.Remove(e.current("servers.conf"))) }, "FILE_MISSING " + servers},
		{"files are added", func(e *edge) {
			check(e.t, os.WriteFile(e.current("extra.conf"), []byte("# mine"), 0o600))
			check(e.t, os.Mkdir(e.current("more"), 0o700))
		}, "FILE_ADDED generations/3/extra.conf, FILE_ADDED generations/3/more"},
		{"all files are gone", func(e *edge) { check(e.t, os.RemoveAll(filepath.Join(e.config.Dir, "generations"))) },
			"FILE_MISSING generations/3/maps.conf, FILE_MISSING generations/3/nginx.conf, FILE_MISSING " + servers +
				", FILE_MISSING generations/3/status.conf, FILE_MISSING generations/3/upstreams.conf"},
		{"the link leads elsewhere", func(e *edge) {
			check(e.t, os.Remove(e.current("")))
			check(e.t, os.Symlink("generations/2", filepath.Join(e.config.Dir, "current")))
		}, "LINK_CHANGED current"},
		{"the link is gone", func(e *edge) { check(e.t, os.Remove(e.current(""))) }, "LINK_CHANGED current"},
		{"the link is a directory", func(e *edge) {
			check(e.t, os.Remove(e.current("")))
			check(e.t, os.MkdirAll(e.current("sub"), 0o700))
		}, "LINK_CHANGED current"},
		{"nginx is reloaded", func(e *edge) { e.reloadByHand() }, "RELOADED"},
		{"nginx is restarted", func(e *edge) {
			// Both within one look: the agent would start a dead one itself.
			e.stopAgent()
			e.stopNginx()
			e.startByHand()
			e.start()
		}, "RELOADED"},
		{"another generation is loaded", func(e *edge) {
			check(e.t, os.Remove(e.current("")))
			check(e.t, os.Symlink("generations/2", filepath.Join(e.config.Dir, "current")))
			e.reloadByHand()
		}, "LINK_CHANGED current, RELOADED, WORKERS_DIFFER"},
		{"an edit is loaded", func(e *edge) {
			appendTo(e.t, e.current("servers.conf"), "# edited\n")
			e.reloadByHand()
		}, "FILE_CHANGED " + servers + ", RELOADED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := startEdge(t)
			e.mustPut(2, newSite(1, startOrigin(t, "main"), "shop.example.com"))
			e.mustPut(3, newSite(2, "127.0.0.1:9", "other.example.com"))
			c.do(e)
			e.wantDrift(c.want)
			e.stopAgent()
			e.start()
			e.wantDrift(c.want)

			mark := len(e.log.String())
			response := e.mustPut(3, newSite(2, "127.0.0.1:9", "other.example.com"))
			if got := kinds(response.GetDrifts()); got != c.want {
				t.Errorf("the apply overwrote %q, want %q", got, c.want)
			}
			if reloaded := strings.Contains(e.log.String()[mark:], `"step":"nginx.reload"`); reloaded != (c.want != "") {
				t.Errorf("reloaded: %t", reloaded)
			}
			e.wantDrift("")
			running := e.state().GetRunning()
			if running.GetWorkersHash() != running.GetFilesHash() || running.GetFilesHash() != running.GetWantedHash() {
				t.Errorf("after the apply: %v", running)
			}
			e.wantStatus("shop.example.com", "/", 200)
			if got := kinds(e.mustPut(4, newSite(3, "127.0.0.1:9")).GetDrifts()); got != "" {
				t.Errorf("told once more: %q", got)
			}
		})
	}
}

func TestGetState_drift_says_since_when_and_by_whom(t *testing.T) {
	e := startEdge(t)
	e.mustPut(3, newSite(1, "127.0.0.1:9", "shop.example.com"))
	path := e.current("servers.conf")
	appendTo(t, path, "# "+secret+"\n")
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	check(t, os.Chtimes(path, at, at))
	who := fmt.Sprintf("(uid %d)", os.Geteuid())
	if os.Geteuid() == 0 {
		check(t, os.Chown(path, 65534, -1))
		who = "edited by user nobody (uid 65534)"
	}
	drift := e.wantDrift("FILE_CHANGED generations/3/servers.conf")[0]
	if !drift.GetSince().AsTime().Equal(at) || !strings.Contains(drift.GetCause(), who) || strings.Contains(drift.GetDetail()+drift.GetCause(), secret) {
		t.Errorf("got %v", drift)
	}
	begun := time.Now().Add(-100 * time.Millisecond)
	e.reloadByHand()
	drift = e.wantDrift("FILE_CHANGED generations/3/servers.conf, RELOADED")[1]
	if since := drift.GetSince().AsTime(); since.Before(begun) || since.After(time.Now()) {
		t.Errorf("reloaded at %v, want after %v", since, begun)
	}
}

// The trap: status.conf does not change by an edit of another file, so workers
// that run the edit answer as they should.
func TestGetState_drift_stays_when_only_the_file_is_put_back(t *testing.T) {
	e := startEdge(t)
	e.mustPut(3, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	path := e.current("servers.conf")
	good, err := os.ReadFile(path)
	check(t, err)
	check(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(good), "return 421;", "return 418;")), 0o600))
	e.wantDrift("FILE_CHANGED generations/3/servers.conf")
	e.reloadByHand()
	e.wantDrift("FILE_CHANGED generations/3/servers.conf, RELOADED")
	e.wantStatus("unknown.example.com", "/", 418)
	check(t, os.WriteFile(path, good, 0o600))
	running := e.state().GetRunning()
	if running.GetGeneration() != 3 || running.GetWorkersHash() != running.GetFilesHash() || running.GetFilesHash() != running.GetWantedHash() {
		t.Errorf("running is %v", running)
	}
	e.wantDrift("RELOADED")
	e.stopAgent()
	e.start()
	e.wantDrift("RELOADED")
	e.wantStatus("unknown.example.com", "/", 418)
	_, err = e.put(3)
	check(t, err)
	e.wantStatus("unknown.example.com", "/", 421)
	e.wantDrift("")
}

func TestGetState_drift_is_none_when_a_file_is_put_back(t *testing.T) {
	e := startEdge(t)
	e.mustPut(3, newSite(1, "127.0.0.1:9", "shop.example.com"))
	good, err := os.ReadFile(e.current("maps.conf"))
	check(t, err)
	check(t, os.Remove(e.current("maps.conf")))
	e.wantDrift("FILE_MISSING generations/3/maps.conf")
	check(t, os.WriteFile(e.current("maps.conf"), good, 0o600))
	e.wantDrift("")
}

func TestGetState_drift_is_none_of_what_ends_by_itself(t *testing.T) {
	e := startEdge(t)
	e.mustPut(3, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	master := e.state().GetRunning().GetMasterPid()
	kill := func(t *testing.T, pids ...int) {
		t.Helper()
		for _, pid := range pids {
			check(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		eventually(t, "the master replaces them", func() bool {
			now := accepting(t, master)
			return len(now) > 0 && !slices.ContainsFunc(now, func(pid int) bool { return slices.Contains(pids, pid) })
		})
		e.wantDrift("")
	}
	e.sub("a worker that is killed", func(t *testing.T) { kill(t, accepting(t, master)[0]) })
	e.sub("all workers that are killed", func(t *testing.T) { kill(t, accepting(t, master)...) })
	e.sub("one more, and then a reload by hand is seen", func(t *testing.T) {
		kill(t, accepting(t, master)...)
		e.reloadByHand()
		e.wantDrift("RELOADED")
		_, err := e.put(3)
		check(t, err)
		e.wantDrift("")
	})
	e.sub("a master that is killed is started again", func(t *testing.T) {
		check(t, syscall.Kill(int(master), syscall.SIGKILL))
		eventually(t, "another master runs", func() bool {
			running := e.state().GetRunning()
			return running != nil && running.GetMasterPid() != master
		})
		e.wantDrift("")
		e.wantStatus("shop.example.com", "/", 200)
	})
}

func TestGetState_nginx_that_does_not_start_again(t *testing.T) {
	binary, lie := lyingNginx(t, "-t", "echo 'nginx: [emerg] open() failed (28: No space left on device)' >&2; exit 1")
	e := startEdge(t, func(config *app.Config) { config.NginxBin = binary })
	e.mustPut(3, newSite(1, "127.0.0.1:9", "shop.example.com"))
	lie(true)
	e.stopNginx()
	appendTo(t, e.current("maps.conf"), "# edited\n")
	e.wantDrift("FILE_CHANGED generations/3/maps.conf, NOT_RUNNING")
	lie(false)
	e.wantDrift("")
	e.wantStatus("shop.example.com", "/", 502)
}

func TestApply_hold_drift_overwrites_nothing(t *testing.T) {
	e := startEdge(t)
	site := newSite(1, startOrigin(t, "main"), "shop.example.com")
	e.mustPut(3, site)
	hold := func(generation uint64) error {
		_, err := e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, generation), Whole: true, HoldDrift: true}, site)
		return err
	}
	check(t, hold(4))
	appendTo(t, e.current("maps.conf"), "# "+secret+"\n")
	e.reloadByHand()
	before, workers := e.files(), accepting(t, e.state().GetRunning().GetMasterPid())
	err := hold(5)
	wantReason(t, err, "FailedPrecondition", "DRIFT_HELD", "generations/4/maps.conf", "replaced without an order")
	if strings.Contains(err.Error(), secret) {
		t.Errorf("message leaks: %v", err)
	}
	wantSameFiles(t, e.files(), before)
	if now := accepting(t, e.state().GetRunning().GetMasterPid()); !slices.Equal(now, workers) {
		t.Errorf("workers were %v, are %v", workers, now)
	}
	e.wantDrift("FILE_CHANGED generations/4/maps.conf, RELOADED")
	_, err = e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, 5), Whole: true}, site)
	check(t, err)
	check(t, hold(6))
}

// The way back from an apply that is not proved must not make an edit run that
// nobody had loaded, and the next apply still tells of it.
func TestApply_way_back_does_not_load_an_edit(t *testing.T) {
	binary, lie := lyingNginx(t, "-s reload", `if [ ! -e "$0.once" ]; then touch "$0.once"; exit 0; fi`)
	e := startEdge(t, func(config *app.Config) {
		config.NginxBin = binary
		config.ProofTimeout = time.Second
	})
	e.mustPut(3, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	good := e.files()
	text := strings.ReplaceAll(good["servers.conf"], "return 421;", "return 418;")
	check(t, os.WriteFile(e.current("servers.conf"), []byte(text), 0o600))
	lie(true)
	_, err := e.put(4, newSite(2, "127.0.0.1:9", "new.example.com"))
	wantReason(t, err, "Unavailable", "EDGE_NOT_PROVEN")
	lie(false)
	wantSameFiles(t, e.files(), good)
	e.wantDrift("")
	e.reloadByHand()
	e.wantStatus("unknown.example.com", "/", 421)
	response := e.mustPut(5, newSite(2, "127.0.0.1:9", "new.example.com"))
	if got := kinds(response.GetDrifts()); !strings.HasPrefix(got, "FILE_CHANGED generations/3/servers.conf") {
		t.Errorf("the apply tells of %q", got)
	}
}

// What an agent of before left has no record: the first look makes one.
func TestRun_adopts_nginx_without_a_record(t *testing.T) {
	e := startEdge(t)
	e.mustPut(5, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	master := e.state().GetRunning().GetMasterPid()
	workers := accepting(t, master)
	e.stopAgent()
	check(t, os.Remove(filepath.Join(e.config.RuntimeDir, "proved.json")))
	e.start()
	e.wantDrift("")
	if now := accepting(t, master); !slices.Equal(now, workers) {
		t.Errorf("workers were %v, are %v", workers, now)
	}
	appendTo(t, e.current("maps.conf"), "# edited\n")
	e.wantDrift("FILE_CHANGED generations/5/maps.conf")
}

func TestRun_writes_over_drift_when_nginx_is_dead(t *testing.T) {
	e := startEdge(t)
	e.mustPut(5, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	before := e.files()
	e.shutDown()
	appendTo(t, e.current("maps.conf"), "no nginx syntax\n")
	e.start()
	e.wantStatus("shop.example.com", "/", 200)
	wantSameFiles(t, e.files(), before)
	e.wantDrift("")
	if !strings.Contains(e.log.String(), "generations/5/maps.conf holds something else") {
		t.Error("the log does not tell of it")
	}
}

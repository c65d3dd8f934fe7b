package app_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/app"
	"github.com/siteplane/siteplane/services/edge-agent/internal/apply"
)

// The environment that makes this test binary an agent of its own.
const (
	agentBase   = "EDGE_TEST_BASE"
	agentPublic = "EDGE_TEST_PUBLIC"
	agentDiesAt = "EDGE_TEST_DIES_AT"
)

func TestMain(m *testing.M) {
	if base := os.Getenv(agentBase); base != "" {
		if err := beAgent(base); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// beAgent runs an agent that dies as by a power cut where it is told to. It says
// where it listens in a file.
func beAgent(base string) error {
	ca, err := identity.LoadOrCreateCA(filepath.Join(base, "ca"), "test.example")
	if err != nil {
		return err
	}
	server, err := ca.Issue("/edge/"+edgeID, time.Hour)
	if err != nil {
		return err
	}
	traces, err := telemetry.New(context.Background(), telemetry.Config{Service: "edge-agent", Log: os.Stderr, LogFormat: "json"})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := filepath.Join(base, "address")
	if err := os.WriteFile(address+".next", []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(address+".next", address); err != nil {
		return err
	}
	return app.Run(context.Background(), app.Config{
		EdgeID: edgeID, Identity: server, Telemetry: traces, Listener: listener,
		Dir: filepath.Join(base, "data"), RuntimeDir: filepath.Join(base, "run"),
		PublicListen: []string{os.Getenv(agentPublic)}, CheckInterval: 50 * time.Millisecond,
		Reached: func(moment string) {
			if moment == os.Getenv(agentDiesAt) {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // not one instruction more
			}
		},
	})
}

// spawn runs the agent of an edge as a process, and dials it.
func (e *edge) spawn(diesAt string) (agent *exec.Cmd) {
	e.t.Helper()
	base := filepath.Dir(e.config.Dir)
	address := filepath.Join(base, "address")
	check(e.t, os.RemoveAll(address))
	agent = exec.CommandContext(e.t.Context(), os.Args[0])
	agent.Env = append(os.Environ(), agentBase+"="+base, agentPublic+"="+e.public, agentDiesAt+"="+diesAt)
	agent.Stderr = e.log
	check(e.t, agent.Start())
	var text []byte
	eventually(e.t, "the agent listens", func() (ok bool) {
		var err error
		text, err = os.ReadFile(address)
		return err == nil
	})
	lifecycle, err := e.ca.Issue("/service/lifecycle", time.Hour)
	check(e.t, err)
	e.client = e.dialAt(string(text), lifecycle)
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	_, err = e.client.GetState(ctx, &edgev1.GetStateRequest{}, grpc.WaitForReady(true))
	check(e.t, err)
	return agent
}

// F32: an agent that is killed at any moment of an apply leaves nginx serving the
// generation before or the new one, wholly; the next agent converges.
func TestApply_killed_at_every_moment(t *testing.T) {
	e := newEdge(t)
	addresses := []string{startOrigin(t, "even"), startOrigin(t, "odd")}
	sites := func(generation int) []*edgev1.Site {
		changing := newSite(1, addresses[generation%2], "shop.example.com")
		changing.Revision = int64(generation)
		return []*edgev1.Site{changing, newSite(2, addresses[0], "still.example.com")}
	}
	name := func(generation int) string { return []string{"even", "odd"}[generation%2] }
	agent := e.spawn("")
	end := func() { _, _ = agent.Process.Kill(), agent.Wait() }
	_, err := e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, 1), Whole: true}, sites(1)...)
	check(t, err)
	stop := e.visitAt200()
	for i, moment := range apply.Moments() {
		e.sub(string(moment), func(t *testing.T) {
			before, after := i+1, i+2
			end()
			agent = e.spawn(string(moment))
			if _, err := e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, uint64(after)), Whole: true}, sites(after)...); err == nil {
				t.Fatal("the apply was answered: the agent does not pass this moment")
			}
			if status := agent.Wait(); status == nil || !strings.Contains(status.Error(), "killed") {
				t.Errorf("the agent ended with %v", status)
			}
			_, body, err := ask(e.public, "shop.example.com")
			check(t, err)
			if !strings.HasPrefix(body, name(before)+" ") && !strings.HasPrefix(body, name(after)+" ") {
				t.Errorf("without an agent, %q is served", body)
			}

			agent = e.spawn("")
			state := e.state()
			generation := int(state.GetReceived().GetFence().GetGeneration())
			if generation != before && generation != after || int(state.GetRunning().GetGeneration()) != generation || len(state.GetDrifts()) > 0 {
				t.Errorf("the next agent holds generation %d, runs %d, drifts %v", generation, state.GetRunning().GetGeneration(), state.GetDrifts())
			}
			running := state.GetRunning()
			if running.GetFilesHash() != running.GetWantedHash() || running.GetWorkersHash() != running.GetWantedHash() {
				t.Errorf("running is %v", running)
			}
			// lifecycle repeats what was not answered.
			_, err = e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, uint64(after)), Whole: true}, sites(after)...)
			check(t, err)
			if _, body, err := ask(e.public, "shop.example.com"); err != nil || !strings.HasPrefix(body, name(after)+" ") {
				t.Errorf("in the end, %q, %v is served", body, err)
			}
			if left, err := filepath.Glob(filepath.Join(e.config.Dir, "generations", "*")); err != nil || len(left) > 2 {
				t.Errorf("left are %v, %v", left, err)
			}
		})
	}
	if bad := stop(); len(bad) > 0 {
		t.Errorf("%d bad answers, the first: %v", len(bad), bad[0])
	}
	end()
}

// visitAt200 asks two hundred times a second, as far as the machine goes, for what
// changes and for what does not; stop returns the answers that are of no
// generation.
func (e *edge) visitAt200() (stop func() (bad []string)) {
	const visitors, pause = 4, 20 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var mu sync.Mutex
	var bad []string
	asked := 0
	visit := func(host string, want ...string) {
		code, body, err := ask(e.public, host)
		name, _, _ := strings.Cut(body, " ")
		mu.Lock()
		defer mu.Unlock()
		asked++
		if err != nil || code != http.StatusOK || !strings.Contains(strings.Join(want, " "), name) || name == "" {
			bad = append(bad, fmt.Sprintf("%s: %d %q %v", host, code, body, err))
		}
	}
	for number := range visitors {
		group.Go(func() {
			ticker := time.NewTicker(pause)
			defer ticker.Stop()
			for ctx.Err() == nil {
				if number%2 == 0 {
					visit("shop.example.com", "even", "odd")
				} else {
					visit("still.example.com", "even")
				}
				<-ticker.C
			}
		})
	}
	return func() []string {
		cancel()
		group.Wait()
		if asked < visitors {
			bad = append(bad, "nobody asked")
		}
		return bad
	}
}

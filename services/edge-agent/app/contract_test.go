package app_test

import (
	"strings"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

func TestApply_fence(t *testing.T) {
	e := startEdge(t)
	e.mustPut(5, newSite(1, "127.0.0.1:9", "shop.example.com"))
	whole := func(era, epoch, generation uint64) error {
		_, err := e.apply(&edgev1.ApplyHeader{Fence: fence(era, epoch, generation), Whole: true}, newSite(1, "127.0.0.1:9", "shop.example.com"))
		return err
	}
	wantReason(t, whole(1, 1, 4), "Aborted", "STALE_FENCE", "1/1/4", "1/1/5")
	check(t, whole(1, 1, 5))
	check(t, whole(1, 2, 3))
	wantReason(t, whole(1, 1, 9), "Aborted", "STALE_FENCE")
	check(t, whole(2, 0, 1))
	wantReason(t, whole(1, 9, 9), "Aborted", "STALE_FENCE")

	e.sub("is remembered across a restart, also when its apply failed", func(t *testing.T) {
		_, err := e.apply(&edgev1.ApplyHeader{Fence: fence(2, 7, 2), Whole: true})
		wantReason(t, err, "FailedPrecondition", "HELD_BY_SHRINK_GUARD")
		e.stopAgent()
		e.start()
		wantReason(t, whole(2, 6, 9), "Aborted", "STALE_FENCE", "2/7/2")
		check(t, whole(2, 7, 2))
	})
}

func TestApply_repeated_is_harmless(t *testing.T) {
	e := startEdge(t)
	site := newSite(1, "127.0.0.1:9", "shop.example.com")
	first := e.mustPut(5, site)
	mark := strings.Count(e.log.String(), `"step":"nginx.reload"`)
	second := e.mustPut(5, site)
	if second.GetDigest() != first.GetDigest() || second.GetSiteCount() != 1 {
		t.Errorf("got %v, first was %v", second, first)
	}
	if now := strings.Count(e.log.String(), `"step":"nginx.reload"`); now != mark {
		t.Errorf("a repeated apply reloaded nginx")
	}
}

func TestApply_asks_for_the_whole(t *testing.T) {
	e := startEdge(t)
	_, err := e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, 1), Digest: zeros(), Whole: true}, newSite(1, "127.0.0.1:9"))
	wantReason(t, err, "FailedPrecondition", "SNAPSHOT_NEEDED")
	_, err = send(t, e.client, &edgev1.ApplyHeader{EdgeId: edgeID, Fence: fence(1, 1, 1), Digest: digestOf(nil)}, nil)
	wantReason(t, err, "FailedPrecondition", "SNAPSHOT_NEEDED")
	e.mustPut(1, newSite(1, "127.0.0.1:9"))
	_, err = e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, 2), Digest: zeros()}, newSite(2, "127.0.0.1:9"))
	wantReason(t, err, "FailedPrecondition", "SNAPSHOT_NEEDED")
	e.mustPut(2, newSite(2, "127.0.0.1:9"))
}

func TestApply_refuses_another_edge(t *testing.T) {
	e := startEdge(t)
	_, err := e.apply(&edgev1.ApplyHeader{EdgeId: "edge_01h455vb4pex5vsknk084sn02r", Fence: fence(1, 1, 1)})
	wantReason(t, err, "InvalidArgument", "WRONG_EDGE")
	if state := e.state(); state.GetReceived() != nil {
		t.Errorf("received %v", state.GetReceived())
	}
}

func TestGetState(t *testing.T) {
	e := startEdge(t)
	empty := e.state()
	if empty.GetReceived() != nil || empty.GetRunning().GetGeneration() != 0 || empty.GetRunning().GetAppliedAt() != nil {
		t.Errorf("empty edge says %v", empty)
	}
	begun := time.Now()
	e.mustPut(3, newSite(1, "127.0.0.1:9", "shop.example.com"))
	state := e.state()
	running := state.GetRunning()
	if running.GetGeneration() != 3 || running.GetWorkersHash() == "" ||
		running.GetWorkersHash() != running.GetFilesHash() || running.GetFilesHash() != running.GetWantedHash() {
		t.Errorf("running is %v", running)
	}
	if applied := running.GetAppliedAt().AsTime(); applied.Before(begun.Add(-time.Second)) {
		t.Errorf("applied at %v, before %v", applied, begun)
	}
	if received := state.GetReceived(); received.GetDigest() != digestOf(e.sites) || received.GetSiteCount() != 1 {
		t.Errorf("received is %v", received)
	}
	if len(state.GetProbePublicKey()) != 32 || state.GetEdgeId() != edgeID || state.GetRendererVersion() == "" || !strings.HasPrefix(state.GetNginxVersion(), "1.") {
		t.Errorf("state is %v", state)
	}
	for _, name := range []string{"maps.conf", "status.conf"} {
		t.Run("sees a hand edit of "+name, func(t *testing.T) {
			e := startEdge(t)
			e.mustPut(3, newSite(1, "127.0.0.1:9", "shop.example.com"))
			appendTo(t, e.config.Dir+"/current/"+name, "# edited\n")
			running := e.state().GetRunning()
			if running.GetFilesHash() == running.GetWantedHash() || running.GetWorkersHash() != running.GetWantedHash() {
				t.Errorf("running is %v", running)
			}
			// The next apply of the same repairs it.
			_, err := e.put(3)
			check(t, err)
			if running := e.state().GetRunning(); running.GetFilesHash() != running.GetWantedHash() {
				t.Errorf("after repair: %v", running)
			}
		})
	}
}

func TestPolicy_only_lifecycle_may_call(t *testing.T) {
	e := startEdge(t)
	tunnel, err := e.ca.Issue("/service/tunnel", time.Hour)
	check(t, err)
	client := e.dial(tunnel)
	_, err = client.GetState(t.Context(), &edgev1.GetStateRequest{})
	wantReason(t, err, "PermissionDenied", "NOT_ALLOWED")
	stream, err := client.ListHeld(t.Context(), &edgev1.ListHeldRequest{})
	check(t, err)
	_, err = stream.Recv()
	wantReason(t, err, "PermissionDenied", "NOT_ALLOWED")
}

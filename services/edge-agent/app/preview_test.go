package app_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// preview asks for what an apply of the same would change.
func (e *edge) preview(header *edgev1.ApplyHeader, sites ...*edgev1.Site) ([]*edgev1.FileDiff, error) {
	e.t.Helper()
	e.complete(header, sites)
	stream, err := e.client.Preview(e.t.Context())
	check(e.t, err)
	// A failed send shows its reason in Recv.
	_ = stream.Send(&edgev1.PreviewRequest{Part: &edgev1.PreviewRequest_Header{Header: header}})
	for _, site := range sites {
		_ = stream.Send(&edgev1.PreviewRequest{Part: &edgev1.PreviewRequest_Sites{Sites: &edgev1.ApplySites{Sites: []*edgev1.Site{site}}}})
	}
	check(e.t, stream.CloseSend())
	var diffs []*edgev1.FileDiff
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return diffs, nil
		}
		if err != nil {
			return nil, err
		}
		diffs = append(diffs, message.GetFile())
	}
}

func (e *edge) mustPreview(header *edgev1.ApplyHeader, sites ...*edgev1.Site) []*edgev1.FileDiff {
	e.t.Helper()
	diffs, err := e.preview(header, sites...)
	check(e.t, err)
	return diffs
}

func paths(diffs []*edgev1.FileDiff) string {
	var paths []string
	for _, diff := range diffs {
		paths = append(paths, strings.TrimPrefix(diff.GetPath(), "current/"))
	}
	return strings.Join(paths, " ")
}

// patched are files as patch makes them of those before.
func patched(t *testing.T, before map[string]string, diffs []*edgev1.FileDiff) map[string]string {
	t.Helper()
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "current"), 0o700))
	for name, text := range before {
		check(t, os.WriteFile(filepath.Join(dir, "current", name), []byte(text), 0o600))
	}
	var all strings.Builder
	for _, diff := range diffs {
		all.WriteString(diff.GetDiff())
		if diff.GetTruncated() {
			t.Fatalf("the diff of %s is cut", diff.GetPath())
		}
	}
	command := exec.CommandContext(t.Context(), "patch", "--fuzz=0", "--force", "--remove-empty-files", "-p1", "-d", dir)
	command.Stdin = strings.NewReader(all.String())
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("patch: %v\n%s\n%s", err, output, all.String())
	}
	after := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(dir, "current"))
	check(t, err)
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, "current", entry.Name()))
		check(t, err)
		after[entry.Name()] = string(data)
	}
	return after
}

// traces are all that a preview might leave: names, sizes, modes and times of
// all files, and the processes of nginx.
func (e *edge) traces() string {
	e.t.Helper()
	var traces []string
	for _, root := range []string{e.config.Dir, e.config.RuntimeDir} {
		check(e.t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			traces = append(traces, fmt.Sprintf("%s %d %s %d", path, info.Size(), info.Mode(), info.ModTime().UnixNano()))
			return nil
		}))
	}
	master := e.state().GetRunning().GetMasterPid()
	for _, pid := range append(children(e.t, master), int(master)) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		check(e.t, err)
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		traces = append(traces, fmt.Sprint(pid, " started at ", fields[19]))
	}
	return strings.Join(traces, "\n")
}

// What a preview says is what the apply of the same then does, byte for byte.
func TestPreview(t *testing.T) {
	e := startEdge(t)
	address := startOrigin(t, "main")
	shop := newSite(1, address, "shop.example.com")
	blog := newSite(2, "127.0.0.1:9", "blog.example.com", "www.example.com")
	step := func(name string, generation uint64, whole bool, removed []string, sites ...*edgev1.Site) {
		header := func() *edgev1.ApplyHeader {
			header := &edgev1.ApplyHeader{Fence: fence(1, 1, generation), Whole: whole}
			for _, id := range removed {
				header.Removals = append(header.Removals, &edgev1.Removal{SiteId: id, OperationId: "op_1"})
			}
			return header
		}
		e.sub(name, func(t *testing.T) {
			before := e.files()
			diffs := e.mustPreview(header(), sites...)
			_, err := e.apply(header(), sites...)
			check(t, err)
			after := e.files()
			wantSameFiles(t, patched(t, before, diffs), after)
			for _, diff := range diffs {
				name := strings.TrimPrefix(diff.GetPath(), "current/")
				if before[name] == after[name] || diff.GetAdded()+diff.GetRemoved() == 0 {
					t.Errorf("%s is named and did not change", name)
				}
			}
		})
	}
	step("of the first apply", 1, true, nil, shop)
	step("of a site that comes", 2, false, nil, blog)
	changed := newSite(1, "127.0.0.1:9", "shop.example.com")
	changed.Revision = 2
	changed.Spec.Options = &edgev1.Options{Maintenance: true, ResponseHeaders: []*edgev1.Header{{Name: "X-A", Value: "value"}}}
	step("of a site that changes", 3, false, nil, changed)
	step("of everything anew", 4, true, nil, changed, blog)
	appendTo(t, e.current("servers.conf"), "# by hand\n")
	check(t, os.WriteFile(e.current("extra.conf"), []byte("# mine\n"), 0o600))
	check(t, os.Remove(e.current("upstreams.conf")))
	step("over what somebody edited, added and removed", 5, false, nil, shop)
	step("of a site that goes", 6, false, []string{siteID(2)})
	unfit := newSite(3, "not an address", "third.example.com")
	step("of a site that cannot be rendered", 7, false, nil, unfit, newSite(4, "127.0.0.1:9", "fourth.example.com"))

	e.sub("of what is there already is empty", func(t *testing.T) {
		if diffs := e.mustPreview(&edgev1.ApplyHeader{Fence: fence(1, 1, 7)}); len(diffs) > 0 {
			t.Errorf("got %v", diffs)
		}
	})
	e.sub("of a new generation of the same names the file that tells it", func(t *testing.T) {
		if got := paths(e.mustPreview(&edgev1.ApplyHeader{Fence: fence(1, 1, 8)})); got != "status.conf" {
			t.Errorf("got %q", got)
		}
	})
}

func TestPreview_changes_nothing(t *testing.T) {
	e := startEdge(t, func(config *app.Config) { config.CheckInterval = time.Hour })
	e.mustPut(3, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	header := func(generation uint64) *edgev1.ApplyHeader {
		return &edgev1.ApplyHeader{Fence: fence(9, 9, generation), Whole: true}
	}
	eventually(t, "no worker drains", func() bool { return e.state().GetDrainingWorkers() == 0 })
	before := e.traces()
	log := strings.Count(e.log.String(), "edge step begins")
	if diffs := e.mustPreview(header(8), newSite(2, "127.0.0.1:9", "other.example.com")); len(diffs) < 3 {
		t.Errorf("got %v", diffs)
	}
	if after := e.traces(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if now := strings.Count(e.log.String(), "edge step begins"); now != log {
		t.Errorf("%d steps of an apply, were %d", now, log)
	}
	if received := e.state().GetReceived(); received.GetFence().GetGeneration() != 3 || received.GetFence().GetEra() != 1 {
		t.Errorf("received is %v", received)
	}
	// The fence of the preview counts for nothing: the lower one still applies.
	e.mustPut(4, newSite(3, "127.0.0.1:9", "third.example.com"))
}

func TestPreview_refuses_what_an_apply_refuses(t *testing.T) {
	e := startEdge(t)
	site := newSite(1, "127.0.0.1:9", "shop.example.com")
	_, err := e.preview(&edgev1.ApplyHeader{Fence: fence(1, 1, 1), Digest: zeros(), Whole: true}, site)
	wantReason(t, err, "FailedPrecondition", "SNAPSHOT_NEEDED")
	e.mustPut(1, site)
	_, err = e.preview(&edgev1.ApplyHeader{Fence: fence(1, 1, 2), Digest: zeros()}, newSite(2, "127.0.0.1:9"))
	wantReason(t, err, "FailedPrecondition", "SNAPSHOT_NEEDED")
	_, err = e.preview(&edgev1.ApplyHeader{EdgeId: "edge_01h455vb4pex5vsknk084sn02r", Fence: fence(1, 1, 2)})
	wantReason(t, err, "InvalidArgument", "WRONG_EDGE")
	stream, err := e.client.Preview(t.Context())
	check(t, err)
	check(t, stream.CloseSend())
	_, err = stream.Recv()
	wantReason(t, err, "InvalidArgument", "INVALID_FIELDS", "not the header")
}

// A preview waits for no apply: this one is held up between its test and its swap.
func TestPreview_answers_during_an_apply(t *testing.T) {
	held, goOn := make(chan struct{}), make(chan struct{})
	armed := make(chan struct{}, 1)
	e := startEdge(t, func(config *app.Config) {
		config.Reached = func(moment string) {
			select {
			case <-armed:
			default:
				return
			}
			close(held)
			<-goOn
		}
	})
	e.mustPut(1, newSite(1, "127.0.0.1:9", "shop.example.com"))
	armed <- struct{}{}
	second := newSite(2, "127.0.0.1:9", "other.example.com")
	header := &edgev1.ApplyHeader{Fence: fence(1, 1, 2)}
	e.complete(header, []*edgev1.Site{second})
	applied := make(chan error, 1)
	go func() {
		_, err := send(t, e.client, header, []*edgev1.Site{second})
		applied <- err
	}()
	select {
	case <-held:
	case <-time.After(20 * time.Second):
		t.Fatal("the apply does not begin")
	}
	type answer struct {
		diffs []*edgev1.FileDiff
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		diffs, err := e.preview(&edgev1.ApplyHeader{Fence: fence(1, 1, 2)}, second)
		answered <- answer{diffs, err}
	}()
	var diffs []*edgev1.FileDiff
	var failed error
	select {
	case got := <-answered:
		diffs, failed = got.diffs, got.err
	case <-time.After(20 * time.Second):
		failed = errors.New("the preview waits for the apply")
	}
	close(goOn)
	check(t, failed)
	check(t, <-applied)
	if !slices.ContainsFunc(diffs, func(diff *edgev1.FileDiff) bool {
		return strings.Contains(diff.GetDiff(), "+") && diff.GetPath() == "current/maps.conf"
	}) {
		t.Errorf("got %v", diffs)
	}
}

func TestPreview_cuts_a_long_diff(t *testing.T) {
	e := startEdge(t)
	var sites []*edgev1.Site
	for number := range 2000 {
		sites = append(sites, newSite(number, "127.0.0.1:9", fmt.Sprintf("www.site%d.example.com", number)))
	}
	for _, diff := range e.mustPreview(&edgev1.ApplyHeader{Fence: fence(1, 1, 1), Whole: true}, sites...) {
		if diff.GetPath() != "current/maps.conf" {
			continue
		}
		if !diff.GetTruncated() || len(diff.GetDiff()) > 64<<10 || diff.GetAdded() < 4000 {
			t.Errorf("%t, %d bytes, %d lines", diff.GetTruncated(), len(diff.GetDiff()), diff.GetAdded())
		}
		return
	}
	t.Error("maps.conf would not change")
}

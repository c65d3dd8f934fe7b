package remote_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

func (a *agent) Preview(stream grpc.BidiStreamingServer[edgev1.PreviewRequest, edgev1.PreviewResponse]) error {
	if a.early != nil {
		return a.early
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if h := part.GetHeader(); h != nil {
			a.header = h
		}
		a.sites = append(a.sites, part.GetSites().GetSites()...)
	}
	for _, file := range a.files {
		if err := stream.Send(&edgev1.PreviewResponse{File: file}); err != nil {
			return err
		}
	}
	return a.err
}

func TestEdges_Preview(t *testing.T) {
	t.Run("carries what an apply carries, and brings every file", func(t *testing.T) {
		a := &agent{files: []*edgev1.FileDiff{
			{Path: "current/maps.conf", Diff: "+a\n", Added: 7, Removed: 3, Truncated: true}, {Path: "current/status.conf", Diff: "-b\n", Removed: 1},
		}}
		edges := setup(t, a)
		got, err := edges.Preview(t.Context(), edgeID, update())
		want := []infra.FileDiff{
			{Path: "current/maps.conf", Diff: "+a\n", Added: 7, Removed: 3, Truncated: true}, {Path: "current/status.conf", Diff: "-b\n", Removed: 1},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		header, sites := a.header, a.sites
		a.header, a.sites = nil, nil
		if _, err := edges.Apply(t.Context(), edgeID, update()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a.header, header, protocmp.Transform()) + cmp.Diff(a.sites, sites, protocmp.Transform()); diff != "" || len(sites) == 0 {
			t.Errorf("(-applied +previewed):\n%s", diff)
		}
	})
	t.Run("a preview that breaks off is none", func(t *testing.T) {
		a := &agent{files: []*edgev1.FileDiff{{Path: "x"}}, err: rpcerr.New(codes.Unavailable, "X", "x")}
		if got, err := setup(t, a).Preview(t.Context(), edgeID, update()); got != nil || !unavailable(0)(err) {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("an edge without a base asks for everything, early or late", func(t *testing.T) {
		needed := rpcerr.New(codes.FailedPrecondition, "SNAPSHOT_NEEDED", "x")
		for _, a := range []*agent{{early: needed}, {err: needed}} {
			if _, err := setup(t, a).Preview(t.Context(), edgeID, update()); !errors.Is(err, infra.ErrSnapshotNeeded) {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("an agent of before knows no preview", func(t *testing.T) {
		a := &agent{early: rpcerr.New(codes.Unimplemented, "", "x")}
		if _, err := setup(t, a).Preview(t.Context(), edgeID, update()); !unavailable(0)(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("much text is cut, and too many files are refused", func(t *testing.T) {
		a := &agent{}
		for range 40 {
			a.files = append(a.files, &edgev1.FileDiff{Path: "x", Diff: strings.Repeat("+", 64<<10), Added: 1})
		}
		got, err := setup(t, a).Preview(t.Context(), edgeID, update())
		if err != nil || len(got) != 40 || got[0].Truncated || !got[39].Truncated || got[39].Diff != "" || got[39].Added != 1 {
			t.Errorf("%v, %d files", err, len(got))
		}
		for range 1000 {
			a.files = append(a.files, &edgev1.FileDiff{Path: "x"})
		}
		if _, err := setup(t, a).Preview(t.Context(), edgeID, update()); !unavailable(0)(err) {
			t.Errorf("got %v", err)
		}
	})
}

package apply

import (
	"context"
	"slices"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// State is what the edge holds and what really runs.
type State struct {
	// Received is the last proved snapshot; nil: none.
	Received *snapshot.Snapshot
	// Running is nil when nginx does not answer.
	Running *Running
	// Rejected are the sites that were sent with it and not taken over.
	Rejected []snapshot.Rejection
	// LastError says why the last apply failed, or why nginx is down, and why it
	// would not start again.
	LastError string
	// Drifts are how the host differs from what was applied.
	Drifts []Drift
	// Incidents happened to nginx since this agent started.
	Incidents []nginx.Incident
	// Notices are what an operator should know of this nginx.
	Notices []string
	// Draining workers of former generations still serve long requests.
	Draining int
}

// Held is a part of what the edge holds.
type Held struct {
	Sites []*edgev1.Site
	// Names is how many names the edge holds in all, internal ones included.
	Names int
}

// Running is what fresh connections answer, and what it should be.
type Running struct {
	nginx.Status
	// FilesHash is over the files on disk, WantedHash over a fresh rendering.
	FilesHash, WantedHash string
	Master                int
	AppliedAt             time.Time
}

// State observes. An nginx that is found dead is started again first.
func (a *Applier) State(ctx context.Context) (State, error) {
	end, err := a.begin(ctx)
	if err != nil {
		return State{}, err
	}
	defer end()
	state := State{Received: a.held, Rejected: a.rejected, LastError: a.trouble()}
	down := a.revive(context.WithoutCancel(ctx))
	state.Incidents = a.config.Nginx.Incidents()
	state.Notices = a.config.Nginx.Notices(ctx)
	if state.Draining, _, err = a.config.Nginx.Draining(); err != nil {
		return State{}, err
	}
	if state.Drifts, err = a.look(ctx); err != nil {
		return State{}, err
	}
	if down != nil {
		return state.without(joinTexts(down.Error(), a.rehearsed.trouble)), nil
	}
	status, err := a.config.Nginx.Status(ctx)
	if err != nil {
		return state.without(joinTexts("the workers do not answer: "+err.Error(), a.rehearsed.trouble)), nil
	}
	state.Running, err = a.running(status)
	return state, err
}

// without is the state of a host whose nginx does not run.
func (s State) without(why string) State {
	s.LastError = why
	if s.Received != nil {
		s.Drifts = append(s.Drifts, notRunning(why))
	}
	return s
}

// Held returns the sites in buckets whose sums differ from those given, as
// snapshot.Differing does.
func (a *Applier) Held(ctx context.Context, sums [][]byte) (Held, error) {
	end, err := a.begin(ctx)
	if err != nil {
		return Held{}, err
	}
	defer end()
	held := a.wanted()
	return Held{Sites: held.Differing(sums), Names: held.NameCount()}, nil
}

func (a *Applier) running(status nginx.Status) (*Running, error) {
	wanted, err := a.render(a.wanted())
	if err != nil {
		return nil, err
	}
	master, err := a.config.Nginx.Master()
	if err != nil {
		return nil, err
	}
	return &Running{
		Status: status, Master: master, AppliedAt: a.heldAt,
		FilesHash: a.filesHash(wanted), WantedHash: wanted.want.Hash,
	}, nil
}

// filesHash is over everything but status.conf, unless that one differs from
// what it should be: then nothing else can give the same hash.
func (a *Applier) filesHash(wanted *files) string {
	found, err := a.config.Generations.Read()
	if err != nil {
		return ""
	}
	isStatus := func(file generation.File) bool { return file.Name == render.StatusFile }
	expected := a.complete(wanted)[0]
	if slices.ContainsFunc(found, func(file generation.File) bool {
		return isStatus(file) && string(file.Data) == string(expected.Data)
	}) {
		found = slices.DeleteFunc(found, isStatus)
	}
	rendered := make([]render.File, 0, len(found))
	for _, file := range found {
		rendered = append(rendered, render.File(file))
	}
	return render.Hash(rendered)
}

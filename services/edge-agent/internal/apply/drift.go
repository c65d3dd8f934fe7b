package apply

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/unified"
)

// Drift is one way in which the host differs from what was applied.
type Drift struct {
	Kind edgev1.DriftKind
	// Path below the directory of the agent; empty where it is no file.
	Path   string
	Detail string
	// Since is when it came to be, as near as that can be told; zero: it cannot.
	Since time.Time
	Cause string
	// Diff leads from what was applied to what is there, not more than its first
	// 4 KiB; empty where it is no file. It is in no log and no error.
	Diff string
	// Owner has the file now; empty where it is no file.
	Owner string
	// sum is that of what is there; empty where it is no file that can be read.
	sum string
}

// DriftError says that the host drifted and that this was to be left.
type DriftError struct{ Drifts []Drift }

// Error names the drifts.
func (e *DriftError) Error() string {
	const most = 10
	var texts []string
	for _, drift := range e.Drifts[:min(most, len(e.Drifts))] {
		texts = append(texts, drift.String())
	}
	if more := len(e.Drifts) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return "the host drifted and nothing was overwritten: " + strings.Join(texts, "; ")
}

// String returns where and what.
func (d Drift) String() string {
	if d.Path == "" {
		return d.Detail
	}
	return unified.Harmless(d.Path) + " " + d.Detail
}

// look says how the host differs from what was applied last. Without a snapshot,
// or after an order whose outcome is not known, nothing can be said.
func (a *Applier) look(ctx context.Context) ([]Drift, error) {
	if a.held == nil || !a.record.tellsDrift() {
		return nil, nil
	}
	if err := a.watch(); err != nil {
		return nil, err
	}
	drifts := a.fileDrifts()
	a.compare(drifts)
	return append(drifts, a.workerDrifts(ctx)...), nil
}

// fileDrifts compares the files, and the link that leads nginx to them.
func (a *Applier) fileDrifts() []Drift {
	number := a.record.Want.Generation
	entries, dir := a.config.Generations.Look(number)
	drifts := a.linkDrift()
	found := map[string]bool{}
	for _, entry := range entries {
		found[entry.Name] = true
		wanted, ours := a.record.Files[entry.Name]
		drift := Drift{Path: generation.Below(number, entry.Name), Since: entry.Modified, Owner: ownerName(entry.Owner), sum: entry.Sum}
		switch {
		case !ours:
			drift.Kind, drift.Detail = edgev1.DriftKind_DRIFT_KIND_FILE_ADDED, "was not written by the agent"
			drift.Cause = by("added", entry.Owner)
		case entry.Sum != wanted:
			drift.Kind, drift.Detail = edgev1.DriftKind_DRIFT_KIND_FILE_CHANGED, "holds something else than the agent wrote"
			drift.Cause = by("edited", entry.Owner)
		default:
			continue
		}
		drifts = append(drifts, drift)
	}
	for name := range a.record.Files {
		if !found[name] {
			drifts = append(drifts, Drift{
				Kind: edgev1.DriftKind_DRIFT_KIND_FILE_MISSING, Path: generation.Below(number, name), Detail: "is gone",
				Since: dir.Modified, Cause: by("removed", dir.Owner),
			})
		}
	}
	slices.SortStableFunc(drifts, func(a, b Drift) int { return cmp.Compare(a.Path, b.Path) })
	return drifts
}

func (a *Applier) linkDrift() []Drift {
	wanted := generation.Below(a.record.Want.Generation, "")
	target, entry := a.config.Generations.Link()
	if target == wanted {
		return nil
	}
	detail := "leads to " + unified.Harmless(target) + " instead of " + wanted
	if target == "" {
		detail = "is gone or is no link; it led to " + wanted
	}
	return []Drift{{
		Kind: edgev1.DriftKind_DRIFT_KIND_LINK_CHANGED, Path: generation.LinkName, Detail: detail,
		Since: entry.Modified, Cause: by("changed", entry.Owner),
	}}
}

// workerDrifts trusts no answer alone: an edited file does not change what the
// workers say about themselves, so that they are ours counts as well.
func (a *Applier) workerDrifts(ctx context.Context) []Drift {
	if time.Now().Before(a.record.SettlesAt) {
		return nil
	}
	var drifts []Drift
	if reload := a.record.Reloaded; reload != nil {
		drifts = append(drifts, reloadDrift(reload))
	}
	want := a.record.Want
	status, err := a.config.Nginx.Status(ctx)
	if err != nil || status.Generation == want.Generation && status.Hash == want.Hash {
		return drifts
	}
	detail := fmt.Sprintf("the workers answer generation %d, applied was %d", status.Generation, want.Generation)
	if status.Generation == want.Generation {
		detail = fmt.Sprintf("the workers answer generation %d from other files than were applied", want.Generation)
	}
	return append(drifts, Drift{
		Kind: edgev1.DriftKind_DRIFT_KIND_WORKERS_DIFFER, Detail: detail, Cause: "somebody made nginx read other files",
	})
}

func reloadDrift(reload *nginx.Reload) Drift {
	drift := Drift{Kind: edgev1.DriftKind_DRIFT_KIND_RELOADED, Since: reload.Since}
	drift.Detail = fmt.Sprintf("all workers of nginx master %d were replaced without an order of the agent, and may run anything", reload.Master)
	drift.Cause = "reloaded by hand, for instance by `nginx -s reload`"
	if reload.Restarted {
		drift.Detail = fmt.Sprintf("nginx was restarted as master %d without an order of the agent, and may run anything", reload.Master)
		drift.Cause = "started by hand, or by an init system that knows this nginx too"
	}
	return drift
}

// notRunning is what is left to say when nginx does not answer.
func notRunning(detail string) Drift {
	return Drift{Kind: edgev1.DriftKind_DRIFT_KIND_NOT_RUNNING, Detail: detail}
}

// by names the owner of what was changed: whoever may write the agent's directory
// is its own user or root.
func by(did string, owner int) string {
	text := fmt.Sprintf("%s by user %s (uid %d)", did, userName(owner), owner)
	if owner == os.Geteuid() && owner != 0 {
		text += " or by root"
	}
	return text
}

func userName(uid int) string {
	found, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return "without a name"
	}
	return found.Username
}

// ownerName is the name of a user, or the number where there is none.
func ownerName(uid int) string {
	found, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid)
	}
	return found.Username
}

// logDrifts leaves a trace of what is found where nobody asked.
func (a *Applier) logDrifts(ctx context.Context, message string, drifts []Drift) {
	for _, drift := range drifts {
		a.config.Logger.WarnContext(ctx, message, telemetry.KeyReason, drift.String(), "cause", drift.Cause)
	}
}

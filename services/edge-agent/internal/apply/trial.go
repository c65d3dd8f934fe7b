package apply

import (
	"errors"
	"fmt"
	"slices"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// mostTests is how many tests by nginx one apply may spend on finding the sites
// to blame: enough for some six among thousands. Sites that are not judged when
// they are spent stay as they are held, unblamed; the digest in the answer tells,
// and the next apply of the same goes on from there.
const mostTests = 100

// trial takes a snapshot apart when it is refused: it finds the sites to blame,
// and what is held instead of them.
//
// What is held instead is the spec and revision of before under the hostnames of
// now: names belong to the site, not to a revision, and must go when they shall
// go. A site that was not there before is left out. So a trial never keeps a name
// from the site that it moves to.
type trial struct {
	held *snapshot.Snapshot
	// next is what was sent, without the rejected sites.
	next     *snapshot.Snapshot
	rejected []snapshot.Rejection
	// test asks nginx; tests counts how often it did.
	test  func(*snapshot.Snapshot) error
	tests int
	// sane says that nginx takes a snapshot without sites.
	sane bool
}

func newTrial(held, next *snapshot.Snapshot) *trial { return &trial{held: held, next: next} }

// kept returns what is held instead of a site, nil for nothing.
func (t *trial) kept(site *edgev1.Site) *edgev1.Site {
	before := t.held.Site(site.GetSiteId())
	if before == nil {
		return nil
	}
	return &edgev1.Site{
		SiteId: before.GetSiteId(), Revision: before.GetRevision(), Spec: before.GetSpec(), Hostnames: site.GetHostnames(),
	}
}

// reject notes why a site is not taken over. instead may be nil.
func (t *trial) reject(site, instead *edgev1.Site, why string) {
	t.rejected = append(t.rejected, snapshot.Rejection{
		SiteID: site.GetSiteId(), Revision: site.GetRevision(), Message: why, Kept: instead.GetRevision(),
	})
}

// candidates are the changed sites that have something else to fall back to.
func (t *trial) candidates() []*edgev1.Site {
	var candidates []*edgev1.Site
	for _, id := range t.next.Changed(t.held) {
		site := t.next.Site(id)
		if kept := t.kept(site); kept == nil || snapshot.Sum(kept) != snapshot.Sum(site) {
			candidates = append(candidates, site)
		}
	}
	return candidates
}

// settle rejects, without asking nginx, the changed sites that cannot be
// rendered. It tells whether there were any.
func (t *trial) settle() bool {
	owner, instead := t.owners(), map[string]*edgev1.Site{}
	for _, id := range t.next.Changed(t.held) {
		site := t.next.Site(id)
		why := unfit(site, owner)
		if why == "" {
			continue
		}
		kept := t.kept(site)
		if kept != nil {
			kept.Hostnames = usable(site, owner)
		}
		if kept != nil && render.Check(kept) != nil {
			kept = nil
		}
		instead[id] = kept
		t.reject(site, kept, why)
	}
	t.next = t.next.With(instead)
	return len(instead) > 0
}

// owners says which site has each hostname: the one that has it already, then the
// first.
func (t *trial) owners() map[string]string {
	owner, sites := map[string]string{}, t.next.Sites()
	for _, site := range sites {
		for _, hostname := range t.held.Site(site.GetSiteId()).GetHostnames() {
			if slices.Contains(site.GetHostnames(), hostname) {
				owner[hostname] = site.GetSiteId()
			}
		}
	}
	for _, site := range sites {
		for _, hostname := range site.GetHostnames() {
			if owner[hostname] == "" {
				owner[hostname] = site.GetSiteId()
			}
		}
	}
	return owner
}

func unfit(site *edgev1.Site, owner map[string]string) string {
	if invalid := new(render.InvalidSiteError); errors.As(render.Check(site), &invalid) {
		return invalid.Plain()
	}
	for i, hostname := range site.GetHostnames() {
		if owner[hostname] != site.GetSiteId() {
			return fmt.Sprintf("hostnames[%d]: another site is served under this name", i)
		}
	}
	return ""
}

func usable(site *edgev1.Site, owner map[string]string) []string {
	var hostnames []string
	for _, hostname := range site.GetHostnames() {
		if _, err := encode.ParseHostname(hostname); err == nil && owner[hostname] == site.GetSiteId() {
			hostnames = append(hostnames, hostname)
		}
	}
	return hostnames
}

// errSpent says that no test is left.
var errSpent = errors.New("too many tests")

// isolate finds the sites that nginx refuses and leaves those in next that it
// takes; test asks it. It starts from what needs no candidate and adds those that
// pass, in the order of their ids: of two that are refused together only, the
// later is to blame. For k sites among n it takes at most k·(log2(n)+1)+1 tests.
// Without anybody to blame it returns refusal; that nginx could not judge blames
// nobody.
func (t *trial) isolate(refusal *nginx.RejectedError, test func(*snapshot.Snapshot) error) error {
	t.test = test
	rest := t.candidates()
	good := t.without(rest)
	nobody, err := t.ask(good)
	if nobody != nil {
		return refusal
	}
	for err == nil && len(rest) > 0 {
		good, rest, err = t.add(good, rest, refusal)
		refusal = nil
	}
	if err != nil && !errors.Is(err, errSpent) {
		return err
	}
	t.next = good
	return nil
}

// add adds sites to good up to the first that nginx refuses, rejects that one and
// returns the others. refusal says that all together are known to be refused, and
// why.
func (t *trial) add(good *snapshot.Snapshot, rest []*edgev1.Site, refusal *nginx.RejectedError) (*snapshot.Snapshot, []*edgev1.Site, error) {
	var err error
	if refusal == nil {
		all := with(good, rest)
		if refusal, err = t.ask(all); err != nil {
			return good, rest, err
		}
		if refusal == nil {
			return all, nil, nil
		}
	}
	passes, refusal, err := t.firstBad(good, rest, refusal)
	good = with(good, rest[:passes])
	if err != nil {
		return good, rest[passes:], err
	}
	t.reject(rest[passes], t.kept(rest[passes]), refusal.Plain())
	return good, rest[passes+1:], nil
}

// firstBad returns how many of rest can be added to good, and why nginx refuses
// the next; all of them are refused for the reason given. On an error, that many
// are known to pass.
func (t *trial) firstBad(good *snapshot.Snapshot, rest []*edgev1.Site, why *nginx.RejectedError) (int, *nginx.RejectedError, error) {
	passes, fails := 0, len(rest)
	for fails-passes > 1 {
		middle := (passes + fails) / 2
		refusal, err := t.ask(with(good, rest[:middle]))
		switch {
		case err != nil:
			return passes, nil, err
		case refusal == nil:
			passes = middle
		default:
			fails, why = middle, refusal
		}
	}
	return passes, why, nil
}

// ask returns why nginx refuses a snapshot; nil without an error: it does not.
func (t *trial) ask(next *snapshot.Snapshot) (*nginx.RejectedError, error) {
	if t.tests == mostTests {
		return nil, errSpent
	}
	t.tests++
	err := t.test(next)
	if rejected := new(nginx.RejectedError); errors.As(err, &rejected) {
		return rejected, nil
	}
	return nil, err
}

// without returns next with everything else held instead of the candidates.
func (t *trial) without(candidates []*edgev1.Site) *snapshot.Snapshot {
	instead := make(map[string]*edgev1.Site, len(candidates))
	for _, site := range candidates {
		instead[site.GetSiteId()] = t.kept(site)
	}
	return t.next.With(instead)
}

func with(base *snapshot.Snapshot, sites []*edgev1.Site) *snapshot.Snapshot {
	others := make(map[string]*edgev1.Site, len(sites))
	for _, site := range sites {
		others[site.GetSiteId()] = site
	}
	return base.With(others)
}

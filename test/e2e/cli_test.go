package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// Exit codes of the CLI that tests expect, as `siteplane exit-codes` lists them.
const (
	exitOK       = 0
	exitUsage    = 2
	exitConflict = 4
	exitDenied   = 8
)

// said is what a command of the CLI answered.
type said struct {
	code           int
	stdout, stderr string
}

// ask runs a command of the CLI with the config of the installation.
func (i *installation) ask(args ...string) (said, error) {
	command := exec.Command(program, args...)
	command.Env = i.environment()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return said{}, err
	}
	return said{code: command.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}, nil
}

// run does the same for a test that cannot go on without.
func (i *installation) run(args ...string) said {
	i.t.Helper()
	got, err := i.ask(args...)
	check(i.t, err)
	return got
}

// must runs a command that must succeed and decodes its answer.
func (i *installation) must(answer proto.Message, args ...string) {
	i.t.Helper()
	got := i.run(append(args, "-o", "json")...)
	if got.code != exitOK {
		i.t.Fatalf("siteplane %s: exit code %d: %s", strings.Join(args, " "), got.code, got.stderr)
	}
	check(i.t, protojson.Unmarshal([]byte(got.stdout), answer))
}

// create makes a site without waiting for it, and returns its id.
func (i *installation) create(name string, args ...string) string {
	i.t.Helper()
	var made lifecyclev1.GetSiteResponse
	i.must(&made, append([]string{"site", "create", name}, args...)...)
	return made.GetSite().GetSiteId()
}

func (i *installation) site(id string) *lifecyclev1.Site {
	i.t.Helper()
	var found lifecyclev1.GetSiteResponse
	i.must(&found, "site", "get", id)
	return found.GetSite()
}

// names are those of all sites, newest first.
func (i *installation) names() []string {
	i.t.Helper()
	got := i.run("site", "list", "-o", "json")
	if got.code != exitOK {
		i.t.Fatalf("list sites: exit code %d: %s", got.code, got.stderr)
	}
	var list struct {
		Sites []struct{ Name string }
	}
	check(i.t, json.Unmarshal([]byte(got.stdout), &list))
	var names []string
	for _, s := range list.Sites {
		names = append(names, s.Name)
	}
	return names
}

func (i *installation) timeline(id string) []*lifecyclev1.TimelineEntry {
	i.t.Helper()
	var timeline lifecyclev1.GetSiteTimelineResponse
	i.must(&timeline, "site", "timeline", id)
	return timeline.GetEntries()
}

// path is every status that an object of a timeline had, in order.
func path(entries []*lifecyclev1.TimelineEntry, object string) []string {
	var statuses []string
	for _, e := range entries {
		if change := e.GetStatus(); change != nil && e.GetObjectId() == object {
			statuses = append(statuses, change.GetTo())
		}
	}
	return statuses
}

// awaitStatus waits for a status of a site. ERROR ends the wait.
func (i *installation) awaitStatus(id string, want lifecyclev1.SiteStatus) *lifecyclev1.Site {
	i.t.Helper()
	var site *lifecyclev1.Site
	eventually(i.t, id+" becomes "+want.String(), func() (string, bool) {
		site = i.site(id)
		if site.GetStatus() == lifecyclev1.SiteStatus_SITE_STATUS_ERROR {
			i.t.Fatalf("the site ended in ERROR: %v", site)
		}
		return site.String(), site.GetStatus() == want
	})
	return site
}

func (i *installation) awaitActive(id string) *lifecyclev1.Site {
	i.t.Helper()
	return i.awaitStatus(id, lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE)
}

// awaitCondition waits until a condition that keeps a site from being ACTIVE has
// a reason, and returns it with the site as it was at that moment. ACTIVE ends
// the wait.
func (i *installation) awaitCondition(id, kind, reason string) (*lifecyclev1.Site, *lifecyclev1.Condition) {
	i.t.Helper()
	var site *lifecyclev1.Site
	var found *lifecyclev1.Condition
	eventually(i.t, kind+" of "+id+" becomes "+reason, func() (string, bool) {
		site = i.site(id)
		found = conditionOf(site, kind)
		if site.GetStatus() == lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE {
			i.t.Fatalf("the site is ACTIVE: %v", site)
		}
		return site.String(), found.GetReason() == reason
	})
	return site, found
}

func conditionOf(site *lifecyclev1.Site, kind string) *lifecyclev1.Condition {
	for _, c := range append(site.GetConditions(), site.GetPrimaryDomain().GetConditions()...) {
		if c.GetType() == kind {
			return c
		}
	}
	return nil
}

// wantStatus fails unless a site is where it should be.
func wantStatus(t *testing.T, site *lifecyclev1.Site, want lifecyclev1.SiteStatus) {
	t.Helper()
	if site.GetStatus() != want {
		t.Errorf("%s is %s, want %s", site.GetName(), site.GetStatus(), want)
	}
}

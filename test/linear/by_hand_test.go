package linear_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// story is a history made by hand: one slug, and one site unless it is made anew.
type story struct {
	calls []call
}

// site is what answers show of the site of a story.
func site(version int64, name string) view {
	return view{siteID: "site_1", name: name, header: "born", revision: 1, version: version, phase: settled}
}

func (v view) as(p phase) view             { v.phase = p; return v }
func (v view) spec(n int64, h string) view { v.revision, v.header = n, h; return v }

// born begins with a site that is settled.
func born() *story {
	first := view{siteID: "site_1", name: "born", header: "born", revision: 1, version: 2, phase: fresh}
	return new(story).
		tells(0, 1, ask{kind: create, value: "born"}, first).
		tells(2, 3, ask{kind: get}, site(3, "born"))
}

// adds a call from one moment to another.
func (s *story) adds(called, returned int, a ask, out answer) *story {
	a.slug = "slug"
	if a.kind != create && a.kind != find && a.siteID == "" {
		a.siteID = "site_1"
	}
	s.calls = append(s.calls, call{
		ask: a, caller: len(s.calls), at: "lifecycle", called: time.Duration(called), returned: time.Duration(returned), answer: out,
	})
	return s
}

// tells a call that was done.
func (s *story) tells(called, returned int, a ask, shows view) *story {
	return s.adds(called, returned, a, answer{done, shows})
}

// says that a call was not done.
func (s *story) says(called, returned int, a ask, v verdict) *story {
	return s.adds(called, returned, a, answer{verdict: v})
}

// of gives the last call a request id.
func (s *story) of(request string) *story {
	s.calls[len(s.calls)-1].request = request
	return s
}

func TestModel_takes(t *testing.T) {
	second := view{siteID: "site_2", name: "again", header: "again", revision: 1, version: 2, phase: fresh}
	for name, s := range map[string]*story{
		"one change after the other": born().
			tells(10, 11, ask{kind: rename, value: "a", etag: 3}, site(4, "a")).
			tells(12, 13, ask{kind: respec, value: "h"}, site(5, "a").spec(2, "h")).
			tells(14, 15, ask{kind: get}, site(7, "a").spec(2, "h")), // the engine has written, too
		"changes at once, in the order of their versions": born().
			tells(10, 20, ask{kind: rename, value: "a"}, site(5, "a")).
			tells(10, 20, ask{kind: rename, value: "b"}, site(4, "b")).
			tells(21, 22, ask{kind: get}, site(5, "a")),
		"a read beside a change, before or after it": born().
			tells(10, 20, ask{kind: rename, value: "a"}, site(4, "a")).
			tells(11, 12, ask{kind: get}, site(4, "a")).
			tells(11, 12, ask{kind: get}, site(3, "born")),
		"an etag that is old and refused": born().
			tells(10, 11, ask{kind: rename, value: "a"}, site(4, "a")).
			says(12, 13, ask{kind: rename, value: "b", etag: 3}, changed),
		"an etag that the engine has made old": born().
			says(12, 13, ask{kind: rename, value: "b", etag: 3}, changed).
			tells(14, 15, ask{kind: get}, site(4, "born")),
		"a call without an answer that was done later": born().
			says(10, 11, ask{kind: rename, value: "a"}, unanswered).
			tells(12, 13, ask{kind: get}, site(3, "born")).
			tells(14, 15, ask{kind: get}, site(4, "a")),
		"a call without an answer that was never done": born().
			says(10, 11, ask{kind: respec, value: "h"}, unanswered).
			tells(14, 15, ask{kind: get}, site(3, "born")),
		"a create without an answer that was done later": new(story).
			says(0, 1, ask{kind: create, value: "born"}, unanswered).
			tells(2, 3, ask{kind: find}, view{}).
			says(4, 5, ask{kind: create, value: "other"}, taken).
			tells(6, 7, ask{kind: find}, site(3, "born")),
		"a request that is repeated and has one answer": born().
			tells(10, 11, ask{kind: rename, value: "a", etag: 3}, site(4, "a")).of("r").
			tells(12, 13, ask{kind: rename, value: "b"}, site(5, "b")).
			tells(14, 15, ask{kind: rename, value: "a", etag: 3}, site(4, "a")).of("r").
			tells(16, 17, ask{kind: get}, site(5, "b")),
		"a request that was done by its call without an answer": born().
			says(10, 11, ask{kind: rename, value: "a"}, unanswered).of("r").
			tells(12, 13, ask{kind: rename, value: "b"}, site(5, "b")).
			says(14, 15, ask{kind: rename, value: "a"}, busy).of("r").
			tells(14, 15, ask{kind: rename, value: "a"}, site(4, "a")).of("r"),
		"a slug that is had again once its site is gone": born().
			tells(10, 11, ask{kind: remove}, site(4, "born").as(leaving)).
			says(12, 13, ask{kind: create, value: "early"}, taken).
			says(14, 15, ask{kind: rename, value: "a"}, late).
			tells(16, 17, ask{kind: remove}, site(4, "born").as(leaving)).
			tells(18, 19, ask{kind: create, value: "again"}, second).
			tells(20, 21, ask{kind: get}, site(6, "born").as(gone).spec(1, "")).
			tells(22, 23, ask{kind: find}, second),
	} {
		t.Run(name, func(t *testing.T) {
			if problems := check(s.calls, time.Minute); problems != "" {
				t.Error(problems)
			}
		})
	}
}

func TestModel_refuses(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	second := view{siteID: "site_2", name: "again", header: "again", revision: 1, version: 2, phase: fresh}
	for name, s := range map[string]*story{
		"a lost update": born().
			tells(10, 11, ask{kind: rename, value: "a"}, site(4, "a")).
			tells(12, 13, ask{kind: get}, site(4, "born")),
		"a lost update of a header beside a name": born().
			tells(10, 20, ask{kind: respec, value: "h"}, site(4, "born").spec(2, "h")).
			tells(10, 20, ask{kind: rename, value: "a"}, site(5, "a")),
		"two updates that make the same version": born().
			tells(10, 20, ask{kind: rename, value: "a"}, site(4, "a")).
			tells(10, 20, ask{kind: rename, value: "b"}, site(4, "b")),
		"two specs of the same revision": born().
			tells(10, 20, ask{kind: respec, value: "h"}, site(4, "born").spec(2, "h")).
			tells(10, 20, ask{kind: respec, value: "i"}, site(5, "born").spec(2, "i")),
		"a stale read": born().
			tells(10, 11, ask{kind: rename, value: "a"}, site(4, "a")).
			tells(12, 13, ask{kind: get}, site(3, "born")),
		"two reads that go back": born().
			tells(10, 20, ask{kind: rename, value: "a"}, site(4, "a")).
			tells(11, 12, ask{kind: get}, site(4, "a")).
			tells(13, 14, ask{kind: get}, site(3, "born")),
		"a read half of one change and half of another": born().
			tells(10, 11, ask{kind: rename, value: "a"}, site(4, "a")).
			tells(12, 13, ask{kind: get}, site(4, "a").spec(2, "h")),
		"a slug that two have": born().
			tells(10, 11, ask{kind: create, value: "again"}, second),
		"a slug that two have who asked at once": new(story).
			tells(0, 9, ask{kind: create, value: "born"}, view{"site_1", "born", "born", 1, 2, fresh}).
			tells(0, 9, ask{kind: create, value: "again"}, second),
		"a slug that is taken by nobody": new(story).
			says(0, 1, ask{kind: create, value: "born"}, taken),
		"a slug that is had again while its site is on its way out": born().
			tells(10, 11, ask{kind: remove}, site(4, "born").as(leaving)).
			tells(12, 13, ask{kind: create, value: "again"}, second).
			tells(14, 15, ask{kind: get}, site(4, "born").as(leaving)),
		"an old etag that is taken": born().
			tells(10, 11, ask{kind: rename, value: "a"}, site(4, "a")).
			tells(12, 13, ask{kind: rename, value: "b", etag: 3}, site(5, "b")),
		"the same etag that is taken twice": born().
			tells(10, 20, ask{kind: rename, value: "a", etag: 3}, site(4, "a")).
			tells(10, 20, ask{kind: rename, value: "b", etag: 3}, site(5, "b")),
		"an etag that is refused and was right": born().
			says(10, 11, ask{kind: rename, value: "a", etag: 3}, changed).
			tells(12, 13, ask{kind: get}, site(3, "born")),
		"a change that is refused without an etag": born().
			says(10, 11, ask{kind: rename, value: "a"}, changed),
		"a change of a site on its way out": born().
			tells(10, 11, ask{kind: remove}, site(4, "born").as(leaving)).
			tells(12, 13, ask{kind: rename, value: "a"}, site(5, "a").as(leaving)),
		"a change that is refused because of a deletion that nobody asked for": born().
			says(10, 11, ask{kind: rename, value: "a"}, late),
		"a site that comes back": born().
			tells(10, 11, ask{kind: remove}, site(4, "born").as(leaving)).
			tells(12, 13, ask{kind: get}, site(5, "born")),
		"a site that is not found": born().
			says(10, 11, ask{kind: get}, missing),
		"a request that is done twice": born().
			tells(10, 11, ask{kind: rename, value: "a"}, site(4, "a")).of("r").
			tells(12, 13, ask{kind: rename, value: "b"}, site(5, "b")).
			says(14, 15, ask{kind: rename, value: "a"}, unanswered).of("r").
			tells(16, 17, ask{kind: get}, site(6, "a")),
		"a request with two answers": born().
			tells(10, 11, ask{kind: rename, value: "a"}, site(4, "a")).of("r").
			tells(12, 13, ask{kind: rename, value: "a"}, site(5, "a")).of("r"),
		"a request that is refused after it was done": born().
			tells(10, 11, ask{kind: rename, value: "a", etag: 3}, site(4, "a")).of("r").
			says(12, 13, ask{kind: rename, value: "a", etag: 3}, changed).of("r"),
		"a call without an answer that was done before it was made": born().
			tells(4, 5, ask{kind: get}, site(4, "a")).
			says(10, 11, ask{kind: rename, value: "a"}, unanswered),
		"a call without an answer that was done twice": born().
			says(10, 11, ask{kind: rename, value: "a"}, unanswered).
			tells(12, 13, ask{kind: get}, site(4, "a")).
			tells(14, 15, ask{kind: rename, value: "b"}, site(5, "b")).
			tells(16, 17, ask{kind: get}, site(6, "a")),
	} {
		t.Run(name, func(t *testing.T) {
			if check(s.calls, time.Minute) == "" {
				t.Error("it is taken")
			}
		})
	}
}

func TestCheck_tells_what_it_has_found(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := born().tells(10, 11, ask{kind: rename, value: "a"}, site(4, "a")).tells(12, 13, ask{kind: get}, site(3, "born"))
	s.tells(0, 1, ask{kind: find}, view{}).calls[len(s.calls)-1].slug = "other"
	problems := check(s.calls, time.Minute)
	for _, want := range []string{"rename site_1 to a", "get site_1: site_1 v3: name born", dir + "/siteplane-linear-"} {
		if !strings.Contains(problems, want) {
			t.Errorf("%q is missing in\n%s", want, problems)
		}
	}
	if strings.Contains(problems, "other") {
		t.Errorf("it tells of a slug with nothing wrong:\n%s", problems)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("it leaves %v (%v)", left, err)
	}
}

func TestCheck_fails_when_it_does_not_end(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := born()
	for n := range 40 { // each may have been done before any of the others, so that all ways are tried
		value := fmt.Sprint(n)
		s.says(10, 11, ask{kind: rename, value: value}, unanswered)
		s.tells(100+2*n, 101+2*n, ask{kind: get}, site(int64(100+n), value))
	}
	s.tells(1000, 1001, ask{kind: get}, site(1000, "born"))
	if problems := check(s.calls, 50*time.Millisecond); !strings.Contains(problems, string(porcupine.Unknown)) {
		t.Errorf("it says %q", problems)
	}
}

package app_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// F39: what somebody did to a file is told line by line, with who and since when.
func TestGetState_drift_shows_what_was_edited(t *testing.T) {
	e := startEdge(t)
	e.mustPut(3, newSite(1, "127.0.0.1:9", "shop.example.com"))
	path := e.current("servers.conf")
	good := e.files()["servers.conf"]
	check(t, os.WriteFile(path, []byte(strings.Replace(good, "return 421;", "return 418;", 1)), 0o600))
	owner := os.Geteuid()
	if owner == 0 {
		owner = 12345 // a user without a name
		check(t, os.Chown(path, owner, -1))
	}
	drift := e.wantDrift("FILE_CHANGED generations/3/servers.conf")[0]
	if owner == 12345 && drift.GetOwner() != strconv.Itoa(owner) || drift.GetOwner() == "" {
		t.Errorf("the owner is %q", drift.GetOwner())
	}
	info, err := os.Stat(path)
	check(t, err)
	if !drift.GetSince().AsTime().Equal(info.ModTime()) {
		t.Errorf("since %v, modified at %v", drift.GetSince().AsTime(), info.ModTime())
	}
	diff := drift.GetDiff()
	if !strings.HasPrefix(diff, "--- generations/3/servers.conf\n+++ generations/3/servers.conf\n@@ -") ||
		!strings.Contains(diff, "-    return 421;\n") || !strings.Contains(diff, "+    return 418;\n") || strings.Count(diff, "\n+") != 2 {
		t.Errorf("the diff is\n%s", diff)
	}
	if again := e.wantDrift("FILE_CHANGED generations/3/servers.conf")[0]; again.GetDiff() != diff {
		t.Errorf("the second look shows\n%s", again.GetDiff())
	}
	e.stopAgent()
	e.start()
	if again := e.wantDrift("FILE_CHANGED generations/3/servers.conf")[0]; again.GetDiff() != diff {
		t.Errorf("another agent shows\n%s", again.GetDiff())
	}
	e.sub("another edit of the same file is another diff", func(t *testing.T) {
		appendTo(t, path, "# "+secret+"\n")
		again := e.wantDrift("FILE_CHANGED generations/3/servers.conf")[0]
		if !strings.Contains(again.GetDiff(), "+# "+secret+"\n") || !strings.Contains(again.GetDiff(), "return 418") {
			t.Errorf("the diff is\n%s", again.GetDiff())
		}
	})
	e.sub("the apply that overwrites it shows it too, and no log does", func(t *testing.T) {
		response := e.mustPut(4, newSite(2, "127.0.0.1:9", "other.example.com"))
		if diff := response.GetDrifts()[0].GetDiff(); !strings.Contains(diff, secret) {
			t.Errorf("the diff is\n%s", diff)
		}
		if strings.Contains(e.log.String(), secret) {
			t.Error("the log holds the contents of a file")
		}
	})
}

func TestGetState_drift_shows_files_that_are_not_ours(t *testing.T) {
	e := startEdge(t)
	e.mustPut(3, newSite(1, "127.0.0.1:9", "shop.example.com"))
	// Whatever it holds and whatever it is called, it only shows.
	hostile := "\x1b]0;owned\x07\r\n\xff\xfe\u202e\n"
	check(t, os.WriteFile(e.current("b\x1b[2J\xff.conf"), []byte(hostile), 0o600))
	check(t, os.WriteFile(e.current("a.conf"), []byte("# mine\nserver {}\n"), 0o600))
	check(t, os.WriteFile(e.current("c.conf"), []byte(strings.Repeat("0123456789\n", 100_000)), 0o600))
	check(t, syscall.Mkfifo(e.current("d.conf"), 0o600))
	check(t, os.Symlink("/etc/passwd", e.current("e.conf")))
	check(t, os.Remove(e.current("maps.conf")))
	drifts := e.wantDrift("FILE_ADDED generations/3/a.conf, FILE_ADDED generations/3/b\\x1b[2J\\xff.conf, FILE_ADDED generations/3/c.conf, " +
		"FILE_ADDED generations/3/d.conf, FILE_ADDED generations/3/e.conf, FILE_MISSING generations/3/maps.conf")
	if got := drifts[0].GetDiff(); got != "--- /dev/null\n+++ generations/3/a.conf\n@@ -0,0 +1,2 @@\n+# mine\n+server {}\n" {
		t.Errorf("the diff of a new file is %q", got)
	}
	if got := drifts[1].GetDiff(); !strings.HasSuffix(got, "@@ -0,0 +1,2 @@\n+\\x1b]0;owned\\x07\\x0d\n+\\xff\\xfe\\u{202e}\n") {
		t.Errorf("the diff of a hostile file is %q", got)
	}
	if got := drifts[2].GetDiff(); len(got) > 4096 || len(got) < 4000 || !utf8.ValidString(got) || !strings.HasSuffix(got, "\n\\ the rest is left out\n") {
		t.Errorf("the diff of a large file has %d bytes: %q", len(got), got)
	}
	for _, drift := range drifts[3:] {
		if drift.GetDiff() != "" {
			t.Errorf("%s shows %q", drift.GetPath(), drift.GetDiff())
		}
	}
	if missing := drifts[5]; missing.GetOwner() != "" || drifts[0].GetOwner() == "" {
		t.Errorf("owners are %q and %q", drifts[0].GetOwner(), missing.GetOwner())
	}
	if e.mustPut(4, newSite(2, "127.0.0.1:9", "other.example.com")); strings.Contains(e.log.String(), "\xff") {
		t.Error("the log is no text any more")
	}
	e.wantDrift("")
}

package unified_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/siteplane/siteplane/services/edge-agent/internal/unified"
)

const plenty = 1 << 30

func compare(before, after string, most int) unified.Diff {
	return unified.Compare(unified.Text{Name: "a/x", Data: []byte(before)}, unified.Text{Name: "b/x", Data: []byte(after)}, most)
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name, before, after, want string
	}{
		{"equal texts", "a\nb\n", "a\nb\n", ""},
		{"nothing at all", "", "", ""},
		{"a line in the middle", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
			"--- a/x\n+++ b/x\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"},
		{"a text that comes", "", "a\nb\n", "--- a/x\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"a text that goes", "a\nb\n", "", "--- a/x\n+++ b/x\n@@ -1,2 +0,0 @@\n-a\n-b\n"},
		{"the end of the last line", "a\nb", "a\nb\n",
			"--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"},
		{"what commands a terminal", "", "\x1b]0;title\x07\tx\r\u009b31m\u202eevil\xff\x7f ä\n",
			"--- a/x\n+++ b/x\n@@ -0,0 +1,1 @@\n+\\x1b]0;title\\x07\tx\\x0d\\u{9b}31m\\u{202e}evil\\xff\\x7f ä\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := compare(c.before, c.after, plenty); got.Text != c.want || got.Truncated {
				t.Errorf("got %q, want %q", got.Text, c.want)
			}
		})
	}
}

// Whatever the texts are, patch makes the one of the other.
func TestCompare_is_what_patch_needs(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	for round := range 60 {
		before := randomText(random)
		after := mutate(random, before)
		diff := compare(before, after, plenty)
		if diff.Text == "" {
			if before != after {
				t.Fatalf("round %d: no diff from %q to %q", round, before, after)
			}
			continue
		}
		if got := patch(t, dir, before, diff.Text); got != after {
			t.Fatalf("round %d: patch gives %q, want %q, of\n%s", round, got, after, diff.Text)
		}
		added, removed := strings.Count(diff.Text, "\n+")-1, strings.Count(diff.Text, "\n-")
		if diff.Added != added || diff.Removed != removed {
			t.Errorf("round %d: %d come and %d go, the text has %d and %d", round, diff.Added, diff.Removed, added, removed)
		}
	}
}

func patch(t *testing.T, dir, before, diff string) string {
	t.Helper()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	check(t, os.WriteFile(from, []byte(before), 0o600))
	command := exec.CommandContext(t.Context(), "patch", "--fuzz=0", "--force", "-o", to, from)
	command.Stdin = strings.NewReader(diff)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("patch: %v\n%s\n%s", err, output, diff)
	}
	after, err := os.ReadFile(to)
	check(t, err)
	return string(after)
}

// randomText has lines that are alike, and sometimes no end of the last one.
func randomText(random *rand.Rand) string {
	var text strings.Builder
	for range random.IntN(40) {
		fmt.Fprintf(&text, "line %d\n", random.IntN(8))
	}
	return cutEnd(random, text.String())
}

func mutate(random *rand.Rand, text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		switch random.IntN(12) {
		case 0:
		case 1:
			lines = append(lines, "-- changed\n")
		case 2:
			lines = append(lines, line, "++ added\n")
		default:
			lines = append(lines, strings.TrimSuffix(line, "\n")+"\n")
		}
	}
	return cutEnd(random, strings.Join(lines, ""))
}

func cutEnd(random *rand.Rand, text string) string {
	if random.IntN(3) == 0 {
		return strings.TrimSuffix(text, "\n")
	}
	return text
}

func TestCompare_cuts_the_text_and_counts_the_whole(t *testing.T) {
	var before, after strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&before, "before %d\n", i)
		fmt.Fprintf(&after, "after %d\n", i)
	}
	whole, cut := compare(before.String(), after.String(), plenty), compare(before.String(), after.String(), 4096)
	if !cut.Truncated || len(cut.Text) > 4096 || len(cut.Text) < 4000 || !strings.HasPrefix(whole.Text, cut.Text) || !strings.HasSuffix(cut.Text, "\n") {
		t.Errorf("%t, %d bytes, ends with %q", cut.Truncated, len(cut.Text), cut.Text[len(cut.Text)-20:])
	}
	if whole.Truncated || cut.Added != 1000 || cut.Removed != 1000 {
		t.Errorf("%d come, %d go", cut.Added, cut.Removed)
	}
	t.Run("within a line that is too long alone", func(t *testing.T) {
		cut := compare("", strings.Repeat("ä", 5000)+"\n", 4096)
		if !cut.Truncated || len(cut.Text) < 4090 || len(cut.Text) > 4096 || !utf8.ValidString(cut.Text) || cut.Added != 1 {
			t.Errorf("%t, %d bytes, %d lines", cut.Truncated, len(cut.Text), cut.Added)
		}
	})
}

// large are pairs of the size of the largest maps; the last are what makes the best
// diff slow.
func large() map[string][2]string {
	const lines = 200_000
	var some, few, other, alike, mixed strings.Builder
	for i := range lines {
		line := fmt.Sprintf("    www.site%d.example.com 192.0.2.1:%d;\n", i, i%50000)
		some.WriteString(line)
		fmt.Fprintf(&other, "    www.other%d.example.com 192.0.2.1:80;\n", i)
		if i%9973 == 7 {
			line = "    changed;\n"
		}
		few.WriteString(line)
		alike.WriteString([]string{"}\n", "{\n", "x\n"}[i*7919%3*(i%5)%3])
		mixed.WriteString([]string{"}\n", "{\n", "x\n", "y\n"}[(i*i+i/3)%4])
	}
	return map[string][2]string{
		"few lines differ": {some.String(), few.String()}, "all lines differ": {some.String(), other.String()},
		"all lines are alike": {alike.String(), mixed.String()},
	}
}

func TestCompare_of_large_texts(t *testing.T) {
	dir := t.TempDir()
	for name, pair := range large() {
		t.Run(name, func(t *testing.T) {
			diff := compare(pair[0], pair[1], plenty)
			if name == "few lines differ" && (diff.Added != 21 || diff.Removed != 21) {
				t.Errorf("%d come, %d go", diff.Added, diff.Removed)
			}
			if got := patch(t, dir, pair[0], diff.Text); got != pair[1] {
				t.Error("patch does not give the other text")
			}
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	for name, pair := range large() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				compare(pair[0], pair[1], 64<<10)
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

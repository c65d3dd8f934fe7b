package crash_test

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// record is what there was at a moment of a scene: rows, the files of nginx, and
// what the simulated Cloudflare holds. Two records of the same moment are equal
// byte for byte.
type record struct{ moment, content string }

// record writes down what this scene has made so far.
func (r *scene) record(moment string, now tables) (record, error) {
	news := now.since(r.before)
	named := r.names(news)
	var out strings.Builder
	for _, table := range slices.Sorted(maps.Keys(news)) {
		for _, line := range normalRows(table, news[table], named) {
			fmt.Fprintln(&out, line)
		}
	}
	files, err := r.w.nginxFiles()
	if err != nil {
		return record{}, err
	}
	for _, text := range []string{files, string(r.w.cloudflare.Snapshot())} {
		out.WriteString(normalText(named.Replace(text)))
	}
	return record{moment, out.String()}, nil
}

// names replaces what every scene calls otherwise by what it is.
func (r *scene) names(news tables) *strings.Replacer {
	known := map[string]string{r.slug: "<slug>"}
	for _, s := range news["site"] {
		known[s["id"]] = "<site>"
	}
	for _, d := range news["domain"] {
		known[d["id"]] = "<domain " + strings.ReplaceAll(d["hostname"], r.slug, "<slug>") + ">"
	}
	for _, c := range news["claim"] {
		known[c["token"]] = "<token>"
	}
	for _, d := range news["drift"] {
		known[d["id"]] = "<drift>"
	}
	nameOperations(known, news["operation"])
	var pairs []string
	for _, id := range slices.Sorted(maps.Keys(known)) {
		pairs = append(pairs, id, known[id])
	}
	return strings.NewReplacer(pairs...)
}

// nameOperations counts those of each kind on each object.
func nameOperations(known map[string]string, operations []row) {
	operations = slices.Clone(operations)
	slices.SortStableFunc(operations, func(a, b row) int { return cmp.Compare(a["created_at"], b["created_at"]) })
	counts := map[string]int{}
	for _, o := range operations {
		what := o["kind"] + " of " + known[o["object_id"]]
		counts[what]++
		known[o["id"]] = fmt.Sprintf("<%s, %d>", what, counts[what])
	}
}

// nginxFiles are the files that nginx runs, one after the other.
func (w *world) nginxFiles() (string, error) {
	dir, err := filepath.EvalSymlinks(w.path("edge", "current"))
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for line := range strings.Lines(string(content)) {
			fmt.Fprintf(&out, "%s: %s\n", entry.Name(), strings.TrimRight(line, "\n"))
		}
		return err
	})
	return out.String(), err
}

// wantSame fails the test where a run that was cut off differs from one that was
// not.
func wantSame(t *testing.T, got, want []record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d moments were recorded, want %d", len(got), len(want))
	}
	for i, r := range want {
		if got[i].content != r.content {
			t.Errorf("%s, - without a death, + with it:\n%s", r.moment, difference(r.content, got[i].content))
		}
	}
}

// difference returns the lines that only one of two texts has.
func difference(before, after string) string {
	one, other := slices.Collect(strings.Lines(before)), slices.Collect(strings.Lines(after))
	return only("- ", one, other) + only("+ ", other, one)
}

func only(sign string, lines, others []string) string {
	count := map[string]int{}
	for _, line := range others {
		count[line]++
	}
	var out strings.Builder
	for _, line := range lines {
		if count[line]--; count[line] < 0 {
			out.WriteString(sign + line)
		}
	}
	return out.String()
}

package fleet

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// step is one thing that docs/edge.md has somebody type, or carry from host to host.
type step struct {
	// line is where in the page it is, from 1.
	line int
	host string
	// command is what is typed; empty where a file is carried to host instead.
	command string
	// prints are the lines that the page shows, nil when it shows none.
	prints []string
	// file is carried from the host called from.
	file, from string
}

var (
	typed   = regexp.MustCompile(`^([a-z0-9]+)[$#] (.+)$`)
	carried = regexp.MustCompile(`^<!-- carry: (\S+) (\S+) (\S+) -->$`)
)

// parse returns the steps of each section of a page, by its title.
func parse(page string) (map[string][]step, error) {
	sections, title, inside := map[string][]step{}, "", false
	for i, line := range strings.Split(page, "\n") {
		steps := sections[title]
		command, carry := typed.FindStringSubmatch(line), carried.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(line, "## "), strings.HasPrefix(line, "### "):
			title = strings.TrimLeft(line, "# ")
		case line == "```console":
			inside = true
		case line == "```":
			inside = false
		case carry != nil:
			sections[title] = append(steps, step{line: i + 1, host: carry[3], file: carry[1], from: carry[2]})
		case !inside:
		case command != nil:
			sections[title] = append(steps, step{line: i + 1, host: command[1], command: command[2]})
		case len(steps) == 0:
			return nil, fmt.Errorf("line %d: output before a command", i+1)
		default:
			last := &steps[len(steps)-1]
			last.prints = append(last.prints, line)
		}
	}
	return sections, nil
}

// matches reports whether an output is what a page shows: "..." stands for anything, and
// alone on a line for any lines.
func matches(shown []string, output string) bool {
	var pattern strings.Builder
	for _, line := range shown {
		if line == "..." {
			pattern.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		var parts []string
		for _, part := range strings.Split(line, "...") {
			parts = append(parts, spaces.ReplaceAllString(regexp.QuoteMeta(part), ` +`))
		}
		pattern.WriteString(strings.Join(parts, `[^\n]*?`) + ` *\n`)
	}
	return shown == nil || regexp.MustCompile(`^`+pattern.String()+`$`).MatchString(output)
}

// spaces vary with the widths of ids.
var spaces = regexp.MustCompile(` {2,}`)

// page is docs/edge.md.
func readPage(t *testing.T) map[string][]step {
	t.Helper()
	text, err := os.ReadFile("../../docs/edge.md")
	check(t, err)
	sections, err := parse(string(text))
	check(t, err)
	return sections
}

// play does what a section of the page says, as it stands there, or with another edge in
// the place of its own.
func (n *network) play(section string, instead ...string) {
	n.t.Helper()
	steps := readPage(n.t)[section]
	if len(steps) == 0 {
		n.t.Fatalf("docs/edge.md has nothing to type in %q", section)
	}
	other := strings.NewReplacer(instead...)
	for _, s := range steps {
		on := n.named(other.Replace(s.host))
		if s.command == "" {
			n.carry(s.file, n.named(other.Replace(s.from)), on)
			continue
		}
		output, exit := on.try(other.Replace(s.command))
		if exit != 0 {
			n.t.Fatalf("docs/edge.md, line %d: %s ended with %d: %s", s.line, s.command, exit, output)
		}
		if len(instead) == 0 && !matches(s.prints, output) {
			n.t.Fatalf("docs/edge.md, line %d: %s shows\n%s\nit printed\n%s", s.line, s.command, strings.Join(s.prints, "\n"), output)
		}
	}
}

func (n *network) named(name string) *host {
	n.t.Helper()
	for _, h := range n.hosts {
		if h.name == name {
			return h
		}
	}
	n.t.Fatalf("there is no host %s", name)
	return nil
}

// carry is somebody who copies a secret from window to window.
func (n *network) carry(file string, from, to *host) {
	n.t.Helper()
	text, err := os.ReadFile(from.file("/root/" + file))
	check(n.t, err)
	check(n.t, os.WriteFile(to.file("/root/"+file), text, 0o600))
	check(n.t, os.Remove(from.file("/root/"+file)))
}

func TestPage_has_every_incident(t *testing.T) {
	text, err := os.ReadFile("../../docs/edge.md")
	check(t, err)
	for number, name := range edgev1.IncidentKind_name {
		if kind := strings.TrimPrefix(name, "INCIDENT_KIND_"); number > 0 && !strings.Contains(string(text), "\n| "+kind+" |") {
			t.Errorf("docs/edge.md does not tell of %s", kind)
		}
	}
}

func TestParse(t *testing.T) {
	sections, err := parse("# T\n\n## A\n\n```console\nops$ one < x\nshown\nfra1# two\n```\n\n    $ not this\n<!-- carry: token ops fra1 -->\n## B\n```console\nops$ three\n```\n")
	check(t, err)
	want := []string{"6 ops one < x [shown]  ", "8 fra1 two []  ", "12 fra1  [] token ops"}
	for i, s := range sections["A"] {
		if got := fmt.Sprintf("%d %s %s %v %s %s", s.line, s.host, s.command, s.prints, s.file, s.from); i >= len(want) || got != want[i] {
			t.Errorf("step %d is %q", i, got)
		}
	}
	if len(sections["A"]) != len(want) || len(sections["B"]) != 1 {
		t.Errorf("there are %v", sections)
	}
	for _, c := range []struct {
		shown  []string
		output string
		want   bool
	}{
		{nil, "anything\n", true},
		{[]string{"a"}, "a\nb\n", false},
		{[]string{"a", "..."}, "a\nb\n", true},
		{[]string{"...", "Name  fra1"}, "x\nName    fra1\n", true},
		{[]string{"id ... is on"}, "id 1 is off\n", false},
	} {
		if got := matches(c.shown, c.output); got != c.want {
			t.Errorf("%q matches %q: %t", c.shown, c.output, got)
		}
	}
}

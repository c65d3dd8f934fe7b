// Package docs holds documents to their word: the commands that a page of docs/ shows
// are run as they stand there, in order, and must print what the page says they print.
//
// A page is run by its ```console blocks. "$ " begins a command and "> " continues it;
// the lines after it are what it prints, where "..." stands for anything, and a line of
// "..." alone for any lines. "# exits with N" behind a command names its exit code; it
// is 0 otherwise. A page that shows no output of a command says nothing about it. Two
// comments, which readers do not see, tell what a shell cannot know:
//
//	<!-- run: background -->   the next block's command goes on; wait for what it prints
//	<!-- run: interrupt -->    the command in the background gets Ctrl-C
package docs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// action is one thing that a page does.
type action struct {
	// line is where in the page it is, from 1.
	line int
	kind kind
	// command is what is typed, empty for an interrupt.
	command string
	exit    int
	// prints are the lines that the page shows, nil when it shows none.
	prints []string
}

type kind int

const (
	run kind = iota
	background
	interrupt
)

var exits = regexp.MustCompile(`\s+# exits with (\d+)$`)

// parse reads what a page does.
func parse(page string) (actions []action, err error) {
	inside, next := false, run
	for i, line := range strings.Split(page, "\n") {
		switch {
		case inside && line == "```":
			inside = false
		case inside:
			if actions, err = typed(actions, next, i+1, line); err != nil {
				return nil, err
			}
			if strings.HasPrefix(line, "$ ") {
				next = run
			}
		case line == "```console":
			inside = true
		case line == "<!-- run: background -->":
			next = background
		case line == "<!-- run: interrupt -->":
			actions = append(actions, action{line: i + 1, kind: interrupt})
		case strings.HasPrefix(line, "<!-- run:"):
			return nil, fmt.Errorf("line %d: nobody knows %s", i+1, line)
		}
	}
	return actions, nil
}

// typed reads one line of a console.
func typed(actions []action, kind kind, number int, line string) ([]action, error) {
	if command, ok := strings.CutPrefix(line, "$ "); ok {
		a := action{line: number, kind: kind, command: command}
		if m := exits.FindStringSubmatch(command); m != nil {
			a.command = strings.TrimSuffix(command, m[0])
			a.exit, _ = strconv.Atoi(m[1]) // digits
		}
		return append(actions, a), nil
	}
	if len(actions) == 0 {
		return nil, fmt.Errorf("line %d: output before a command", number)
	}
	last := &actions[len(actions)-1]
	if more, ok := strings.CutPrefix(line, "> "); ok && last.prints == nil {
		last.command += "\n" + more
		return actions, nil
	}
	last.prints = append(last.prints, line)
	return actions, nil
}

// matches reports whether an output is what a page shows.
func matches(shown []string, output string) bool {
	if len(shown) == 0 {
		return true
	}
	var pattern strings.Builder
	pattern.WriteString(`^`)
	for _, line := range shown {
		if line == "..." {
			pattern.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		parts := strings.Split(line, "...")
		for i, part := range parts {
			if i > 0 {
				pattern.WriteString(`[^\n]*?`)
			}
			pattern.WriteString(spaces.ReplaceAllString(regexp.QuoteMeta(part), ` +`))
		}
		pattern.WriteString(` *\n`)
	}
	pattern.WriteString(`$`)
	return regexp.MustCompile(pattern.String()).MatchString(output)
}

// spaces vary with the widths of ids.
var spaces = regexp.MustCompile(` {2,}`)

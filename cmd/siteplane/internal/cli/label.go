package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// labelFlags is the value of a flag that gives labels; each use adds one.
type labelFlags map[string]string

func (l *labelFlags) String() string { return "" }
func (l *labelFlags) Type() string   { return "KEY=VALUE" }

// Set adds KEY=VALUE.
func (l *labelFlags) Set(text string) error {
	key, value, found := strings.Cut(text, "=")
	if !found || key == "" {
		return errors.New("must be KEY=VALUE")
	}
	if *l == nil {
		*l = labelFlags{}
	}
	(*l)[key] = value
	return nil
}

// labelChanges are the labels to give and the keys of those to take off.
type labelChanges struct {
	give labelFlags
	take []string
}

// parseLabelChanges reads KEY=VALUE, which gives a label, and KEY-, which takes one off.
func parseLabelChanges(args []string) (changes labelChanges, err error) {
	named := map[string]bool{}
	for _, arg := range args {
		key, _, gives := strings.Cut(arg, "=")
		switch {
		case gives && key != "":
			_ = changes.give.Set(arg) // it has both parts
		case !gives && len(arg) > 1 && strings.HasSuffix(arg, "-"):
			key = strings.TrimSuffix(arg, "-")
			changes.take = append(changes.take, key)
		default:
			return changes, fmt.Errorf("%q is neither KEY=VALUE, which gives a label, nor KEY-, which takes one off", arg)
		}
		if named[key] {
			return changes, fmt.Errorf("the label %q is named twice", key)
		}
		named[key] = true
	}
	return changes, nil
}

// appliedTo are labels with the changes.
func (c labelChanges) appliedTo(labels map[string]string) map[string]string {
	changed := map[string]string{}
	maps.Copy(changed, labels)
	maps.Copy(changed, c.give)
	for _, key := range c.take {
		delete(changed, key)
	}
	return changed
}

// labelLine shows labels, ordered by key.
func labelLine(labels map[string]string) string {
	var line []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		line = append(line, key+"="+labels[key])
	}
	return strings.Join(line, ", ")
}

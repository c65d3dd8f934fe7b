package document

import (
	"fmt"
	"strings"
)

// block is a paragraph or a list of a description.
type block struct {
	List  bool
	Items [][]span
}

// span is a run of text or code.
type span struct {
	Code bool
	Text string
}

// blocks reads a description: paragraphs, lists of lines that begin with a hyphen, and
// code between backticks. What it does not know it takes as text.
func blocks(text string) (all []block) {
	for part := range strings.SplitSeq(text, "\n\n") {
		switch part = strings.TrimSpace(part); {
		case part == "":
		case strings.HasPrefix(part, "- "):
			list := block{List: true}
			for item := range strings.SplitSeq(strings.TrimPrefix(part, "- "), "\n- ") {
				list.Items = append(list.Items, spans(item))
			}
			all = append(all, list)
		default:
			all = append(all, block{Items: [][]span{spans(part)}})
		}
	}
	return all
}

func spans(text string) (all []span) {
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 { // a backtick alone
		return []span{{Text: text}}
	}
	for i, part := range parts {
		if part != "" {
			all = append(all, span{Code: i%2 == 1, Text: part})
		}
	}
	return all
}

// typeView is a type as people read it, with the schema that tells more.
type typeView struct {
	Before, Link, After string
}

func typeOf(s schema) typeView {
	switch {
	case s.Ref != "":
		return typeView{Link: nameOf(s.Ref)}
	case len(s.AllOf) == 1:
		return typeOf(s.AllOf[0])
	case s.Items != nil:
		inner := typeOf(*s.Items)
		return typeView{Before: "list of " + inner.Before, Link: inner.Link, After: inner.After}
	case len(s.OneOf) > 0:
		return typeView{Before: "one of several"}
	case s.Type == "object" && len(s.Properties) == 0:
		return typeView{Before: "any object"}
	case s.Format != "":
		return typeView{Before: s.Type, After: " (" + s.Format + ")"}
	}
	return typeView{Before: s.Type}
}

// rules says what is demanded of a value, beyond its type.
func rules(s schema) (all []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	switch {
	case s.MinLength != nil && s.MaxLength != nil:
		add("%d to %d characters", *s.MinLength, *s.MaxLength)
	case s.MinLength != nil:
		add("at least %d characters", *s.MinLength)
	case s.MaxLength != nil:
		add("at most %d characters", *s.MaxLength)
	}
	if s.Minimum != nil {
		add("at least %d", *s.Minimum)
	}
	if s.Maximum != nil {
		add("at most %d", *s.Maximum)
	}
	if s.MinItems != nil {
		add("at least %d items", *s.MinItems)
	}
	if s.MaxItems != nil {
		add("at most %d items", *s.MaxItems)
	}
	if s.Pattern != "" {
		add("matches %s", s.Pattern)
	}
	for i, value := range s.Enum {
		if i == 0 {
			add("one of %v", value)
			continue
		}
		all[len(all)-1] += fmt.Sprintf(", %v", value)
	}
	return all
}

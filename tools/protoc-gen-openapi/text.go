package main

import (
	"regexp"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// prose is a comment with its lines joined to paragraphs.
func prose(c protogen.Comments) string {
	var paragraphs []string
	for paragraph := range strings.SplitSeq(strings.TrimSpace(string(c)), "\n\n") {
		paragraphs = append(paragraphs, strings.Join(strings.Fields(paragraph), " "))
	}
	return strings.Join(paragraphs, "\n\n")
}

var sentenceEnd = regexp.MustCompile(`\.\s+[A-Z]`)

// summary cuts a comment after its first sentence.
func summary(c protogen.Comments) (first, rest string) {
	text := prose(c)
	end := sentenceEnd.FindStringIndex(text)
	if end == nil {
		return strings.TrimSuffix(text, "."), ""
	}
	return text[:end[0]], strings.TrimSpace(text[end[0]+1:])
}

// choices says which fields of a message exclude each other.
func choices(m *protogen.Message) (text string) {
	for _, group := range m.Oneofs {
		if group.Desc.IsSynthetic() {
			continue
		}
		var names []string
		for _, field := range group.Fields {
			names = append(names, "`"+field.Desc.JSONName()+"`")
		}
		text += " One of " + strings.Join(names, ", ") + "."
	}
	return text
}

package encode

import "strings"

// reservedPath is where the agent itself answers.
const reservedPath = "/.well-known/siteplane"

// PathPrefix is a path without its trailing slash that takes the requests for
// itself and for everything beneath it.
type PathPrefix struct{ text string }

// ParsePathPrefix accepts a path of letters, digits and -._~ that starts with a
// slash. A trailing slash makes no difference and is dropped. Empty segments,
// the segments . and .., the root and the agent's own path are refused.
func ParsePathPrefix(value string) (PathPrefix, error) {
	if reason := pathProblem(value); reason != "" {
		return PathPrefix{}, refuse("path prefix", value, reason)
	}
	trimmed := strings.TrimSuffix(value, "/")
	if trimmed == reservedPath || strings.HasPrefix(trimmed, reservedPath+"/") {
		return PathPrefix{}, refuse("path prefix", value, "is reserved for the agent")
	}
	return PathPrefix{text: trimmed}, nil
}

// Token returns the path without a trailing slash.
func (p PathPrefix) Token() string { return p.text }

// String returns the path without a trailing slash.
func (p PathPrefix) String() string { return p.text }

// StripPattern returns a regular expression whose first group is what remains
// of a path when the prefix is removed.
func (p PathPrefix) StripPattern() string {
	return "(?s)^" + strings.ReplaceAll(p.text, ".", "[.]") + "/?(.*)$"
}

func (PathPrefix) sealed() {}

func pathProblem(value string) string {
	switch {
	case !strings.HasPrefix(value, "/"):
		return "does not start with a slash"
	case value == "/":
		return "is the root, which the origin of the site already answers"
	case len(value) > 255:
		return "is longer than 255 bytes"
	}
	for segment := range strings.SplitSeq(strings.Trim(value, "/"), "/") {
		if reason := segmentProblem(segment); reason != "" {
			return reason
		}
	}
	if strings.HasPrefix(value, "//") || strings.HasSuffix(value, "//") {
		return "has an empty segment"
	}
	return ""
}

func segmentProblem(segment string) string {
	switch segment {
	case "":
		return "has an empty segment"
	case ".", "..":
		return "has the segment " + segment
	}
	for i := range len(segment) {
		if c := segment[i]; !isAlphanumeric(c) && strings.IndexByte("-._~", c) < 0 {
			return "has a character other than letters, digits and -._~"
		}
	}
	return ""
}

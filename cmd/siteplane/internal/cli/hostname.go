package cli

import (
	"strings"

	"golang.org/x/net/idna"
)

// asciiForm is a hostname as the server writes it: lower-case A-labels without
// a trailing dot. What has no such form stays as it is, for the server to judge.
func asciiForm(name string) string {
	name = strings.TrimSuffix(name, ".")
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		return ascii
	}
	return strings.ToLower(name)
}

// bothForms is a hostname, followed by what people read in its place where the
// two differ.
func bothForms(hostname string) string {
	unicode, err := idna.ToUnicode(hostname)
	if err != nil || unicode == hostname {
		return hostname
	}
	return hostname + " (" + unicode + ")"
}

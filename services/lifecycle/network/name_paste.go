package network

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkText refuses what cannot be shown.
func checkText(s string) error {
	switch {
	case s == "":
		return invalid("The name is empty; write a hostname such as shop.example.com.")
	case len(s) > 4*maxNameBytes: // no name in UTF-8 is that long
		return tooLong(len(s))
	case !utf8.ValidString(s):
		return invalid("The name is not valid UTF-8; type it instead of pasting it.")
	case strings.ContainsFunc(s, unicode.IsControl):
		return invalid("The name has a line break, a tab or another control character; write one hostname.")
	}
	return nil
}

// checkPasted refuses what surrounds a hostname in an address bar or a
// configuration, and says what is left without it.
func checkPasted(s string) error {
	if isAddress(bare(s)) {
		return invalid("'%s' is an address or a number; write a hostname such as shop.example.com.", show(bare(s)))
	}
	if scheme, _, ok := cutScheme(s); ok {
		return remove("'"+show(scheme)+"://'", s)
	}
	if i := strings.IndexAny(s, pathStarts); i >= 0 {
		return remove("'"+show(s[i:])+"'", s)
	}
	if strings.Contains(s, "@") {
		return remove("everything up to '@'", s)
	}
	if i := strings.IndexByte(s, ':'); i >= 0 {
		return remove("'"+show(s[i:])+"'", s)
	}
	if strings.Contains(s, "*") {
		below := cmp.Or(strings.Trim(s, "*."), "example.com")
		return invalid("Wildcards are not supported yet; add each hostname by itself, for instance www.%s.", show(below))
	}
	if strings.ContainsFunc(s, unicode.IsSpace) {
		return invalid("The name has a space inside; write one hostname such as shop.example.com.")
	}
	return nil
}

func remove(what, s string) error {
	if bare(s) == "" {
		return invalid("Remove %s and write a hostname such as shop.example.com.", what)
	}
	return invalid("Remove %s: %s only.", what, show(bare(s)))
}

const pathStarts = `/\?#`

// cutScheme cuts what stands before "://".
func cutScheme(s string) (scheme, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(s, "://")
	return scheme, rest, ok && !strings.ContainsAny(scheme, pathStarts+"@:")
}

// bare is what is left of s without scheme, path, user and port.
func bare(s string) string {
	if _, rest, ok := cutScheme(s); ok {
		s = rest
	}
	s = strings.TrimPrefix(s, "//")
	if i := strings.IndexAny(s, pathStarts); i >= 0 {
		s = s[:i]
	}
	s = s[strings.LastIndexByte(s, '@')+1:]
	if inside, _, ok := strings.Cut(s, "]"); ok && strings.HasPrefix(s, "[") {
		return inside[1:]
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return s
	}
	s, _, _ = strings.Cut(s, ":")
	return s
}

// isAddress reports whether browsers take s for an address, not for a name.
func isAddress(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	s = strings.TrimSuffix(s, ".")
	last := s[strings.LastIndexByte(s, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// checkDots refuses empty labels.
func checkDots(s string) error {
	switch {
	case strings.Trim(s, ".") == "":
		return invalid("The name has only dots; write a hostname such as shop.example.com.")
	case strings.HasSuffix(s, "."):
		return invalid("Remove the trailing dot: %s only.", show(strings.Trim(s, ".")))
	case strings.HasPrefix(s, "."):
		return invalid("Remove the leading dot: %s only.", show(strings.Trim(s, ".")))
	case strings.Contains(s, ".."):
		return invalid("'%s' has nothing between two dots; remove one dot.", show(s))
	}
	return nil
}

// checkLabels refuses what no label of ASCII may have.
func checkLabels(s string) error {
	for label := range strings.SplitSeq(s, ".") {
		for _, r := range label {
			if r == '_' {
				return invalid("'_' is not allowed in a hostname that needs a certificate; use '-' in '%s'.", show(label))
			}
			if r < utf8.RuneSelf && !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-", r) {
				return invalid("'%c' is not allowed in a hostname; use letters, digits and hyphens in '%s'.", r, show(label))
			}
		}
		if strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return invalid("The label '%s' starts or ends with a hyphen; remove it.", show(label))
		}
		if len(label) >= 4 && label[2:4] == "--" && !strings.HasPrefix(label, acePrefix) {
			return invalid("The label '%s' has hyphens in the third and fourth place, which are reserved; use one hyphen.", show(label))
		}
	}
	return nil
}

// shown is the most that a message repeats of what was given, in runes.
const shown = 80

// show makes a part of the input fit to be shown: no invisible characters, not
// too long.
func show(s string) string {
	s = strconv.QuoteToGraphic(s)
	s = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
	if runes := []rune(s); len(runes) > shown {
		return string(runes[:shown]) + "…"
	}
	return s
}

package network

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const acePrefix = "xn--"

// idn maps what people type as browsers do (UTS 46, non-transitional), and
// checks hyphens, joiners and writing directions.
var idn = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule())

func badIDN(format string, args ...any) error {
	return &NameError{Code: CodeNameIDN, Message: fmt.Sprintf(format, args...)}
}

// checkPunycode refuses labels of the input that claim to be punycode and do not
// stand for exactly one label.
func (n Name) checkPunycode(text string) error {
	ours := strings.Split(n.ASCII, ".")
	for label := range strings.FieldsFuncSeq(strings.ToLower(text), isDot) {
		if !strings.HasPrefix(label, acePrefix) {
			continue
		}
		if _, err := idn.ToUnicode(label); err != nil || !slices.Contains(ours, label) {
			return badIDN("Domain name contains malformed punycode: '%s'; write the name in its own letters.", show(label))
		}
	}
	return nil
}

// isDot reports whether people and browsers take r for a dot.
func isDot(r rune) bool { return strings.ContainsRune(".。．｡", r) }

// checkIDN refuses internationalized names that mislead or are broken; valid is
// what the profile says.
func (n Name) checkIDN(valid bool) error {
	tld := n.Unicode[strings.LastIndexByte(n.Unicode, '.')+1:]
	for label := range strings.SplitSeq(n.Unicode, ".") {
		if r, ok := stray(label); ok {
			return badIDN("'%s' (U+%04X) is not allowed in a hostname; use letters, digits and hyphens in %s.", show(string(r)), r, n.shown())
		}
		if mixed := scripts(label); !compatible(mixed) {
			return badIDN("%s mixes %s letters in '%s', which can imitate another name; write each label in one script.",
				n.shown(), strings.Join(mixed, " and "), show(label))
		}
		if latin, ok := imitation(label, tld); ok {
			return badIDN("%s imitates '%s' in letters of another script; write it in Latin letters, or use a top-level domain of that script.",
				n.shown(), latin)
		}
	}
	if !valid {
		return badIDN("%s breaks the rules for internationalized names, for instance by mixing writing directions or by a misplaced mark.", n.shown())
	}
	return nil
}

// shown is both forms, fit for a message.
func (n Name) shown() string {
	if n.Unicode == n.ASCII {
		return show(n.ASCII)
	}
	return show(n.Unicode) + " (" + show(n.ASCII) + ")"
}

// stray returns a character that is neither a letter, a mark nor a digit, such as
// a symbol that looks like a slash.
func stray(label string) (r rune, ok bool) {
	for i, r := range label {
		if r < utf8.RuneSelf || unicode.In(r, unicode.L, unicode.M, unicode.Nd) || isJoiner(r) || fitsHere(r, label, i) {
			continue
		}
		return r, true
	}
	return 0, false
}

// isJoiner reports whether r is one of the two joiners, whose places the profile
// checks.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// fitsHere reports whether a character may stand where it does and nowhere else
// (RFC 5892, appendix A).
func fitsHere(r rune, label string, at int) bool {
	switch r {
	case '·': // as in Catalan
		return strings.HasSuffix(label[:at], "l") && strings.HasPrefix(label[at:], "·l")
	case '・':
		return slices.ContainsFunc(scripts(label), func(s string) bool { return s == "Hiragana" || s == "Katakana" || s == "Han" })
	}
	return false
}

// scripts returns the scripts of a label, sorted; characters that belong to no
// script or to the one before them do not count.
func scripts(label string) []string {
	found := map[string]bool{}
	for _, r := range label {
		if s := scriptOf(r); s != "Common" && s != "Inherited" {
			found[s] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func scriptOf(r rune) string {
	if r < utf8.RuneSelf && !unicode.IsLetter(r) {
		return "Common"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return "Unknown"
}

// together are the scripts that one label may mix: "highly restrictive" in UTS 39.
var together = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo"}, {"Latin", "Han", "Hangul"},
}

func compatible(mixed []string) bool {
	if len(mixed) < 2 {
		return true
	}
	return slices.ContainsFunc(together, func(allowed []string) bool {
		return !slices.ContainsFunc(mixed, func(s string) bool { return !slices.Contains(allowed, s) })
	})
}

// lookalikes are letters of other scripts and the Latin ones that they are taken
// for, after the confusables of UTS 39.
var lookalikes = map[rune]rune{
	'а': 'a', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ҽ': 'e', 'һ': 'h', 'і': 'i', 'ј': 'j', 'ӏ': 'l', 'о': 'o', 'р': 'p',
	'ԛ': 'q', 'г': 'r', 'ѕ': 's', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x', 'у': 'y',
	'α': 'a', 'ι': 'i', 'ο': 'o', 'ρ': 'p', 'σ': 'o', 'υ': 'u', 'ν': 'v', 'γ': 'y',
	'օ': 'o', 'ո': 'n', 'ս': 'u', 'ց': 'g', 'հ': 'h', 'զ': 'q',
}

// imitation returns what a label reads as when every letter of it is a lookalike.
// Below a top-level domain of its own script it is taken at its word.
func imitation(label, tld string) (latin string, ok bool) {
	own := scripts(label)
	if len(own) != 1 || own[0] == "Latin" || slices.Equal(own, scripts(tld)) {
		return "", false
	}
	var b strings.Builder
	for _, r := range label {
		as, found := lookalikes[r]
		if !found && unicode.IsLetter(r) {
			return "", false
		}
		if !found {
			as = r
		}
		b.WriteRune(as)
	}
	return b.String(), true
}

package network

import (
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/siteplane/siteplane/internal/platform/hostname"
)

// The diagnosis codes of names.
const (
	CodeNameInvalid      = "NAME_INVALID"
	CodeNameIDN          = "NAME_IDN"
	CodeNamePublicSuffix = "NAME_PUBLIC_SUFFIX"
)

// Name is a hostname in its two forms.
type Name struct {
	// ASCII is lower-case A-labels without a trailing dot.
	ASCII string
	// Unicode is what people read; equal to ASCII when there is no difference.
	Unicode string
}

// String shows both forms where they differ: "münchen.de (xn--mnchen-3ya.de)".
func (n Name) String() string {
	if n.Unicode == n.ASCII {
		return n.ASCII
	}
	return n.Unicode + " (" + n.ASCII + ")"
}

// NamePolicy says which hostnames an installation takes.
type NamePolicy struct {
	// AllowReservedTLDs takes names below test, example, invalid and localhost,
	// which no registry hands out. The other reserved top-level domains have
	// meanings of their own and are never taken.
	AllowReservedTLDs bool
}

// NameError says why something is no hostname that can be claimed.
type NameError struct {
	// Code is one of the codes above.
	Code string
	// Message names the defect and the remedy, for a person.
	Message string
}

func (e *NameError) Error() string { return e.Message }

func invalid(format string, args ...any) error {
	return &NameError{Code: CodeNameInvalid, Message: fmt.Sprintf(format, args...)}
}

// ParseName reads a hostname as people write it: in any case, in Unicode or in
// punycode, with spaces around it. Every error is a *NameError about the first
// thing to mend. The result is canonical: its ASCII form gives it again.
func ParseName(input string, policy NamePolicy) (Name, error) {
	text := strings.TrimSpace(input)
	if err := checkText(text); err != nil {
		return Name{}, err
	}
	// What the profile says is told last: the checks before it name the defect.
	unicode, broken := idn.ToUnicode(text)
	ascii, alsoBroken := idn.ToASCII(text)
	n := Name{ASCII: ascii, Unicode: unicode}
	if err := checkPasted(n.Unicode); err != nil {
		return Name{}, err
	}
	if err := n.checkPunycode(text); err != nil {
		return Name{}, err
	}
	if err := checkDots(n.Unicode); err != nil {
		return Name{}, err
	}
	if err := checkLabels(n.Unicode); err != nil {
		return Name{}, err
	}
	if err := n.checkIDN(broken == nil && alsoBroken == nil); err != nil {
		return Name{}, err
	}
	if err := n.checkLength(); err != nil {
		return Name{}, err
	}
	if err := n.checkPlace(policy); err != nil {
		return Name{}, err
	}
	if err := hostname.Check(n.ASCII); err != nil {
		return Name{}, invalid("%s %v.", show(n.String()), err)
	}
	return n, nil
}

// The limits of DNS, in bytes.
const (
	maxNameBytes  = 253
	maxLabelBytes = 63
)

func (n Name) checkLength() error {
	for label := range strings.SplitSeq(n.ASCII, ".") {
		if len(label) > maxLabelBytes {
			return invalid("The label '%s' has %d bytes; DNS allows %d between two dots.", show(label), len(label), maxLabelBytes)
		}
	}
	if len(n.ASCII) > maxNameBytes {
		return tooLong(len(n.ASCII))
	}
	if most := maxNameBytes - len(ChallengePrefix); len(n.ASCII) > most {
		return invalid("The name has %d bytes; use one of at most %d, or its ownership record '%s…' does not fit into DNS.",
			len(n.ASCII), most, ChallengePrefix)
	}
	return nil
}

func tooLong(bytes int) error {
	return invalid("The name has %d bytes; DNS allows %d.", bytes, maxNameBytes)
}

// reserved are the top-level domains that are not in the public DNS, with who
// says so.
var reserved = map[string]string{
	"test": "RFC 6761", "example": "RFC 6761", "invalid": "RFC 6761", "localhost": "RFC 6761",
	"local": "RFC 6762", "onion": "RFC 7686", "alt": "RFC 9476", "arpa": "RFC 3172", "internal": "ICANN",
}

// mayAllow are those that a policy may take.
var mayAllow = map[string]bool{"test": true, "example": true, "invalid": true, "localhost": true}

// checkPlace refuses the names that nobody may claim for where they are.
func (n Name) checkPlace(policy NamePolicy) error {
	tld := n.ASCII[strings.LastIndexByte(n.ASCII, '.')+1:]
	if by, is := reserved[tld]; is && !(policy.AllowReservedTLDs && mayAllow[tld]) {
		return invalid("'%s' is a reserved top-level domain (%s) that visitors cannot reach; use a name below a domain that you registered.", tld, by)
	}
	// A suffix that no rule of the list names is a last label, and not ICANN's.
	if suffix, icann := publicsuffix.PublicSuffix(n.ASCII); suffix == n.ASCII && (icann || suffix != tld) {
		return &NameError{Code: CodeNamePublicSuffix, Message: fmt.Sprintf(
			"%s is a public suffix, below which anybody may register; use a name below it, for instance shop.%s.", n, n.Unicode)}
	}
	if tld == n.ASCII {
		return invalid("'%s' is a single label; write the whole name, for instance %s.example.com.", n, n.Unicode)
	}
	return nil
}

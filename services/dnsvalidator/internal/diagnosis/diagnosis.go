// Package diagnosis says what is wrong in words that the person who must act
// can act on.
//
// It owns the closed table of faults: severity, actor and rank of each. It must
// not know how a fault is found.
package diagnosis

import "slices"

// Diagnosis is one fault.
type Diagnosis struct {
	Code     Code
	Severity Severity
	Actor    Actor
	// Summary is one sentence for the person who must act.
	Summary string
	// Expected is what would be right.
	Expected []string
	// Observed is what was seen instead, one line per server or answer.
	Observed []string
	// Fix is what to do, in order; records are ready to paste.
	Fix []string
}

// New returns a diagnosis with what the table says about its code.
func New(code Code, summary string) Diagnosis {
	k := kinds[rank(code)]
	return Diagnosis{Code: code, Severity: k.severity, Actor: k.actor, Summary: summary}
}

// Sort puts first what is to be mended first.
func Sort(diagnoses []Diagnosis) {
	slices.SortStableFunc(diagnoses, func(a, b Diagnosis) int { return rank(a.Code) - rank(b.Code) })
}

// rank is the place of a code in the table.
func rank(code Code) int {
	return slices.IndexFunc(kinds, func(k kind) bool { return k.code == code })
}

package route

import (
	"cmp"
	"time"
)

// DriftKind says what is different.
type DriftKind int

// The kinds of drift, in the order in which those of one hostname are named.
const (
	// RuleMissing: a wanted rule is not there.
	RuleMissing DriftKind = iota + 1
	// RuleChanged: a rule of ours leads elsewhere, or stands where another takes
	// its requests.
	RuleChanged
	// RuleSurplus: a rule of ours is there that is not wanted.
	RuleSurplus
	// RuleForeign: somebody else's rule is there, and is not merely the last one that
	// catches all the rest. It is left alone.
	RuleForeign
	// RecordMissing: a wanted record is not there.
	RecordMissing
	// RecordChanged: a record of ours leads elsewhere.
	RecordChanged
	// RecordSurplus: a record of ours is there that is not wanted.
	RecordSurplus
	// CustomHostnameMissing: a wanted custom hostname is not there.
	CustomHostnameMissing
	// CustomHostnameChanged: a custom hostname of ours is validated in another way
	// than we chose, or not any more.
	CustomHostnameChanged
	// CustomHostnameSurplus: a custom hostname of ours is there that is not wanted.
	CustomHostnameSurplus
	// Blocked: something of somebody else's is where ours must be. It is left
	// alone.
	Blocked
)

// Foreign says whether such a drift is told and left alone.
func (k DriftKind) Foreign() bool { return k == RuleForeign || k == Blocked }

// String returns the kind in lower case.
func (k DriftKind) String() string {
	return [...]string{
		"unknown", "rule_missing", "rule_changed", "rule_surplus", "rule_foreign", "record_missing", "record_changed",
		"record_surplus", "custom_hostname_missing", "custom_hostname_changed", "custom_hostname_surplus", "blocked",
	}[k]
}

// Drift is one way in which what is there is not what shall be there.
type Drift struct {
	Kind DriftKind
	// Hostname is empty for the whole tunnel.
	Hostname string
	// Detail is what is different, one sentence.
	Detail string
	// Since is when it came to be; zero when the provider does not tell.
	Since time.Time
	// Cause is what has likely caused it, one sentence.
	Cause string
}

// Compare orders drifts by hostname, then kind.
func (d Drift) Compare(other Drift) int {
	return cmp.Or(cmp.Compare(d.Hostname, other.Hostname), cmp.Compare(d.Kind, other.Kind), cmp.Compare(d.Detail, other.Detail))
}

// Observation is what a look at everything has shown.
type Observation struct {
	// Drifts are ordered by Compare; none when all is as wanted.
	Drifts []Drift
	// ConfigVersion is the tunnel's configuration's, as the provider counts.
	ConfigVersion int64
}

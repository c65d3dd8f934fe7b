package route

import "github.com/siteplane/siteplane/services/tunnel/internal/diagnosis"

// Result is what an apply did.
type Result struct {
	// ConfigVersion is the tunnel's configuration's, as the provider counts.
	ConfigVersion int64
	// Writes counts the calls that changed something at the provider.
	Writes int
	// Added and Removed are the hostnames that were published and that were taken
	// away, sorted.
	Added, Removed []string
	// Changed are the hostnames of which something was written, sorted: made,
	// corrected or taken away.
	Changed []string
	// Problems are the routes that something blocks, sorted by hostname.
	Problems []Problem
	// Warnings are for the operator, one sentence each.
	Warnings []string
}

// Problem is one route that could not be brought to what was asked.
type Problem struct {
	Hostname  string
	Diagnosis diagnosis.Diagnosis
}

// State is how far a route is.
type State int

// The states of a route.
const (
	// Ready: rule, and record or active custom hostname, are there.
	Ready State = iota + 1
	// Partial: some of it is there, or all of it and not active.
	Partial
	// Absent: nothing of ours is there.
	Absent
)

// String returns the state in lower case.
func (s State) String() string {
	return [...]string{"unknown", "ready", "partial", "absent"}[s]
}

// Reading is how far one route is.
type Reading struct {
	State State
	// Observed is what was seen, one line each.
	Observed []string
	// Diagnoses are what is missing or in the way, what to mend first first.
	Diagnoses []diagnosis.Diagnosis
	// Records are what the provider wants the tenant to write.
	Records []Record
	// ConfigVersion is the tunnel's configuration's, as the provider counts.
	ConfigVersion int64
}

// Record is a DNS record for somebody else to write.
type Record struct {
	Type, Name, Value string
	// Purpose is what it is for, one sentence.
	Purpose string
}

// Package evidence holds the three words that every look at the world ends
// with.
package evidence

// Outcome is what the evidence says.
type Outcome string

const (
	// Confirmed: the world is as it should be.
	Confirmed Outcome = "CONFIRMED"
	// Contradicted: somebody who must know says otherwise.
	Contradicted Outcome = "CONTRADICTED"
	// Unknown: nobody could say. Errors never count as "no".
	Unknown Outcome = "UNKNOWN"
)

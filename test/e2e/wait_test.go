package e2e

import (
	"testing"
	"time"
)

const (
	// patience is how long a test waits for what must happen. It is long
	// because a slow machine is no fault.
	patience = 60 * time.Second
	// pollEvery is how often it looks.
	pollEvery = 25 * time.Millisecond
)

// eventually waits until look is content. look returns what it saw, so that a
// test that gives up can tell.
func eventually(t *testing.T, what string, look func() (seen string, content bool)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		seen, content := look()
		if content {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s; last seen: %s", what, patience, seen)
		}
		time.Sleep(pollEvery)
	}
}

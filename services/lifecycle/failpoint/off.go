//go:build !failpoints

package failpoint

// FromEnvironment returns nil: this program was built without failpoints.
func FromEnvironment() Reached { return nil }

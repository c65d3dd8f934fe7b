// Package failpoint names the moments at which a process may die, so that a test
// can kill it at each of them. The names come from the tables of operations and
// calls, never from a hand-written list: what is added there is here by itself.
//
// Only programs built with the tag "failpoints" listen to the environment; in all
// others passing a failpoint does nothing.
package failpoint

// Name names a moment, for instance
// "create_site.publish_internally.before_intent".
type Name string

// Reached is told each moment that is passed. Nil does nothing.
type Reached func(Name)

// At tells that a moment is passed.
func (r Reached) At(name Name) {
	if r != nil {
		r(name)
	}
}

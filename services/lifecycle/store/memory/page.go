package memory

import (
	"iter"
	"math"
)

// all is a limit that is none.
const all = math.MaxInt

// afterAll follows every id.
const afterAll = "\xff"

// first is the id at which a page begins: the last one of the page before, or the end of
// all.
func first[T ~string](last T, oldestFirst bool) T {
	if last == "" && !oldestFirst {
		return afterAll
	}
	return last
}

// page walks along an index in one of the two directions.
func (b *table[R]) page(i *index[R], from R, oldestFirst bool) iter.Seq[*R] {
	if oldestFirst {
		return b.in(i, from)
	}
	return b.back(i, from)
}

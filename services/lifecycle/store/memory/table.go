package memory

import (
	"cmp"
	"iter"
	"slices"

	"github.com/tidwall/btree"
)

// schema says what the rows of a table are and which rules they keep.
type schema[R any] struct {
	// key is the order in which each row has a place of its own.
	key *index[R]
	// others are further orders.
	others []*index[R]
	// keep gives a copy of a row lists of its own, and times as they are kept.
	keep func(row *R)
	// number gives a new row the table's next number; nil where rows have none.
	number func(row *R, n int64)
	// rules are what a row keeps by itself.
	rules []rule[R]
	// refers returns the error for a row that refers to one that is not there; nil
	// where rows refer to none.
	refers func(t *tx, row *R) error
}

// index is an order of the rows of a table.
type index[R any] struct {
	// unique names the rule that no two rows are alike; empty when they may be, and are
	// in the order of their keys then.
	unique string
	// of says which rows are in it; nil for all.
	of func(row *R) bool
	// by is what rows are looked up by; nil where they are only walked along.
	by order[R]
	// then is the order of those that by finds alike; nil for none.
	then order[R]
}

// rule is one thing that must hold.
type rule[R any] struct {
	name  string
	holds func(row *R) bool
}

type order[R any] func(a, b *R) int

func (i *index[R]) compare(a, b *R) int {
	if i.by != nil {
		if c := i.by(a, b); c != 0 {
			return c
		}
	}
	if i.then != nil {
		return i.then(a, b)
	}
	return 0
}

func (i *index[R]) has(row *R) bool { return row != nil && (i.of == nil || i.of(row)) }

// table is the rows of one noun. Rows in it never change: others take their place.
type table[R any] struct {
	*schema[R]
	// trees has the rows by key, and then those of each other index.
	trees []*btree.BTreeG[*R]
	// last is the number of the last row that got one.
	last int64
	// owner is the transaction that may change the trees.
	owner uint64
}

// degree is half of what a node of a tree holds. A commit copies a path of nodes in each
// tree that it changes, so they are small.
const degree = 8

func newTable[R any](s *schema[R]) table[R] {
	b := table[R]{schema: s}
	for _, i := range s.indexes() {
		less := func(a, b *R) bool { return i.compare(a, b) < 0 }
		if i.unique == "" {
			less = func(a, b *R) bool { return cmp.Or(i.compare(a, b), s.key.compare(a, b)) < 0 }
		}
		b.trees = append(b.trees, btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: degree}))
	}
	return b
}

func (s *schema[R]) indexes() []*index[R] { return append([]*index[R]{s.key}, s.others...) }

func (b *table[R]) tree(i *index[R]) *btree.BTreeG[*R] {
	return b.trees[1+slices.Index(b.others, i)] // the key is in none of its others
}

// at returns the index of a tree.
func (b *table[R]) at(place int) *index[R] {
	if place == 0 {
		return b.key
	}
	return b.others[place-1]
}

// get returns a copy of the row that has the key of a pattern.
func (b *table[R]) get(pattern R) (row R, ok bool) { return b.find(b.key, pattern) }

// find returns a copy of the row of a unique index that is like a pattern.
func (b *table[R]) find(i *index[R], pattern R) (row R, ok bool) {
	found, ok := b.tree(i).Get(&pattern)
	if !ok {
		return row, false
	}
	return b.copy(found), true
}

// has reports whether there is a row that has the key of a pattern.
func (b *table[R]) has(pattern R) bool {
	_, ok := b.trees[0].Get(&pattern)
	return ok
}

// copy returns a row to give away.
func (b *table[R]) copy(row *R) R {
	out := *row
	b.keep(&out)
	return out
}

// in walks along an index, from a pattern on, over the rows that it finds like the
// pattern. The rows are the table's, and the table must stay as it is meanwhile.
func (b *table[R]) in(i *index[R], from R) iter.Seq[*R] {
	return func(yield func(row *R) bool) {
		b.tree(i).Ascend(&from, func(row *R) bool { return (i.by == nil || i.by(row, &from) == 0) && yield(row) })
	}
}

// back walks the other way.
func (b *table[R]) back(i *index[R], from R) iter.Seq[*R] {
	return func(yield func(row *R) bool) {
		b.tree(i).Descend(&from, func(row *R) bool { return (i.by == nil || i.by(row, &from) == 0) && yield(row) })
	}
}

// all walks over all rows, in the order of the key.
func (b *table[R]) all() iter.Seq[*R] {
	return func(yield func(row *R) bool) { b.trees[0].Scan(yield) }
}

// list returns copies of up to limit of those rows that pass.
func (b *table[R]) list(rows iter.Seq[*R], limit int, passes func(row *R) bool) (out []R) {
	for row := range rows {
		if len(out) >= limit {
			break
		}
		if passes == nil || passes(row) {
			out = append(out, b.copy(row))
		}
	}
	return out
}

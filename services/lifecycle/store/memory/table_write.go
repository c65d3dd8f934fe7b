package memory

import "slices"

// insert writes a new row.
func (b *table[R]) insert(t *tx, row R) error {
	if err := b.own(t); err != nil {
		return err
	}
	if b.number != nil {
		b.number(&row, b.last+1)
	}
	if b.has(row) {
		return &brokenError{rule: b.key.unique}
	}
	if err := b.put(t, row); err != nil {
		return err
	}
	b.last++
	return nil
}

// put writes a row in the place of the one that has its key, if there is one. A row that
// breaks a rule changes nothing.
func (b *table[R]) put(t *tx, row R) error {
	if err := b.own(t); err != nil {
		return err
	}
	b.keep(&row)
	old, _ := b.trees[0].Get(&row)
	if err := b.check(t, &row, old); err != nil {
		return err
	}
	for place, tree := range b.trees {
		i := b.at(place)
		if i.has(old) && (!i.has(&row) || i.compare(old, &row) != 0) {
			tree.Delete(old)
		}
		if i.has(&row) {
			tree.Set(&row)
		}
	}
	return nil
}

// check returns the first rule that a row would break in the place of an old one: those
// of its own, then of all rows, then of other tables.
func (b *table[R]) check(t *tx, row, old *R) error {
	for _, r := range b.rules {
		if !r.holds(row) {
			return &brokenError{rule: r.name}
		}
	}
	for place, i := range b.others {
		if i.unique == "" || !i.has(row) {
			continue
		}
		if other, taken := b.trees[1+place].Get(row); taken && other != old {
			return &brokenError{rule: i.unique}
		}
	}
	if b.refers == nil {
		return nil
	}
	return b.refers(t, row)
}

// remove deletes the row that has the key of a pattern and reports whether there was one.
func (b *table[R]) remove(t *tx, pattern R) (was bool, err error) {
	if err := b.own(t); err != nil {
		return false, err
	}
	old, was := b.trees[0].Get(&pattern)
	if !was {
		return false, nil
	}
	for place, tree := range b.trees {
		if b.at(place).has(old) {
			tree.Delete(old)
		}
	}
	return true, nil
}

// clear deletes the rows of an index that are like a pattern.
func (b *table[R]) clear(t *tx, i *index[R], pattern R) error {
	for _, row := range slices.Collect(b.in(i, pattern)) {
		if _, err := b.remove(t, *row); err != nil {
			return err
		}
	}
	return b.own(t)
}

// own gives the transaction trees that it may change.
func (b *table[R]) own(t *tx) error {
	if t.number == 0 {
		return errReadOnly
	}
	if b.owner == t.number {
		return nil
	}
	b.trees = slices.Clone(b.trees)
	for place, tree := range b.trees {
		b.trees[place] = tree.Copy()
	}
	b.owner = t.number
	return nil
}

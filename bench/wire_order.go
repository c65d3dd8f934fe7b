package main

import "sync"

// wireOrder hands out transactions, in the order in which they began when they were
// recorded, as far as those are over that each follows.
type wireOrder struct {
	mu      sync.Mutex
	changed sync.Cond
	// ready are those that may begin, missing is how many each still waits for, and
	// next are those that wait for it.
	ready   []int
	missing []int
	next    [][]int
	// left are those that are not over.
	left int
}

// newWireOrder orders transactions: one follows all others that were over when it began
// and that name an object which it names, too, unless both only read. And one that
// claims follows those that marked, and those that claimed.
func newWireOrder(part []transaction) *wireOrder {
	o := &wireOrder{missing: make([]int, len(part)), next: make([][]int, len(part)), left: len(part)}
	o.changed.L = &o.mu
	naming, queue := map[string][]int{}, []int(nil)
	for i, t := range part {
		follows := map[int]bool{}
		for _, object := range t.objects {
			for _, before := range naming[object] {
				if part[before].ended < t.begun && (t.writes || part[before].writes) {
					follows[before] = true
				}
			}
			naming[object] = append(naming[object], i)
		}
		if t.claims {
			queue = o.claim(part, i, queue, follows)
		}
		if t.marks || t.claims {
			queue = append(queue, i)
		}
		for before := range follows {
			o.next[before] = append(o.next[before], i)
		}
		if o.missing[i] = len(follows); o.missing[i] == 0 {
			o.ready = append(o.ready, i)
		}
	}
	return o
}

// claim has a transaction follow those of the queue that were over when it began, and
// returns the others, which the next claim follows.
func (o *wireOrder) claim(part []transaction, claim int, queue []int, follows map[int]bool) (left []int) {
	for _, before := range queue {
		if part[before].ended < part[claim].begun {
			follows[before] = true
		} else {
			left = append(left, before)
		}
	}
	return left
}

// take returns the next transaction that may begin, and waits for one; ok is false when
// there are no more.
func (o *wireOrder) take() (next int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.ready) == 0 && o.left > 0 {
		o.changed.Wait()
	}
	if o.left == 0 {
		return 0, false
	}
	next, o.ready = o.ready[0], o.ready[1:]
	return next, true
}

// end notes that a transaction is over.
func (o *wireOrder) end(over int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.left--
	for _, i := range o.next[over] {
		if o.missing[i]--; o.missing[i] == 0 {
			o.ready = append(o.ready, i)
		}
	}
	o.changed.Broadcast()
}

// giveUp lets nobody begin any more.
func (o *wireOrder) giveUp() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.left, o.ready = 0, nil
	o.changed.Broadcast()
}

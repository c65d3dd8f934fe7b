package main

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// transaction is what was said on a connection from one state of idleness to the next.
type transaction struct {
	exchanges []exchange
	// begun and ended are places in the order of everything.
	begun, ended int
	// writes says that it was committed, objects are the ids that it names.
	writes  bool
	objects []string
	// marks says that it put marks into the queue of work, claims that it took them out,
	// whatever objects they are of.
	marks, claims bool
}

// conversation is everything that was said, so that it can be said again on other
// connections.
type conversation struct {
	// conns is how many connections there were, settings are those of each.
	conns    int
	settings map[string]string
	// statements prepare those that are named in exchanges.
	statements map[string][]byte
	// transactions are in the order of their beginnings.
	transactions []transaction
}

// conversation returns what was recorded, but for connections on which nothing was said
// from a place on: they looked at the schema, or cancelled something on another one.
// What was not answered is left out. To be called after stop.
func (r *wireRecorder) conversation(from int) (conversation, error) {
	c := conversation{statements: map[string][]byte{}}
	for _, conn := range r.conns {
		if conn.answered == 0 || conn.exchanges[conn.answered-1].begun < from {
			continue
		}
		if c.conns++; c.settings != nil && !maps.Equal(c.settings, conn.settings) {
			return c, fmt.Errorf("connections have other settings: %v and %v", c.settings, conn.settings)
		}
		c.settings = conn.settings
		if err := c.add(conn.exchanges[:conn.answered]); err != nil {
			return c, err
		}
	}
	for i := range c.transactions {
		c.queues(&c.transactions[i])
	}
	slices.SortFunc(c.transactions, func(a, b transaction) int { return a.begun - b.begun })
	return c, nil
}

// queues sees what a transaction does to the queue of work.
func (c conversation) queues(t *transaction) {
	for _, e := range t.exchanges {
		for _, name := range e.names {
			t.marks = t.marks || bytes.Contains(c.statements[name], []byte("INSERT INTO mark "))
			t.claims = t.claims || bytes.Contains(c.statements[name], []byte("DELETE FROM mark "))
		}
	}
}

// add adds what was said on one connection.
func (c *conversation) add(said []exchange) error {
	var open []exchange
	for _, e := range said {
		kept, err := c.withoutPreparation(e)
		if err != nil {
			return err
		}
		if kept.statements > 0 {
			open = append(open, kept)
		}
		if e.state == wireIdle && len(open) > 0 {
			c.transactions = append(c.transactions, newTransaction(open, e.answered))
			open = nil
		}
	}
	return nil
}

func newTransaction(exchanges []exchange, ended int) transaction {
	t := transaction{
		exchanges: exchanges, begun: exchanges[0].begun, ended: ended,
		writes: exchanges[len(exchanges)-1].tag == "COMMIT",
	}
	for _, e := range exchanges {
		t.objects = append(t.objects, objectsIn(e.sent)...)
	}
	slices.Sort(t.objects)
	t.objects = slices.Compact(t.objects)
	return t
}

// object is an id of what has a way of its own. Edges and tunnels are everybody's.
var object = regexp.MustCompile(`(site|dom|op)_[0-7][0-9a-hjkmnp-tv-z]{25}`)

func objectsIn(sent []byte) (ids []string) {
	for _, found := range object.FindAll(sent, -1) {
		ids = append(ids, string(found))
	}
	return ids
}

// withoutPreparation takes out of an exchange what prepares statements, and keeps it.
// The names of statements come from their texts, so they mean the same on every
// connection.
func (c *conversation) withoutPreparation(e exchange) (exchange, error) {
	kept, problem := e, error(nil)
	kept.sent = nil
	(&wireReader{}).read(e.sent, func(m wireMessage, raw []byte) {
		name, _ := wireText(m.body)
		switch {
		case m.kind == wireParse && name != "":
			text := append(slices.Clone(raw), wireSync, 0, 0, 0, 4)
			if known := c.statements[name]; known != nil && !bytes.Equal(known, text) {
				problem = fmt.Errorf("two statements are called %s: %q and %q", name, known, text)
			}
			c.statements[name] = text
			return
		case m.kind == wireDescribe && m.body[0] == wireStatement, m.kind == wireClose:
			return
		case m.kind == wireBind:
			_, rest := wireText(m.body)
			if name, _ := wireText(rest); name != "" {
				kept.names = append(kept.names, name)
			}
		}
		kept.sent = append(kept.sent, raw...)
	})
	return kept, problem
}

// until, between and from are the transactions that began in a part of the recording.
func (c conversation) until(place int) []transaction { return c.transactions[:c.at(place)] }

func (c conversation) between(from, to int) []transaction {
	return c.transactions[c.at(from):c.at(to)]
}

func (c conversation) from(place int) []transaction { return c.transactions[c.at(place):] }

// at is the first transaction that began at a place or later.
func (c conversation) at(place int) int {
	at, _ := slices.BinarySearchFunc(c.transactions, place, func(t transaction, place int) int { return t.begun - place })
	return at
}

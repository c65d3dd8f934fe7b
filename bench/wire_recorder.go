package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// exchange is what a client sent until it waited for an answer.
type exchange struct {
	sent []byte
	// begun and answered are places in the order of everything that was sent and
	// answered on all connections.
	begun, answered int
	// state is that of the connection afterwards.
	state byte
	// tag is what the last statement said that it did.
	tag string
	// refused is the SQLSTATE of the first error, empty for none.
	refused string
	// statements is how many were run, names are those of the prepared ones among them.
	statements int
	names      []string
}

// wireRecorder stands between a store and its PostgreSQL server and notes what is said,
// on every connection that is opened while it records. So what is recorded is what the
// product said, pipelines, transactions and all, and the product knows nothing of it.
type wireRecorder struct {
	server   string
	dir      string
	listener net.Listener
	ended    sync.WaitGroup

	mu    sync.Mutex
	clock int
	conns []*wireConn
}

// wireConn is what was said on one connection.
type wireConn struct {
	settings  map[string]string
	exchanges []exchange
	// answered is how many of them were.
	answered int
	// next is what the client is saying.
	next exchange
	// tag and refused belong to the exchange that is being answered.
	tag, refused string
}

// startWireRecorder records until stop what comes for the server with that socket.
func startWireRecorder(server string) (*wireRecorder, error) {
	dir, err := os.MkdirTemp("", "wire-")
	if err != nil {
		return nil, fmt.Errorf("record what is said: %w", err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, filepath.Base(server)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("record what is said: %w", err), os.RemoveAll(dir))
	}
	r := &wireRecorder{server: server, dir: dir, listener: listener}
	r.ended.Go(r.accept)
	return r, nil
}

// stop ends the recording. The connections that it recorded must be closed.
func (r *wireRecorder) stop() error {
	err := r.listener.Close()
	r.ended.Wait()
	return errors.Join(err, os.RemoveAll(r.dir))
}

// now is the present place in the order of everything.
func (r *wireRecorder) now() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock
}

func (r *wireRecorder) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // stopped
		}
		server, err := net.Dial("unix", r.server)
		if err != nil {
			_ = client.Close() // who is refused by us is refused by the server
			continue
		}
		conn := &wireConn{}
		r.mu.Lock()
		r.conns = append(r.conns, conn)
		r.mu.Unlock()
		r.ended.Go(func() { relay(client, server, &wireReader{untyped: true}, r.locked(conn, conn.asked)) })
		r.ended.Go(func() { relay(server, client, &wireReader{}, r.locked(conn, conn.told)) })
	}
}

// relay brings over what one side says, once it is noted, until either is gone.
func relay(from, to net.Conn, reader *wireReader, note func(m wireMessage, raw []byte)) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		reader.read(buffer[:n], note)
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

// locked notes a message at the next place in the order.
func (r *wireRecorder) locked(conn *wireConn, note func(m wireMessage, raw []byte, at int)) func(m wireMessage, raw []byte) {
	return func(m wireMessage, raw []byte) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.clock++
		note(m, raw, r.clock)
	}
}

// asked notes a message of the client.
func (c *wireConn) asked(m wireMessage, raw []byte, at int) {
	if c.settings == nil {
		c.settings = wireSettings(m.body)
		return
	}
	c.next.sent = append(c.next.sent, raw...)
	switch m.kind {
	case wireExecute:
		c.next.statements++
	case wireQuery:
		c.next.statements++
		c.asksNow(at)
	case wireSync:
		c.asksNow(at)
	}
}

// asksNow ends an exchange's first half.
func (c *wireConn) asksNow(at int) {
	c.next.begun = at
	c.exchanges = append(c.exchanges, c.next)
	c.next = exchange{}
}

// told notes a message of the server. The first that it is ready answers the settings.
func (c *wireConn) told(m wireMessage, _ []byte, at int) {
	switch m.kind {
	case wireComplete:
		c.tag, _ = wireText(m.body)
	case wireError:
		if c.refused == "" {
			c.refused = wireCode(m.body)
		}
	case wireReady:
		if c.answered < len(c.exchanges) {
			e := &c.exchanges[c.answered]
			e.answered, e.state, e.tag, e.refused = at, m.body[0], c.tag, c.refused
			c.answered++
		}
		c.tag, c.refused = "", ""
	}
}

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// maxReplays bounds how often the bare loop runs one transaction that the server takes
// back because of others.
const maxReplays = 100

// wireLoop runs transactions again, the same bytes in the same pipelines, on as many
// connections as they were recorded from: each connection takes the next one of which
// all are over that it follows. Nobody decides, scans rows, or makes statements
// meanwhile, and a connection prepares each statement once.
//
// What the engine had read is in the arguments, so clocks and ids are those of the
// recording. A transaction that the server took back is taken back here; one that it
// takes back only here is run again, as a loop that is bare must do, too.
type wireLoop struct {
	conns []*wireReplay
}

// openWireLoop opens the connections of a conversation to another database, with the
// settings that they had.
func openWireLoop(ctx context.Context, dsn string, c conversation) (*wireLoop, error) {
	l := &wireLoop{}
	for range c.conns {
		conn, err := dialWire(ctx, dsn, c)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connect: %w", err), l.close())
		}
		l.conns = append(l.conns, conn)
	}
	return l, nil
}

func dialWire(ctx context.Context, dsn string, c conversation) (*wireReplay, error) {
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams = maps.Clone(c.settings)
	delete(config.RuntimeParams, "user")
	delete(config.RuntimeParams, "database")
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	taken, err := conn.Hijack()
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return &wireReplay{
		conn: taken.Conn, answers: bufio.NewReaderSize(taken.Conn, 64<<10), statements: c.statements, prepared: map[string]bool{},
	}, nil
}

// replay runs a conversation again from its first to its last transaction, and returns
// how long those took that are between two places.
func (l *wireLoop) replay(ctx context.Context, c conversation, begun, ended int) (time.Duration, error) {
	if _, err := l.run(ctx, c.until(begun)); err != nil {
		return 0, err
	}
	runtime.GC()
	took, err := l.run(ctx, c.between(begun, ended))
	if err != nil {
		return 0, err
	}
	_, err = l.run(ctx, c.from(ended))
	return took, err
}

// run runs transactions and returns how long that took.
func (l *wireLoop) run(ctx context.Context, part []transaction) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, l.interrupt)()
	order := newWireOrder(part)
	var conns sync.WaitGroup
	start := time.Now()
	for _, conn := range l.conns {
		conns.Go(func() {
			if err := conn.runAll(part, order); err != nil {
				cancel(err)
				order.giveUp()
			}
		})
	}
	conns.Wait()
	return time.Since(start), context.Cause(ctx)
}

// interrupt ends what waits for the server.
func (l *wireLoop) interrupt() {
	for _, conn := range l.conns {
		_ = conn.conn.SetDeadline(time.Now()) // closed is as good
	}
}

func (l *wireLoop) close() error {
	var errs []error
	for _, conn := range l.conns {
		_, err := conn.conn.Write([]byte{'X', 0, 0, 0, 4}) // we go
		errs = append(errs, err, conn.conn.Close())
	}
	return errors.Join(errs...)
}

// wireReplay is one connection of the loop.
type wireReplay struct {
	conn       net.Conn
	answers    *bufio.Reader
	statements map[string][]byte
	prepared   map[string]bool
}

func (c *wireReplay) runAll(part []transaction, order *wireOrder) error {
	for {
		next, ok := order.take()
		if !ok {
			return nil
		}
		if err := c.runUntilDone(part[next]); err != nil {
			return err
		}
		order.end(next)
	}
}

// runUntilDone runs a transaction again until nobody is in its way.
func (c *wireReplay) runUntilDone(t transaction) error {
	for range maxReplays {
		again, err := c.run(t)
		if err != nil || !again {
			return err
		}
	}
	return fmt.Errorf("others were in the way of a transaction %d times", maxReplays)
}

// run runs a transaction once; again says that it must be run once more.
func (c *wireReplay) run(t transaction) (again bool, err error) {
	open := len(t.exchanges) > 1
	for i, e := range t.exchanges {
		if e.refused != "" && i == len(t.exchanges)-1 {
			return false, c.takeBack(open)
		}
		refused, err := c.say(e)
		switch {
		case err != nil:
			return false, err
		case refused == "", e.refused != "":
		case refused == "40001", refused == "40P01":
			return true, c.takeBack(open)
		default:
			return false, fmt.Errorf("the server refuses with %s what it took when it was recorded: %q", refused, e.sent)
		}
	}
	return false, nil
}

// rollback is the message that takes a transaction back.
var rollback = []byte("Q\x00\x00\x00\x0dROLLBACK\x00")

// takeBack ends a transaction without a trace.
func (c *wireReplay) takeBack(open bool) error {
	if !open {
		return nil
	}
	_, err := c.say(exchange{sent: rollback})
	return err
}

// say has one exchange and returns the SQLSTATE of its error, empty for none.
func (c *wireReplay) say(e exchange) (refused string, err error) {
	for _, name := range e.names {
		if err := c.prepare(name); err != nil {
			return "", err
		}
	}
	return c.send(e.sent)
}

// prepare prepares a statement that this connection has not. A transaction that failed
// takes none, and has no use for it.
func (c *wireReplay) prepare(name string) error {
	if c.prepared[name] {
		return nil
	}
	refused, err := c.send(c.statements[name])
	switch {
	case err != nil:
		return err
	case refused == "":
		c.prepared[name] = true
	case refused != "25P02":
		return fmt.Errorf("the server refuses with %s to prepare: %q", refused, c.statements[name])
	}
	return nil
}

// send sends and reads until the server is ready.
func (c *wireReplay) send(text []byte) (refused string, err error) {
	if _, err := c.conn.Write(text); err != nil {
		return "", fmt.Errorf("speak to the server: %w", err)
	}
	if refused, err = c.listen(); err != nil {
		return "", fmt.Errorf("hear the server: %w", err)
	}
	return refused, nil
}

func (c *wireReplay) listen() (refused string, err error) {
	for {
		head, err := c.answers.Peek(wireHead)
		if err != nil {
			return "", err
		}
		kind, size := head[0], 1+int(binary.BigEndian.Uint32(head[1:]))
		if kind != wireError || refused != "" {
			_, err = c.answers.Discard(size)
		} else {
			message := make([]byte, size)
			_, err = io.ReadFull(c.answers, message)
			refused = wireCode(message[wireHead:])
		}
		if err != nil || kind == wireReady {
			return refused, err
		}
	}
}

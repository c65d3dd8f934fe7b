package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
)

func TestWireReader_cuts_messages_wherever_they_arrive_in_parts(t *testing.T) {
	const said = "\x00\x00\x00\x09\x00\x03\x00\x00\x00" + "S\x00\x00\x00\x04" + "Q\x00\x00\x00\x07ab\x00"
	want := []wireMessage{{body: []byte("\x00\x03\x00\x00\x00")}, {kind: 'S', body: []byte{}}, {kind: 'Q', body: []byte("ab\x00")}}
	for size := 1; size <= len(said); size++ {
		var got []wireMessage
		var whole []byte
		r := &wireReader{untyped: true}
		for part := range slices.Chunk([]byte(said), size) {
			r.read(part, func(m wireMessage, raw []byte) {
				got = append(got, wireMessage{kind: m.kind, body: append([]byte{}, m.body...)})
				whole = append(whole, raw...)
			})
		}
		if !reflect.DeepEqual(got, want) || string(whole) != said {
			t.Errorf("in parts of %d: %v", size, got)
		}
	}
}

func TestWireOrder(t *testing.T) {
	write := func(begun, ended int, objects ...string) transaction {
		return transaction{begun: begun, ended: ended, writes: true, objects: objects}
	}
	read := func(begun, ended int, objects ...string) transaction {
		return transaction{begun: begun, ended: ended, objects: objects}
	}
	queue := func(t transaction, marks, claims bool) transaction {
		t.marks, t.claims = marks, claims
		return t
	}
	for _, test := range []struct {
		name string
		part []transaction
		// waves are what may begin at once, one after the other.
		waves [][]int
	}{
		{"others do not wait for each other", []transaction{write(1, 2, "a"), write(3, 4, "b"), write(5, 6)}, [][]int{{0, 1, 2}}},
		{"those of one object wait", []transaction{write(1, 2, "a"), write(3, 4, "a"), write(5, 6, "a")}, [][]int{{0}, {1}, {2}}},
		{"what overlapped does so again", []transaction{write(1, 4, "a"), write(2, 3, "a"), write(5, 6, "a")}, [][]int{{0, 1}, {2}}},
		{"readers wait for writers alone", []transaction{read(1, 2, "a"), read(3, 4, "a"), write(5, 6, "a"), read(7, 8, "a")}, [][]int{{0, 1}, {2}, {3}}},
		{"claims wait for marks and claims", []transaction{
			queue(write(1, 2, "a"), true, false), queue(write(3, 4, "b"), true, false), queue(write(5, 6), false, true),
			queue(write(7, 8, "c"), true, false), queue(write(9, 10), false, true),
		}, [][]int{{0, 1, 3}, {2}, {4}}},
		{"a claim does not wait for a mark that it did not see", []transaction{
			queue(write(1, 9, "a"), true, false), queue(write(3, 4), false, true), queue(write(10, 11), false, true),
		}, [][]int{{0, 1}, {2}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newWireOrder(test.part)
			for _, wave := range test.waves {
				if got := slices.Sorted(slices.Values(o.ready)); !slices.Equal(got, wave) {
					t.Fatalf("ready are %v, want %v", got, wave)
				}
				for range wave {
					i, _ := o.take()
					o.end(i)
				}
			}
			if next, ok := o.take(); ok {
				t.Errorf("there is one more: %d", next)
			}
		})
	}
}

// recordWire returns what is said by somebody who works on a new database, a copy of
// the empty one.
func recordWire(t *testing.T, server *pgtest.Server, name string, do func(ctx context.Context, conn *pgx.Conn)) conversation {
	t.Helper()
	must(t, copyDatabase(t.Context(), server, "before", name))
	recorder, err := startWireRecorder(server.Socket())
	must(t, err)
	conn, err := pgx.Connect(t.Context(), socketDSN(filepath.Dir(recorder.listener.Addr().String()), name))
	must(t, err)
	do(t.Context(), conn)
	must(t, conn.Close(t.Context()))
	must(t, recorder.stop())
	c, err := recorder.conversation(0)
	must(t, err)
	return c
}

// replayInto replays a conversation into another copy.
func replayInto(t *testing.T, server *pgtest.Server, name string, c conversation) error {
	t.Helper()
	must(t, copyDatabase(t.Context(), server, "before", name))
	loop, err := openWireLoop(t.Context(), server.DSN(name), c)
	must(t, err)
	_, err = loop.replay(t.Context(), c, 0, 1<<30)
	return errors.Join(err, loop.close())
}

// writeThings inserts by itself, in a transaction with a pipeline, and in ones that are
// taken back: by us, and by the server.
func writeThings(t *testing.T) func(ctx context.Context, conn *pgx.Conn) {
	return func(ctx context.Context, conn *pgx.Conn) {
		t.Helper()
		exec := func(text string, args ...any) {
			t.Helper()
			_, err := conn.Exec(ctx, text, args...)
			must(t, err)
		}
		exec("INSERT INTO thing VALUES ($1)", "site_01h455vb4pex5vsknk084sn02q")
		exec("BEGIN ISOLATION LEVEL SERIALIZABLE")
		batch := &pgx.Batch{}
		for n := range 3 {
			batch.Queue("INSERT INTO thing VALUES ($1)", fmt.Sprint(n))
		}
		batch.Queue("COMMIT")
		must(t, conn.SendBatch(ctx, batch).Close())
		exec("BEGIN")
		exec("INSERT INTO thing VALUES ('undone')")
		exec("ROLLBACK")
		exec("BEGIN")
		if _, err := conn.Exec(ctx, "INSERT INTO thing VALUES ('0')"); err == nil {
			t.Fatal("a second one was inserted")
		}
		exec("ROLLBACK")
		if _, err := conn.Exec(ctx, "INSERT INTO thing VALUES ('1')"); err == nil {
			t.Fatal("a second one was inserted")
		}
	}
}

func TestWireLoop(t *testing.T) {
	server, err := pgtest.Start(t.Context(), pgtest.Config{})
	must(t, err)
	defer func() { must(t, server.Close()) }()
	must(t, server.Exec(t.Context(), "postgres", "CREATE DATABASE before"))
	must(t, server.Exec(t.Context(), "before", "CREATE TABLE thing (name text PRIMARY KEY); CREATE TABLE mark (name text)"))
	said := recordWire(t, server, "recorded", writeThings(t))
	t.Run("leaves the same rows", func(t *testing.T) {
		must(t, replayInto(t, server, "same", said))
		got, err := sameRowsPostgres(t.Context(), server, "recorded", "same")
		must(t, err)
		if got["thing"] != 4 {
			t.Errorf("got %v", got)
		}
		if n := committed(said.transactions); n != 1 {
			t.Errorf("%d transactions were committed, not 1", n)
		}
		// The six that insert, with BEGIN, COMMIT and ROLLBACK, and the two that fail.
		if n := statementsOf(said.transactions); n != 14 && n != 13 {
			t.Errorf("%d statements were run", n)
		}
		written, err := writtenOnPostgres(t.Context(), server, "same")
		if err != nil || written < 5 {
			t.Errorf("%d rows were written (%v)", written, err)
		}
	})
	t.Run("knows the objects of a transaction", func(t *testing.T) {
		if got := said.transactions[0].objects; !slices.Equal(got, []string{"site_01h455vb4pex5vsknk084sn02q"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("is no replay without a transaction", func(t *testing.T) {
		less := said
		less.transactions = said.transactions[1:]
		must(t, replayInto(t, server, "less", less))
		if _, err := sameRowsPostgres(t.Context(), server, "recorded", "less"); err == nil || !strings.Contains(err.Error(), "thing:3") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends with a statement that fails where it did not", func(t *testing.T) {
		twice := said
		twice.transactions = append(slices.Clone(said.transactions), said.transactions[0])
		if err := replayInto(t, server, "twice", twice); err == nil || !strings.Contains(err.Error(), "23505") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends with its context", func(t *testing.T) {
		loop, err := openWireLoop(t.Context(), server.DSN("before"), said)
		must(t, err)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := loop.run(ended, said.transactions); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		_ = loop.close() // it is of no use any more
	})
}

// Two that are in each other's way only here: the one that is taken back is run again.
func TestWireLoop_runs_again_what_the_server_takes_back(t *testing.T) {
	server, err := pgtest.Start(t.Context(), pgtest.Config{})
	must(t, err)
	defer func() { must(t, server.Close()) }()
	must(t, server.Exec(t.Context(), "postgres", "CREATE DATABASE before"))
	must(t, server.Exec(t.Context(), "before", "CREATE TABLE thing (name text PRIMARY KEY, n int); INSERT INTO thing VALUES ('one', 0)"))
	const rounds = 50
	one := recordWire(t, server, "recorded", func(ctx context.Context, conn *pgx.Conn) {
		for range rounds {
			for _, text := range []string{"BEGIN ISOLATION LEVEL SERIALIZABLE", "UPDATE thing SET n = n + 1", "COMMIT"} {
				_, err := conn.Exec(ctx, text)
				must(t, err)
			}
		}
	})
	one.conns = 4 // and they name no object that would keep them in order
	must(t, replayInto(t, server, "again", one))
	found, err := askPostgres(t.Context(), server.DSN("again"), "SELECT n FROM thing")
	if err != nil || found[0][0] != fmt.Sprint(rounds) {
		t.Errorf("n is %v (%v), not %d", found, err, rounds)
	}
}

package main

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// recorder notes every statement that SQLite begins on the connections that are opened
// while it records. It asks SQLite itself (sqlite3_auto_extension, sqlite3_trace_v2),
// because the store opens its database by the driver's fixed name: what is recorded is
// what the product ran, and the product knows nothing of it.
type recorder struct {
	tls *libc.TLS
	// opened and begun are what SQLite calls. It has their addresses only, so the
	// functions must be kept here.
	opened func(tls *libc.TLS, db, errorText, api uintptr) int32
	begun  func(tls *libc.TLS, kind uint32, conn, prepared, text uintptr) int32

	mu         sync.Mutex
	conns      int
	statements []statement
}

// startRecorder records until stop; one at a time.
func startRecorder() (*recorder, error) {
	r := &recorder{tls: libc.NewTLS()}
	r.opened, r.begun = r.open, r.begin
	if code := sqlite3.Xsqlite3_auto_extension(r.tls, address(&r.opened)); code != sqlite3.SQLITE_OK {
		return nil, fmt.Errorf("record the statements: SQLite answers %d", code)
	}
	return r, nil
}

// stop ends the recording. The connections that it recorded must be closed.
func (r *recorder) stop() {
	sqlite3.Xsqlite3_cancel_auto_extension(r.tls, address(&r.opened))
	r.tls.Close()
}

// count returns how many statements were begun so far.
func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.statements)
}

// open has SQLite tell what a new connection runs.
func (r *recorder) open(tls *libc.TLS, db, _, _ uintptr) int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	number := uintptr(r.conns)
	r.conns++
	return sqlite3.Xsqlite3_trace_v2(tls, db, sqlite3.SQLITE_TRACE_STMT, address(&r.begun), number)
}

// begin notes a statement. What a trigger runs comes as a comment, and again by
// itself when the statement that fired it is replayed.
func (r *recorder) begin(tls *libc.TLS, _ uint32, conn, prepared, text uintptr) int32 {
	if strings.HasPrefix(libc.GoString(text), "--") {
		return 0
	}
	s := statement{
		conn: int(conn), text: libc.GoString(sqlite3.Xsqlite3_sql(tls, prepared)), args: arguments(tls, prepared),
		answers: sqlite3.Xsqlite3_column_count(tls, prepared) > 0,
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, s)
	return 0
}

// arguments returns what is bound to a prepared statement, in the order of their
// numbers. SQLite tells nobody, so this reads its memory.
func arguments(tls *libc.TLS, prepared uintptr) []any {
	vdbe := *(**sqlite3.TVdbe)(unsafe.Pointer(&prepared))
	args := make([]any, sqlite3.Xsqlite3_bind_parameter_count(tls, prepared))
	for i := range args {
		value := vdbe.FaVar + uintptr(i)*unsafe.Sizeof(sqlite3.TMem{})
		mem := *(**sqlite3.TMem)(unsafe.Pointer(&value))
		switch sqlite3.Xsqlite3_value_type(tls, value) {
		case sqlite3.SQLITE_INTEGER:
			args[i] = sqlite3.Xsqlite3_value_int64(tls, value)
		case sqlite3.SQLITE_FLOAT:
			args[i] = sqlite3.Xsqlite3_value_double(tls, value)
		case sqlite3.SQLITE_TEXT:
			args[i] = string(libc.GoBytes(mem.Fz, int(mem.Fn)))
		case sqlite3.SQLITE_BLOB:
			args[i] = append([]byte{}, libc.GoBytes(mem.Fz, int(mem.Fn))...)
		}
	}
	return args
}

// address is what C takes a Go function by; it holds as long as the function is kept.
func address[F any](function *F) uintptr { return *(*uintptr)(unsafe.Pointer(function)) }

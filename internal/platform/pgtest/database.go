package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// TB is what is needed of a test; testing.TB has it.
type TB interface {
	Helper()
	Fatal(args ...any)
	Cleanup(f func())
}

// databaseLimit is how long making or dropping a test's database may take, with
// the start of the server.
const databaseLimit = time.Minute

// shared is the server of this test binary. It is global because a binary's tests
// have nothing else in common.
var shared = &pool{templates: map[uintptr]*template{}}

// pool is a server that starts when somebody first needs it.
type pool struct {
	mu        sync.Mutex
	server    *Server
	templates map[uintptr]*template
}

// template is a migrated database that others are copied from.
type template struct {
	once sync.Once
	name string
	err  error
}

// New returns the URL of a fresh database on the one server of this test binary,
// and drops it when the test ends. It is a copy of a database that migrate has
// been called with once; migrate must leave no connection open, and depend on
// nothing but its arguments, because it is known by its code. Nil for an empty
// database.
//
// The server is stopped by Main.
func New(t TB, migrate func(ctx context.Context, dsn string) error) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), databaseLimit)
	defer cancel()
	server, err := shared.start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	from, err := shared.template(ctx, server, migrate)
	if err != nil {
		t.Fatal(err)
	}
	name := fresh("test")
	if err := server.create(ctx, name, from); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), databaseLimit)
		defer cancel()
		if err := server.Exec(ctx, "postgres", "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Fatal(fmt.Errorf("drop the database of the test: %w", err))
		}
	})
	return server.DSN(name)
}

// Main runs the tests of a binary and stops the server that they shared:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m interface{ Run() int }) int {
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Println(err)
		return max(code, 1)
	}
	return code
}

// start returns the server, and a failure again to everybody who asks.
func (p *pool) start(ctx context.Context) (*Server, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		return p.server, nil
	}
	server, err := Start(ctx, Config{})
	if err != nil {
		return nil, err
	}
	p.server = server
	return server, nil
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return nil
	}
	return p.server.Close()
}

// template returns the name of the database that migrate has made.
func (p *pool) template(ctx context.Context, server *Server, migrate func(ctx context.Context, dsn string) error) (string, error) {
	if migrate == nil {
		return "template0", nil
	}
	made := p.slot(reflect.ValueOf(migrate).Pointer())
	made.once.Do(func() {
		if made.err = server.create(ctx, made.name, "template0"); made.err != nil {
			return
		}
		if err := migrate(ctx, server.DSN(made.name)); err != nil {
			made.err = fmt.Errorf("migrate the database that tests are given copies of: %w", err)
		}
	})
	return made.name, made.err
}

func (p *pool) slot(code uintptr) *template {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.templates[code] == nil {
		p.templates[code] = &template{name: fresh("template")}
	}
	return p.templates[code]
}

// create makes a database. FILE_COPY is the quicker strategy where nothing is
// written to disk at once.
func (s *Server) create(ctx context.Context, name, from string) error {
	if err := s.Exec(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE "+from+" STRATEGY FILE_COPY"); err != nil {
		return errors.Join(fmt.Errorf("make the database of a test: %w", err), ctx.Err())
	}
	return nil
}

// fresh is a name that needs no quotes.
func fresh(kind string) string { return kind + "_" + strings.ToLower(rand.Text()) }

// Package pgtest starts real, throw-away PostgreSQL servers from the installed
// binaries, for tests, the demo and benchmarks.
//
// It owns finding the binaries, one server's life (Server) and a fresh database
// for each test (New). It must not know what is stored there: migrations are the
// caller's. It runs on Linux, and does not import package testing, so programs
// may use it.
//
// Invariants: missing binaries are a failure and never a skip; the server listens
// on a socket that only its user and root reach, and on loopback where that is
// asked for; it does not outlive the process that started it, however that ends.
// For the last one the kernel ends the server when the thread that started it is
// gone (Pdeathsig), so that thread waits for the server and does nothing else.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// superuser is who everybody logs in as.
const superuser = "postgres"

// Config says what to run; the zero value is a quick server on a socket alone.
type Config struct {
	// Dir keeps the data and the log, and a server that finds data there goes on
	// with them. The user that the server runs as must be able to enter it. Empty
	// for a temporary one, which Close removes.
	Dir string
	// Settings are those of postgresql.conf, over the ones chosen here.
	Settings map[string]string
	// Durable leaves PostgreSQL's own settings, as an installation and a benchmark
	// must have them. Without it the server does not fsync: what it has said to be
	// committed survives its own death, but not that of the machine.
	Durable bool
	// Addr is where to listen with TCP as well, such as 127.0.0.1:0 for a free
	// port; empty for nowhere.
	Addr string
	// Password is demanded from those who come by TCP; empty for none.
	Password string
}

// Server is one PostgreSQL server, running or not. It is safe for concurrent use.
type Server struct {
	cfg       Config
	bin       string
	dir       string
	sockets   string
	temporary []*temporary
	host      string
	port      int
	user      user

	mu     sync.Mutex
	run    *run
	paused *guard
}

// Start makes a database cluster and starts a server on it, and returns when that
// answers.
func Start(ctx context.Context, cfg Config) (_ *Server, err error) {
	s := &Server{cfg: cfg, port: 5432}
	if s.bin, err = find(); err != nil {
		return nil, err
	}
	if s.user, err = servant(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.place(); err != nil {
		return nil, err
	}
	if err := s.choosePort(); err != nil {
		return nil, err
	}
	if err := s.initialize(ctx); err != nil {
		return nil, err
	}
	return s, s.start(ctx)
}

// place makes the directories.
func (s *Server) place() (err error) {
	s.dir = s.cfg.Dir
	if s.dir == "" {
		if s.dir, err = s.makeTemporary(os.TempDir()); err != nil {
			return err
		}
	} else if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of the database server: %w", err)
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return fmt.Errorf("find the directory of the database server: %w", err)
	}
	if err := s.user.own(s.dir); err != nil {
		return err
	}
	// The kernel takes paths of sockets up to 107 bytes.
	s.sockets = s.dir
	if len(s.dir) > 107-len("/.s.PGSQL.65535.lock") {
		s.sockets, err = s.makeTemporary("/tmp")
	}
	return err
}

func (s *Server) makeTemporary(parent string) (string, error) {
	made, err := makeTemporary(parent)
	if err != nil {
		return "", err
	}
	s.temporary = append(s.temporary, made)
	return made.path, s.user.own(made.path)
}

// choosePort finds a free port, which PostgreSQL cannot do itself.
func (s *Server) choosePort() error {
	if s.cfg.Addr == "" {
		return nil
	}
	l, err := net.Listen("tcp", s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("choose the port of the database server: %w", err)
	}
	at := l.Addr().(*net.TCPAddr)
	s.host, s.port = at.IP.String(), at.Port
	return l.Close()
}

// initialize makes the cluster where there is none.
func (s *Server) initialize(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(s.data(), "PG_VERSION")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	args := []string{"-D", s.data(), "-U", superuser, "-E", "UTF8", "--locale=C", "--no-instructions", "--auth-local=trust"}
	if !s.cfg.Durable {
		args = append(args, "--no-sync")
	}
	if s.cfg.Password == "" {
		args = append(args, "--auth-host=trust")
	} else {
		file := filepath.Join(s.dir, "password")
		if err := os.WriteFile(file, []byte(s.cfg.Password+"\n"), 0o600); err != nil {
			return fmt.Errorf("write the password of the database server: %w", err)
		}
		defer os.Remove(file)
		if err := s.user.own(file); err != nil {
			return err
		}
		args = append(args, "--auth-host=scram-sha-256", "--pwfile="+file)
	}
	r, err := s.launch("initdb", args...)
	if err != nil {
		return err
	}
	select {
	case <-r.ended:
	case <-ctx.Done():
		_ = r.process.Kill() // it may have ended by now
		<-r.ended
		return fmt.Errorf("make the database cluster: %w", context.Cause(ctx))
	}
	if r.exit != nil {
		return fmt.Errorf("make the database cluster: initdb: %w: %s", r.exit, s.Log())
	}
	return nil
}

// settings are the command line of the server.
func (s *Server) settings() []string {
	all := map[string]string{"listen_addresses": s.host, "max_connections": "200", "timezone": "UTC"}
	if !s.cfg.Durable {
		// synchronous_commit stays on: without it a server that is killed forgets what
		// it said to be committed.
		maps.Copy(all, map[string]string{
			"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "jit": "off", "shared_buffers": "32MB",
		})
	}
	maps.Copy(all, s.cfg.Settings)
	args := []string{"-D", s.data(), "-k", s.sockets, "-p", strconv.Itoa(s.port)}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "-c", name+"="+all[name])
	}
	return args
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// DSN returns the URL of a database over the server's socket.
func (s *Server) DSN(database string) string {
	where := url.Values{"host": {s.sockets}, "port": {strconv.Itoa(s.port)}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database, RawQuery: where.Encode()}).String()
}

// TCPDSN returns the URL of a database over TCP, with the password in it.
func (s *Server) TCPDSN(database string) string {
	who := url.User(superuser)
	if s.cfg.Password != "" {
		who = url.UserPassword(superuser, s.cfg.Password)
	}
	return (&url.URL{Scheme: "postgres", User: who, Host: s.Addr(), Path: "/" + database, RawQuery: "sslmode=disable"}).String()
}

// Addr returns host and port of the TCP listener; empty without one.
func (s *Server) Addr() string {
	if s.host == "" {
		return ""
	}
	return net.JoinHostPort(s.host, strconv.Itoa(s.port))
}

// Socket returns the path of the server's socket.
func (s *Server) Socket() string { return filepath.Join(s.sockets, ".s.PGSQL."+strconv.Itoa(s.port)) }

// Program returns the path of one of PostgreSQL's programs, such as pgbench, of the
// server's version.
func (s *Server) Program(name string) string { return filepath.Join(s.bin, name) }

// Exec runs statements in a database, on a connection of their own.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	conn, err := pgconn.Connect(ctx, s.DSN(database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql).ReadAll()
	return errors.Join(err, conn.Close(ctx))
}

// Log returns what the server has written since its data were made.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

// Close ends the server at once, and removes what is temporary.
func (s *Server) Close() error {
	errs := []error{s.StopImmediately()}
	for _, dir := range s.temporary {
		errs = append(errs, dir.remove())
	}
	return errors.Join(errs...)
}

// find returns the directory of PostgreSQL's programs: that of PG_BIN, that of
// PATH, or the newest that Debian has installed.
func find() (string, error) {
	if dir := os.Getenv("PG_BIN"); dir != "" {
		return dir, nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // the pattern is right
	if len(installed) == 0 {
		return "", errors.New("PostgreSQL is not installed: `apt-get install postgresql`, or say where its programs are by PG_BIN")
	}
	return filepath.Dir(slices.MaxFunc(installed, func(a, b string) int { return major(a) - major(b) })), nil
}

// major is the version in /usr/lib/postgresql/VERSION/bin/postgres; 0 for none.
func major(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

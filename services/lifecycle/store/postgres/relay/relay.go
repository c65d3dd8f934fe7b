// Package relay stands between clients and a PostgreSQL server and loses what they say
// to each other: tests of what a client makes of it. It reads the protocol as far as it
// must to know a COMMIT and a LISTEN when it sees them.
//
// It knows nothing of what is stored. Invariant: what it does not lose it hands on as it
// came, in order.
//
//	client ---Parse, Bind, Execute, Sync---> relay ---> server
//	                  |                        ^
//	               COMMIT: Fate         CommandComplete: Fate
package relay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"time"
)

// Fate is what becomes of one COMMIT. The zero value is a commit that never reaches the
// server, and a connection that both sides lose.
type Fate struct {
	// Passes says that nothing happens to it.
	Passes bool
	// Reaches says that the server gets the COMMIT; its answer is lost.
	Reaches bool
	// Late is how long after the client has lost its connection the server gets the
	// COMMIT, or loses its own.
	Late time.Duration
	// Silent says that the client does not even lose its connection.
	Silent bool
	// Met is called once the server has answered, or will get no COMMIT; nil for nobody.
	Met func()
}

// Relay is a listener on loopback. It is safe for concurrent use.
type Relay struct {
	socket   string
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	decide func() Fate
	pairs  map[*pair]struct{}
	closed bool
	// open is closed while what comes is handed on.
	open chan struct{}
	// end is closed with the relay.
	end chan struct{}
}

// Start begins to listen for clients of the server that listens on a socket.
func Start(socket string) (*Relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for clients of the database: %w", err)
	}
	r := &Relay{
		socket: socket, listener: l, pairs: map[*pair]struct{}{}, open: make(chan struct{}), end: make(chan struct{}),
		decide: func() Fate { return Fate{Passes: true} },
	}
	close(r.open)
	r.running.Go(r.accept)
	return r, nil
}

// DSN returns the URL of the same database through the relay.
func (r *Relay) DSN(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return err.Error()
	}
	u.Host, u.RawQuery = r.listener.Addr().String(), "sslmode=disable"
	return u.String()
}

// OnCommit sets who decides what becomes of each COMMIT.
func (r *Relay) OnCommit(decide func() Fate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.decide = decide
}

// Sometimes decides by a seed: that share of the commits meets one of the fates.
func Sometimes(seed uint64, share float64, fates ...Fate) func() Fate {
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(seed, 0))
	return func() Fate {
		mu.Lock()
		defer mu.Unlock()
		if dice.Float64() >= share {
			return Fate{Passes: true}
		}
		return fates[dice.IntN(len(fates))]
	}
}

// Once lets the first COMMIT meet a fate, and the others pass.
func Once(fate Fate) func() Fate {
	var once sync.Once
	return func() Fate {
		met := Fate{Passes: true}
		once.Do(func() { met = fate })
		return met
	}
}

// Hold hands nothing on until Release; connections stay as they are. But who has reached
// the server says what for: one that is about to end waits for that, for a minute.
func (r *Relay) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.open:
		r.open = make(chan struct{})
	default:
	}
}

// Release hands on what came during Hold, and what comes.
func (r *Relay) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.open:
	default:
		close(r.open)
	}
}

// CutListeners resets the connections that have said LISTEN and returns how many.
func (r *Relay) CutListeners() int { return r.cut((*pair).listens) }

// Cut resets every connection and returns how many.
func (r *Relay) Cut() int { return r.cut(func(*pair) bool { return true }) }

// Connections returns how many there are.
func (r *Relay) Connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pairs)
}

// Close resets every connection and ends the listener.
func (r *Relay) Close() error {
	r.mu.Lock()
	closing := !r.closed
	r.closed = true
	r.mu.Unlock()
	if !closing {
		return nil
	}
	close(r.end)
	err := r.listener.Close()
	r.Cut()
	r.running.Wait()
	return err
}

func (r *Relay) cut(which func(*pair) bool) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.pairs {
		if which(p) {
			p.reset()
			n++
		}
	}
	return n
}

func (r *Relay) fate() Fate {
	r.mu.Lock()
	decide := r.decide
	r.mu.Unlock()
	return decide()
}

// wait returns once what comes is handed on; false when the relay ends.
func (r *Relay) wait() bool {
	r.mu.Lock()
	open := r.open
	r.mu.Unlock()
	select {
	case <-open:
		return true
	case <-r.end:
		return false
	}
}

// after waits for a while, or for the end of the relay.
func (r *Relay) after(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.end:
	}
}

func (r *Relay) accept() {
	for {
		client, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		r.running.Go(func() { r.serve(client.(*net.TCPConn)) })
	}
}

// serve hands on what one client and the server say. A client whose server does not
// take it is reset.
func (r *Relay) serve(client *net.TCPConn) {
	if !r.wait() {
		reset(client)
		return
	}
	server, err := net.Dial("unix", r.socket)
	if err != nil {
		reset(client)
		return
	}
	p := &pair{relay: r, client: client, server: server, statements: map[string]string{}, portals: map[string]string{}}
	r.mu.Lock()
	r.pairs[p] = struct{}{}
	closed := r.closed
	r.mu.Unlock()
	if closed {
		p.reset()
	}
	p.run()
	r.mu.Lock()
	delete(r.pairs, p)
	r.mu.Unlock()
}

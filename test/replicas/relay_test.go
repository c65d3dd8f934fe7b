package replicas_test

import (
	"io"
	"net"
	"sync"
)

// relay passes connections on to a service. What callers send can be held back, as a
// slow network does; answers are not.
type relay struct {
	listener net.Listener
	to       string

	mu sync.Mutex
	// open is closed while nothing is held back.
	open chan struct{}
	// held is how much is held back.
	held  int
	conns []net.Conn
	over  bool
}

func newRelay(to string) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, to: to, open: make(chan struct{})}
	close(r.open)
	go r.serve()
	return r, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) serve() {
	for {
		caller, err := r.listener.Accept()
		if err != nil {
			return
		}
		service, err := net.Dial("tcp", r.to)
		if err != nil {
			caller.Close() // the service does not run
			continue
		}
		if !r.keep(caller, service) {
			return
		}
		go r.forward(caller, service)
		go func() {
			_, _ = io.Copy(caller, service) // ends with the connection
			caller.Close()
		}()
	}
}

// keep notes connections that close must close; false after that.
func (r *relay) keep(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		for _, c := range conns {
			c.Close()
		}
		return false
	}
	r.conns = append(r.conns, conns...)
	return true
}

// mostHeld is how many pieces of one connection are held back before its caller waits.
const mostHeld = 1000

// forward passes on what a caller sends, once it may.
func (r *relay) forward(caller, service net.Conn) {
	defer service.Close()
	defer caller.Close()
	pieces := make(chan piece, mostHeld)
	go r.read(caller, pieces)
	for p := range pieces {
		<-p.open
		if _, err := service.Write(p.text); err != nil {
			return // the reader ends with the connection
		}
	}
}

// piece is something that a caller sent, and what is closed once it may pass.
type piece struct {
	text []byte
	open <-chan struct{}
}

// read takes what a caller sends, also while it is held back.
func (r *relay) read(caller net.Conn, pieces chan<- piece) {
	defer close(pieces)
	for {
		buffer := make([]byte, 16<<10)
		n, err := caller.Read(buffer)
		if err != nil {
			return
		}
		select {
		case pieces <- piece{buffer[:n], r.admit(n)}:
		default:
			return // far more than any test sends
		}
	}
}

// admit returns what is closed once bytes may pass.
func (r *relay) admit(n int) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held += n
	return r.open
}

// hold holds back what callers send from now on.
func (r *relay) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.open:
		r.open, r.held = make(chan struct{}), 0
	default:
	}
}

// release lets everything pass.
func (r *relay) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.open:
	default:
		close(r.open)
	}
}

func (r *relay) close() {
	r.release()
	r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	for _, c := range r.conns {
		c.Close()
	}
}

// waiting returns how many bytes were held back since hold.
func (r *relay) waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

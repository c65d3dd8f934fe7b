package crash_test

import (
	"net"
	"sync"
)

// gate is a listener behind which nobody hears a word while it is shut: what
// callers send waits, and nothing is refused.
type gate struct {
	net.Listener

	mu   sync.Mutex
	open chan struct{} // closed while the gate is open
}

func newGate(l net.Listener) *gate {
	g := &gate{Listener: l, open: make(chan struct{})}
	close(g.open)
	return g
}

// Shut keeps what arrives from now on.
func (g *gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

// Open lets it through. A gate that is open stays so.
func (g *gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}

func (g *gate) passable() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	conn, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &gatedConn{Conn: conn, gate: g}, nil
}

type gatedConn struct {
	net.Conn

	gate *gate
}

// Read hands on what arrived once the gate is open.
func (c *gatedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	<-c.gate.passable()
	return n, err
}

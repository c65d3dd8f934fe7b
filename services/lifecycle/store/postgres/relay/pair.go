package relay

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// pair is one client's connection and the relay's own to the server.
type pair struct {
	relay  *Relay
	client *net.TCPConn
	server net.Conn
	// statements are the texts of those that the client prepared, portals the texts of
	// those that it bound; both by their names.
	statements, portals map[string]string

	listened atomic.Bool
	mu       sync.Mutex
	// lost is what becomes of the COMMIT whose answer is awaited; nil for none.
	lost *Fate
}

// reset ends a connection in a way that its other end notices at once.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0) // fails when it is closed, which is what is wanted
	_ = conn.Close()
}

func (p *pair) reset() {
	reset(p.client)
	_ = p.server.Close()
}

func (p *pair) listens() bool { return p.listened.Load() }

// run hands on in both directions until one of them ends.
func (p *pair) run() {
	var back sync.WaitGroup
	back.Go(p.answers)
	p.requests()
	_ = p.server.Close()
	back.Wait()
	_ = p.client.Close()
}

// requests hands on what the client says.
func (p *pair) requests() {
	from, to := bufio.NewReader(p.client), bufio.NewWriter(p.server)
	for first := true; ; first = false {
		m, err := read(from, first)
		if err != nil || !first && !p.relay.wait() {
			return
		}
		if p.note(m) {
			if fate := p.relay.fate(); !fate.Passes && !p.lose(fate) {
				return
			}
		}
		_, _ = to.Write(m.bytes) // Flush says the same
		if from.Buffered() > 0 {
			continue
		}
		if err := to.Flush(); err != nil {
			return
		}
		if m.kind == 'X' && p.losing() != nil { // Terminate: who has heard nothing goes
			return
		}
	}
}

func (f Fate) met() {
	if f.Met != nil {
		f.Met()
	}
}

// lose lets a COMMIT meet its fate. It reports whether the server is to get it.
func (p *pair) lose(fate Fate) bool {
	if fate.Reaches {
		p.mu.Lock()
		p.lost = &fate
		p.mu.Unlock()
	}
	if !fate.Reaches {
		fate.met()
	}
	switch {
	case fate.Silent && !fate.Reaches:
		_, _ = p.client.Read(make([]byte, 1)) // until the client has had enough
	case fate.Late > 0 || !fate.Reaches:
		reset(p.client)
	}
	p.relay.after(fate.Late)
	return fate.Reaches
}

// answers hands on what the server says, but for the answer to a COMMIT that is lost
// and what comes after it.
func (p *pair) answers() {
	from, to := bufio.NewReader(p.server), bufio.NewWriter(p.client)
	for {
		m, err := read(from, false)
		if err != nil {
			p.ended()
			return
		}
		if !p.relay.wait() {
			return
		}
		if fate := p.losing(); fate != nil {
			if !m.commits() {
				continue
			}
			fate.met()
			if !fate.Silent {
				reset(p.client)
			}
			continue
		}
		_, _ = to.Write(m.bytes) // Flush says the same
		if from.Buffered() == 0 && to.Flush() != nil {
			return
		}
	}
}

// ended tells the client that the server has ended the connection, unless it is to hear
// nothing.
func (p *pair) ended() {
	if fate := p.losing(); fate == nil || !fate.Silent {
		_ = p.client.Close()
	}
}

func (p *pair) losing() *Fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// note follows which statement is which, and reports whether a message runs COMMIT.
func (p *pair) note(m message) bool {
	text := ""
	switch m.kind {
	case 'P': // Parse
		name, rest := m.word(0)
		text, _ = m.word(rest)
		p.statements[name] = text
		return false
	case 'B': // Bind
		portal, rest := m.word(0)
		name, _ := m.word(rest)
		p.portals[portal] = p.statements[name]
		return false
	case 'E': // Execute
		portal, _ := m.word(0)
		text = p.portals[portal]
	case 'Q': // Query
		text, _ = m.word(0)
	}
	if strings.HasPrefix(text, "LISTEN ") {
		p.listened.Store(true)
	}
	return strings.EqualFold(strings.Trim(text, " ;\n"), "commit")
}

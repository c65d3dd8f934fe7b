package cloudflare

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Call is one call in the log.
type Call struct {
	Seq int `json:"seq"`
	// Actor is "token" for a client of the API and "hand" for somebody else who
	// changes the same things, for instance in the dashboard.
	Actor  string `json:"actor"`
	Method string `json:"method"`
	Path   string `json:"path"` // after /client/v4
	Query  string `json:"query,omitempty"`
	// Status is what was answered; 0 when the connection was cut or never answered.
	Status int `json:"status"`
	// Mutating says that the call would change something, whether or not it did.
	Mutating bool `json:"mutating"`
	// Effect says that the call did change something.
	Effect      bool      `json:"effect"`
	RequestBody string    `json:"request_body,omitempty"`
	At          time.Time `json:"at"`
}

const (
	actorToken = "token"
	actorHand  = "hand"
)

const (
	// maxCalls and maxLogged are how many calls, and bytes of their bodies, the log
	// keeps. The oldest are forgotten first.
	maxCalls  = 100_000
	maxLogged = 64 << 20
)

// journal keeps the calls.
type journal struct {
	mu     sync.Mutex
	seq    int
	calls  []Call
	logged int // bytes of bodies
}

// add numbers a call and keeps it.
func (j *journal) add(c Call) (seq int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	c.Seq = j.seq
	j.calls = append(j.calls, c)
	j.logged += len(c.RequestBody)
	for len(j.calls) > 1 && (len(j.calls) > maxCalls || j.logged > maxLogged) {
		j.logged -= len(j.calls[0].RequestBody)
		j.calls[0] = Call{}
		j.calls = j.calls[1:]
	}
	return c.Seq
}

// cut notes that a call was not answered after all.
func (j *journal) cut(seq int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.calls {
		if j.calls[i].Seq == seq {
			j.calls[i].Status = 0
		}
	}
}

// Log returns the calls since the start or the last ResetLog, oldest first.
func (s *Server) Log() []Call {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return slices.Clone(s.journal.calls)
}

// ResetLog empties the log. The numbers go on.
func (s *Server) ResetLog() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.calls, s.journal.logged = nil, 0
}

// note writes a call into the log. The server's mutex is held, so the order is
// that of the effects.
func (s *Server) note(c *call, fault Fault) {
	status := c.status
	if fault.unanswered() {
		status = 0
	}
	entry := Call{
		Actor: actorToken, Method: c.request.Method, Path: c.path, Query: c.request.URL.RawQuery,
		Status: status, Mutating: mutating(c.request.Method), Effect: c.effect,
		RequestBody: string(c.sent), At: s.cfg.Clock(),
	}
	c.seq = s.journal.add(entry)
	s.log.Debug("call", "method", entry.Method, "path", entry.Path, "status", status, "effect", entry.Effect)
}

func mutating(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

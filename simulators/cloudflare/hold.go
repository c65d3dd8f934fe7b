package cloudflare

import (
	"slices"
	"sync"
	"time"
)

// HeldCall is a call that waits for Release.
type HeldCall struct {
	Method string `json:"method"`
	Path   string `json:"path"` // after /client/v4
	// Effect says that the call has had its effect, and only its answer is held.
	Effect bool      `json:"effect"`
	Since  time.Time `json:"since"`
}

// heldCalls are the calls that wait, in the order in which they came.
type heldCalls struct {
	mu       sync.Mutex
	calls    []*HeldCall
	released chan struct{} // closed by the next Release
}

// hold keeps a call waiting until Release. It returns false when the client has
// gone away first, or the server stops.
func (s *Server) hold(c *call, f Fault) bool {
	released, leave := s.holds.enter(&HeldCall{
		Method: c.request.Method, Path: c.path, Effect: f.Kind == FaultApplyThenHold, Since: s.cfg.Clock(),
	})
	defer leave()
	select {
	case <-released:
		return true
	case <-c.request.Context().Done():
	case <-s.stopping:
	}
	return false
}

func (h *heldCalls) enter(c *HeldCall) (released <-chan struct{}, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, c)
	return h.released, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.calls = slices.DeleteFunc(h.calls, func(other *HeldCall) bool { return other == c })
	}
}

// Held returns the calls that are held now. A held call has been received whole.
func (s *Server) Held() []HeldCall {
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	held := []HeldCall{}
	for _, c := range s.holds.calls {
		held = append(held, *c)
	}
	return held
}

// Release lets all calls that are held now go on. What comes later is held again
// while the fault lasts.
func (s *Server) Release() {
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	close(s.holds.released)
	s.holds.released = make(chan struct{})
}

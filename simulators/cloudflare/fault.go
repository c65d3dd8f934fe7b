package cloudflare

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

// FaultKind is a way for the API to misbehave on purpose.
type FaultKind string

const (
	// FaultStatus answers a status, without effect: 429 as an overdrawn budget
	// does, 5xx with a page of HTML, others as an error of the API.
	FaultStatus FaultKind = "status"
	// FaultDropBefore cuts the connection, without effect. Go's client sends a GET
	// again by itself when that happens on a connection that it has used before.
	FaultDropBefore FaultKind = "drop_before"
	// FaultApplyThenHang takes effect and never answers: it waits until the client
	// gives up or the server stops.
	FaultApplyThenHang FaultKind = "apply_then_hang"
	// FaultApplyThenDrop takes effect and cuts the connection.
	FaultApplyThenDrop FaultKind = "apply_then_drop"
	// FaultSuccessFalse answers 200 with success:false, without effect.
	FaultSuccessFalse FaultKind = "success_false"
	// FaultMalformed answers 200 with broken JSON, without effect.
	FaultMalformed FaultKind = "malformed"
	// FaultRace lets somebody else act just before the call is answered: put a
	// configuration on the tunnel, or create a record in the zone, of the path.
	FaultRace FaultKind = "race"
	// FaultStale answers reads from the state at the time of Inject.
	FaultStale FaultKind = "stale"
	// FaultHold keeps a call waiting, without effect, until Release; then it goes
	// on. It never has an effect when the client goes away first.
	FaultHold FaultKind = "hold"
	// FaultApplyThenHold takes effect, and keeps the answer until Release.
	FaultApplyThenHold FaultKind = "apply_then_hold"
)

var faultKinds = []FaultKind{
	FaultStatus, FaultDropBefore, FaultApplyThenHang, FaultApplyThenDrop,
	FaultSuccessFalse, FaultMalformed, FaultRace, FaultStale, FaultHold, FaultApplyThenHold,
}

// Fault says which calls misbehave, and how.
type Fault struct {
	Method string    `json:"method,omitempty"` // empty for all
	Path   string    `json:"path,omitempty"`   // regular expression on the path after /client/v4; empty for all
	Skip   int       `json:"skip,omitempty"`   // so many matching calls are spared first
	Times  int       `json:"times,omitempty"`  // so many misbehave; 0 for all until Clear
	Kind   FaultKind `json:"kind"`

	Status     int    `json:"status,omitempty"`      // of FaultStatus; 0 for 500
	Code       int    `json:"code,omitempty"`        // of FaultStatus and FaultSuccessFalse; 0 for 10000
	Body       string `json:"body,omitempty"`        // of FaultStatus and FaultMalformed, instead of the usual one
	RetryAfter int    `json:"retry_after,omitempty"` // of FaultStatus 429, in seconds; 0 for 300

	Configuration json.RawMessage `json:"configuration,omitempty"` // of FaultRace
	Record        *Record         `json:"record,omitempty"`        // of FaultRace; its zone is that of the path

	path *regexp.Regexp
	past *state
}

// faults are the faults that wait for calls, in the order of injection.
type faults struct {
	mu   sync.Mutex
	list []*waitingFault
}

type waitingFault struct {
	Fault
	seen, used int
}

// Inject adds a fault. A call meets at most one, the first that it matches.
func (s *Server) Inject(f Fault) error {
	if !slices.Contains(faultKinds, f.Kind) {
		return fmt.Errorf("inject fault: kind %q is none of %v", f.Kind, faultKinds)
	}
	path, err := regexp.Compile(f.Path)
	if err != nil {
		return fmt.Errorf("inject fault: path: %w", err)
	}
	f.path = path
	if f.Kind == FaultStale {
		s.mu.Lock()
		f.past, err = s.state.clone()
		s.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("inject fault: %w", err)
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, &waitingFault{Fault: f})
	return nil
}

// Clear ends all faults.
func (s *Server) Clear() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
}

// take returns the fault that a call meets; the zero fault is none.
func (fs *faults) take(method, path string) Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.list {
		if f.Method != "" && f.Method != method || !f.path.MatchString(path) || f.Times > 0 && f.used >= f.Times {
			continue
		}
		if f.seen++; f.seen <= f.Skip {
			continue
		}
		f.used++
		return f.Fault
	}
	return Fault{}
}

// reaches reports whether a call reaches the API in spite of the fault.
func (f Fault) reaches() bool {
	switch f.Kind {
	case FaultStatus, FaultDropBefore, FaultSuccessFalse, FaultMalformed:
		return false
	}
	return true
}

// unanswered reports whether the client never sees an answer.
func (f Fault) unanswered() bool {
	return f.Kind == FaultDropBefore || f.Kind == FaultApplyThenDrop || f.Kind == FaultApplyThenHang
}

// answer writes the answer of a fault that does not reach the API.
func (f Fault) answer(c *call) {
	switch f.Kind {
	case FaultStatus:
		f.answerStatus(c)
	case FaultSuccessFalse:
		c.sendError(refuse(http.StatusOK, f.code(), "Something went wrong"))
	case FaultMalformed:
		c.answer(http.StatusOK, "application/json", f.bodyOr(`{"success":true,"errors":[],"messages":[],"result":[{"id":"0`))
	}
}

func (f Fault) answerStatus(c *call) {
	switch {
	case f.Status == http.StatusTooManyRequests:
		wait := time.Duration(f.RetryAfter) * time.Second
		if wait == 0 {
			wait = window
		}
		c.header.Set("Ratelimit", fmt.Sprintf(`"default";r=0;t=%d`, seconds(wait)))
		c.retryAfter(wait)
		c.sendError(errThrottled)
	case f.Status >= 400 && f.Status < 500:
		c.sendError(refuse(f.Status, f.code(), "Something went wrong"))
	default:
		status := f.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		page := fmt.Sprintf("<html><head><title>%d %s</title></head><body><center><h1>%[1]d %[2]s</h1></center><hr><center>cloudflare</center></body></html>\n", status, http.StatusText(status))
		c.answer(status, "text/html; charset=UTF-8", f.bodyOr(page))
	}
	if f.Body != "" {
		c.body = []byte(f.Body)
	}
}

func (f Fault) code() int {
	if f.Code == 0 {
		return 10000
	}
	return f.Code
}

func (f Fault) bodyOr(usual string) []byte {
	if f.Body != "" {
		return []byte(f.Body)
	}
	return []byte(usual)
}

// raced finds the tunnel or the zone in a path.
var (
	racedTunnel = regexp.MustCompile(`/cfd_tunnel/([^/]+)`)
	racedZone   = regexp.MustCompile(`/zones/([^/]+)`)
)

// race lets somebody else act before the call does. The mutex is held.
func (s *Server) race(c *call, f Fault) {
	if f.Kind != FaultRace {
		return
	}
	var err error
	if m := racedTunnel.FindStringSubmatch(c.path); m != nil && f.Configuration != nil {
		err = s.byHand(http.MethodPut, c.path, f.Configuration, func() error {
			return s.configureByHand(m[1], f.Configuration)
		})
	}
	if m := racedZone.FindStringSubmatch(c.path); m != nil && f.Record != nil {
		err = s.byHand(http.MethodPost, c.path, f.Record, func() error {
			_, err := s.addRecordByHand(m[1], *f.Record)
			return err
		})
	}
	if err != nil {
		s.log.Error("race not run", "path", c.path, "error", err)
	}
}

// deliver sends the answer, or keeps the client from seeing it.
func (s *Server) deliver(w http.ResponseWriter, c *call, f Fault) {
	switch f.Kind {
	case FaultApplyThenHang:
		select {
		case <-c.request.Context().Done():
		case <-s.stopping:
		}
		panic(http.ErrAbortHandler)
	case FaultDropBefore, FaultApplyThenDrop:
		panic(http.ErrAbortHandler)
	case FaultApplyThenHold:
		if !s.hold(c, f) {
			s.journal.cut(c.seq)
			panic(http.ErrAbortHandler)
		}
	}
	for name, values := range c.header {
		w.Header()[name] = values
	}
	w.WriteHeader(c.status)
	if c.status != http.StatusNotModified {
		// A client that has gone away needs no answer.
		_, _ = w.Write(c.body)
	}
}

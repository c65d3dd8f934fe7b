package api

import (
	"net/http"
	"time"
)

// boundWrites ends the connection of a caller who does not read the answer: neither a
// stream nor the rest of a page may wait for it forever.
func boundWrites(next http.Handler, patience time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bounded := &boundedWriter{ResponseWriter: w, control: http.NewResponseController(w), patience: patience}
		next.ServeHTTP(bounded, r)
		bounded.begin() // what is left in the buffer is written when the handler has ended
	})
}

// boundedWriter bounds each write, and not the time between them.
type boundedWriter struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
}

// begin lets the writes from now on take no longer than the patience.
func (w *boundedWriter) begin() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.patience)) // a writer without deadlines has no connection
}

func (w *boundedWriter) end() { _ = w.control.SetWriteDeadline(time.Time{}) }

// Write implements http.ResponseWriter.
func (w *boundedWriter) Write(p []byte) (int, error) {
	w.begin()
	defer w.end()
	return w.ResponseWriter.Write(p)
}

// FlushError is what http.ResponseController calls.
func (w *boundedWriter) FlushError() error {
	w.begin()
	defer w.end()
	return w.control.Flush()
}

// Flush implements http.Flusher.
func (w *boundedWriter) Flush() { _ = w.FlushError() }

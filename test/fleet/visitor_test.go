package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// page is what the origin serves.
const page = "hello from the origin"

// serveOrigin is a tenant's web server.
func serveOrigin(address string) error {
	return (&http.Server{
		Addr: address, ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) }),
	}).ListenAndServe()
}

// fetch asks for the front page of a name at an address, on a fresh connection.
func fetch(ctx context.Context, address, name string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return err
	}
	request.Host, request.Close = name, true
	answer, err := new(http.Transport).RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && string(body) != page {
		err = fmt.Errorf("it answers %s: %.200s", answer.Status, body)
	}
	return err
}

// report is what a visitor tells in the end.
type report struct {
	Answers int
	Bad     []string
}

// visit asks again and again while anybody holds our input, and then tells how it went.
func visit(address, name string) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var r report
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for ctx.Err() == nil {
		asked, done := context.WithTimeout(context.Background(), 10*time.Second)
		if err := fetch(asked, address, name); err != nil {
			r.Bad = append(r.Bad, fmt.Sprintf("%s: %v", time.Now().Format(time.TimeOnly), err))
		}
		done()
		r.Answers++
		select {
		case <-pace.C:
		case <-ctx.Done():
		}
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// visit lets somebody on the host ask an address for a name until leave is called,
// which fails the test if anything but the page was answered.
func (h *host) visit(address, name string) (leave func()) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	visitor := h.enter(ctx, []string{inside + "=" + beVisitor}, self(h.t), address, name)
	stdin, err := visitor.StdinPipe()
	check(h.t, err)
	told, err := visitor.StdoutPipe()
	check(h.t, err)
	visitor.Stderr = os.Stderr
	check(h.t, visitor.Start())
	left := false
	leave = func() {
		h.t.Helper()
		if left {
			return
		}
		left = true
		defer cancel()
		check(h.t, stdin.Close())
		var r report
		err := json.NewDecoder(bufio.NewReader(told)).Decode(&r)
		if ended := visitor.Wait(); err == nil {
			err = ended
		}
		if err != nil || r.Answers == 0 || len(r.Bad) > 0 {
			h.t.Errorf("of %d answers of %s, %d were not the page, the first: %v (%v)", r.Answers, address, len(r.Bad), append(r.Bad, "")[0], err)
		}
	}
	h.t.Cleanup(func() { cancel() })
	return leave
}

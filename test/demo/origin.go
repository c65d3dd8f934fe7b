package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// origin is a tenant's web server.
type origin struct {
	address string
	// page is every answer. It names the origin and bears a token of this run,
	// so that no other server's answer can be mistaken for it.
	page   string
	server *http.Server
	ended  chan error
}

func startOrigin(ctx context.Context) (*origin, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the origin: %w", err)
	}
	o := &origin{address: listener.Addr().String(), ended: make(chan error, 1)}
	o.page = fmt.Sprintf("Hello from the demo's origin at %s, token %s.\n", o.address, rand.Text())
	o.server = &http.Server{Handler: http.HandlerFunc(o.answer), ReadHeaderTimeout: 5 * time.Second}
	go func() { o.ended <- o.server.Serve(listener) }()
	return o, nil
}

func (o *origin) answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// A visitor that went away is no concern of the origin.
	_, _ = io.WriteString(w, o.page)
}

func (o *origin) stop() error {
	closed := o.server.Close()
	if err := <-o.ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the origin: %w", err)
	}
	return closed
}

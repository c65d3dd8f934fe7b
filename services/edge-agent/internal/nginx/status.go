package nginx

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Status is what one worker answers about itself.
type Status struct {
	Generation uint64 `json:"generation"`
	Hash       string `json:"hash"`
	PID        int    `json:"pid"`
}

// Status asks whichever worker accepts a fresh connection.
func (n *Instance) Status(ctx context.Context) (Status, error) {
	var status Status
	err := GetJSON(ctx, n.config.Runtime.StatusSocket(), "status", "/", &status)
	return status, err
}

// AnswerError is an answer other than 200.
type AnswerError struct{ Code int }

// Error names the code.
func (e *AnswerError) Error() string { return fmt.Sprintf("nginx answered %d", e.Code) }

const (
	askTimeout = 2 * time.Second
	mostAnswer = 4 << 10
)

// GetJSON asks for path with the given Host over a fresh connection to a unix
// socket. An answer other than 200 is an *AnswerError.
func GetJSON(ctx context.Context, socket, host, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask nginx: %w", err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask nginx: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return &AnswerError{Code: response.StatusCode}
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, mostAnswer)).Decode(into); err != nil {
		return fmt.Errorf("read the answer of nginx: %w", err)
	}
	return nil
}

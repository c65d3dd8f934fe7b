package ranges

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// fetchTimeout is for the whole exchange; checks wait for it.
	fetchTimeout = 3 * time.Second
	// maxBody is how much of an answer is read, in bytes.
	maxBody = 64 << 10
)

// newClient takes no proxy and follows no redirect: the URL is the operator's
// word, and nobody else's counts.
func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSHandshakeTimeout: fetchTimeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// envelope is how Cloudflare answers.
type envelope struct {
	Success bool `json:"success"`
	Result  struct {
		IPv4 []string `json:"ipv4_cidrs"`
		IPv6 []string `json:"ipv6_cidrs"`
		ETag string   `json:"etag"`
	} `json:"result"`
}

// fetch returns the list as it is published now. It outlives the caller's wish to
// know, as the next one will want it too.
func (c *Cloudflare) fetch(ctx context.Context, now time.Time) (list, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return list{}, fmt.Errorf("make request for the list: %w", err)
	}
	if c.list.tag != "" {
		request.Header.Set("If-None-Match", c.list.tag)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return list{}, fmt.Errorf("fetch the list: %w", err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && c.list.tag != "":
		same := c.list
		same.at = now
		return same, nil
	case response.StatusCode != http.StatusOK:
		return list{}, fmt.Errorf("fetch the list: status %d", response.StatusCode)
	}
	return read(response, now)
}

// read makes a list of an answer.
func read(response *http.Response, now time.Time) (list, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return list{}, fmt.Errorf("read the list: %w", err)
	}
	if len(body) > maxBody {
		return list{}, fmt.Errorf("the list is longer than %d bytes", maxBody)
	}
	var answer envelope
	if err := json.Unmarshal(body, &answer); err != nil {
		return list{}, fmt.Errorf("read the list: %w", err)
	}
	if !answer.Success {
		return list{}, errors.New("the list is not given: success is false")
	}
	networks, err := parse(append(answer.Result.IPv4, answer.Result.IPv6...))
	if err != nil {
		return list{}, err
	}
	tag := response.Header.Get("ETag")
	if tag == "" && answer.Result.ETag != "" {
		tag = `"` + answer.Result.ETag + `"`
	}
	return list{networks: networks, at: now, tag: tag}, nil
}

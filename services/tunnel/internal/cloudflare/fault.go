package cloudflare

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
)

// Codes with which Cloudflare refuses a token, whatever the status: malformed
// headers, invalid token, wrong permission.
var tokenCodes = []int{6003, 6111, 9109, 10000}

const (
	// defaultBlock is how long Cloudflare blocks those who call too often.
	defaultBlock = 5 * time.Minute
	// maxWait is the longest wait that is believed; a longer one overflows.
	maxWait = 24 * time.Hour
)

// refusal is Cloudflare's answer that it will not do this one thing.
type refusal struct {
	status  int
	message string // Cloudflare's own words with their codes
}

// Error is Cloudflare's own words.
func (e *refusal) Error() string { return "Cloudflare refuses: " + e.message }

// settled marks an error of a call that is over: it was never sent, or Cloudflare
// itself answered. Perhaps it had its effect, but it will have none later.
type settled struct{ error }

// Unwrap returns the error.
func (e *settled) Unwrap() error { return e.error }

// over says whether a call can have no effect any more.
func over(err error) bool {
	var answered *settled
	return err == nil || errors.As(err, &answered)
}

// ignoreGone takes "there is no such thing" for a delete that worked. Whether it
// did is read back.
func ignoreGone(err error) error {
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return nil
	}
	return err
}

// known says whether an error is one of ours already.
func known(err error) bool {
	var answered *settled
	var unknown *fault.Unavailable
	return errors.As(err, &answered) || errors.As(err, &unknown)
}

// unreadable takes a refusal to show something for what it is: nothing is known.
func unreadable(err error) error {
	var refused *refusal
	if errors.As(err, &refused) {
		return &fault.Unavailable{Message: refused.Error()}
	}
	return err
}

// malformed is an answer that cannot be believed.
func malformed(what string) error {
	return &fault.Unavailable{Message: "Cloudflare's answer makes no sense: " + what}
}

// verdict is the part of an answer that says whether it worked.
type verdict struct {
	// Success is missing in some answers to DELETE.
	Success *bool           `json:"success"`
	ID      string          `json:"id"`
	Result  json.RawMessage `json:"result"`
	Errors  []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
}

// judge returns the error that an answer is, or nil. Only JSON that says that it
// worked is taken for success.
func judge(request *http.Request, response *http.Response, body []byte) error {
	if response.StatusCode > http.StatusInternalServerError {
		// Somebody on the way answered, and the call may still be under way.
		return &fault.Unavailable{Message: fmt.Sprintf("Cloudflare answers with status %d", response.StatusCode)}
	}
	if err := judgeAnswer(request, response, body); err != nil {
		return &settled{err}
	}
	return nil
}

func judgeAnswer(request *http.Request, response *http.Response, body []byte) error {
	var said verdict
	readable := json.Unmarshal(body, &said) == nil && len(body) <= maxAnswer
	switch status := response.StatusCode; {
	case status >= 500:
		return &fault.Unavailable{Message: fmt.Sprintf("Cloudflare answers with status %d", status)}
	case status == http.StatusTooManyRequests:
		wait := retryAfter(response.Header)
		return &fault.Unavailable{RetryAfter: wait,
			Message: fmt.Sprintf("Cloudflare asks not to be called for %s", wait.Round(time.Second))}
	case status == http.StatusForbidden && request.Method != http.MethodGet && said.refusesHostname():
		return &refusal{status: status, message: said.words(status)}
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status >= 400 && said.refusesToken():
		return denied(request, said)
	case status >= 400 && readable:
		return &refusal{status: status, message: said.words(status)}
	case status >= 300 || !readable:
		return malformed(fmt.Sprintf("status %d without readable JSON", status))
	case !said.worked(request.Method):
		return &fault.Unavailable{Message: "Cloudflare says that it did not work: " + said.words(status)}
	}
	return nil
}

func (v verdict) worked(method string) bool {
	result := len(v.Result) > 0 && string(v.Result) != "null"
	if v.Success == nil {
		return method == http.MethodDelete && (v.ID != "" || result)
	}
	return *v.Success && result
}

func (v verdict) refusesToken() bool {
	for _, e := range v.Errors {
		if slices.Contains(tokenCodes, e.Code) {
			return true
		}
	}
	return false
}

// refusesHostname says whether it is one custom hostname that is refused, because
// the quota is used up or the plan lacks what it needs. Cloudflare answers that
// like a refused token, but with codes from 1400 to 1499.
func (v verdict) refusesHostname() bool {
	for _, e := range v.Errors {
		if e.Code >= 1400 && e.Code < 1500 {
			return !v.refusesToken()
		}
	}
	return false
}

// words are Cloudflare's own, with the codes that its documentation lists.
func (v verdict) words(status int) string {
	var all []string
	for _, e := range v.Errors {
		all = append(all, fmt.Sprintf("%s (%d)", e.Message, e.Code))
	}
	if len(all) == 0 {
		return fmt.Sprintf("status %d without a reason", status)
	}
	return strings.Join(all, "; ")
}

func denied(request *http.Request, said verdict) error {
	needed := permissionFor(request.URL.Path)
	return &fault.Permission{Needed: needed, Message: fmt.Sprintf(
		"Cloudflare refuses the token for %s %s: %s; it needs the permission %s",
		request.Method, request.URL.Path, said.words(http.StatusForbidden), needed)}
}

// permissionFor names what a token must be allowed, as the dashboard spells it.
func permissionFor(path string) string {
	switch {
	case strings.Contains(path, "/dns_records"):
		return "Zone:DNS:Edit"
	case strings.Contains(path, "/cfd_tunnel"):
		return "Account:Cloudflare Tunnel:Edit"
	case strings.Contains(path, "/custom_hostnames"):
		return "Zone:SSL and Certificates:Edit"
	default:
		return "Zone:Read"
	}
}

// retryAfter reads the header, which holds seconds or a date.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, maxWait.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil && time.Until(at) > 0 {
		return min(time.Until(at), maxWait)
	}
	return defaultBlock
}

package cloudflare

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// window is the time that a budget of calls is for, and how long a token that
// has overdrawn it is blocked.
const window = 5 * time.Minute

var (
	errUnauthenticated = refuse(http.StatusUnauthorized, 10000, "Authentication error")
	errInvalidToken    = refuse(http.StatusForbidden, 9109, "Invalid access token")
	errForbidden       = refuse(http.StatusForbidden, 10000, "Authentication error")
	errThrottled       = refuse(http.StatusTooManyRequests, 971, "Please wait and consider throttling your request speed")
)

// bearer returns the secret that a request shows.
func bearer(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// authenticate finds the token of a call and takes the call off its budget.
func (s *Server) authenticate(c *call) *apiError {
	secret := bearer(c.request)
	token, known := s.tokens[secret]
	switch {
	case secret == "":
		return errUnauthenticated
	case !known:
		return errInvalidToken
	}
	c.token = token
	return s.spend(c, secret)
}

// may reports whether a token has a permission.
func (t Token) may(p Permission) bool { return slices.Contains(t.Permissions, p) }

// sees reports whether a token acts in an account.
func (t Token) sees(accountID string) bool { return slices.Contains(t.AccountIDs, accountID) }

// SetTokenPermissions replaces what a token may do, as its owner can at any
// time. None leaves a token that may do nothing.
func (s *Server) SetTokenPermissions(secret string, permissions ...Permission) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, known := s.tokens[secret]
	if !known {
		return fmt.Errorf("set token permissions: no such token")
	}
	token.Permissions = slices.Clone(permissions)
	s.tokens[secret] = token
	return nil
}

// RevokeToken makes a token unknown, as its owner can at any time.
func (s *Server) RevokeToken(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, secret)
}

// budget counts the calls of one token.
type budget struct {
	since   time.Time
	used    int
	blocked time.Time // until when
}

// spend counts a call and refuses it when the budget is overdrawn. Whoever
// overdraws is blocked for a whole window, whatever the call.
func (s *Server) spend(c *call, secret string) *apiError {
	b, now := s.budgets[secret], s.cfg.Clock()
	if now.Sub(b.since) >= window {
		b.since, b.used = now, 0
	}
	if b.used++; b.used > s.cfg.Budget && !now.Before(b.blocked) {
		b.blocked = now.Add(window)
	}
	s.budgets[secret] = b
	c.showBudget(max(0, s.cfg.Budget-b.used), s.cfg.Budget, b.since.Add(window).Sub(now))
	if now.Before(b.blocked) {
		c.retryAfter(b.blocked.Sub(now))
		return errThrottled
	}
	return nil
}

// showBudget sets the headers that every answer of the API has.
func (c *call) showBudget(left, total int, reset time.Duration) {
	c.header.Set("Ratelimit", fmt.Sprintf(`"default";r=%d;t=%d`, left, seconds(reset)))
	c.header.Set("Ratelimit-Policy", fmt.Sprintf(`"default";q=%d;w=%d`, total, seconds(window)))
}

func (c *call) retryAfter(d time.Duration) {
	c.header.Set("Retry-After", strconv.Itoa(seconds(d)))
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
)

const credential = "token-that-nobody-may-see"

// purse is a budget that never ends, and remembers.
type purse struct {
	spent   int
	blocked time.Duration
	empty   bool
}

func (p *purse) Spend() error {
	if p.empty {
		return &fault.Unavailable{Message: "spent", RetryAfter: time.Minute}
	}
	p.spent++
	return nil
}

func (p *purse) Block(wait time.Duration) error { p.blocked = wait; return nil }

// clientOf speaks with a server that answers as told.
func clientOf(t *testing.T, answer http.HandlerFunc) (*Client, *purse) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	p := &purse{}
	return NewClient(ClientConfig{
		APIURL: server.URL + "/client/v4/", Token: credential, AccountID: "account", TunnelID: "tunnel", Timeout: 5 * time.Second, Budget: p,
	}), p
}

func write(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// kindOf names an error by what callers tell apart.
func kindOf(err error) string {
	var (
		refused     *refusal
		permission  *fault.Permission
		unavailable *fault.Unavailable
		kind        = "unknown"
	)
	switch {
	case err == nil:
		return "none"
	case errors.As(err, &refused):
		kind = "refusal"
	case errors.As(err, &permission):
		kind = "permission"
	case errors.As(err, &unavailable):
		kind = "unavailable"
	}
	if over(err) {
		return kind + ", over"
	}
	return kind
}

// Only JSON that says that it worked is taken for success, and nothing else for
// an empty list (F50, F51, F57).
func TestClient_judges_answers(t *testing.T) {
	const fine = `{"success":true,"errors":[],"messages":[],"result":{"id":"1"}}`
	problem := func(code int) string {
		return fmt.Sprintf(`{"success":false,"errors":[{"code":%d,"message":"Cloudflare's words"}],"messages":[],"result":null}`, code)
	}
	for _, tt := range []struct {
		name         string
		status       int
		contentType  string
		body         string
		change, read string
	}{
		{"success", 200, "application/json", fine, "none", "unavailable"},
		{"a list without count", 200, "application/json", `{"success":true,"result":[]}`, "none", "unavailable"},
		{"success false", 200, "application/json", problem(1), "unavailable, over", "unavailable, over"},
		{"success false with a result", 200, "application/json", `{"success":false,"result":[],"result_info":{"total_count":0}}`, "unavailable, over", "unavailable, over"},
		{"no result", 200, "application/json", `{"success":true}`, "unavailable, over", "unavailable, over"},
		{"null result", 200, "application/json", `{"success":true,"result":null}`, "unavailable, over", "unavailable, over"},
		{"empty object", 200, "application/json", `{}`, "unavailable, over", "unavailable, over"},
		{"broken JSON", 200, "application/json", `{"success":true,"result":[`, "unavailable, over", "unavailable, over"},
		{"nothing", 200, "application/json", ``, "unavailable, over", "unavailable, over"},
		{"HTML", 200, "text/html", `<html>`, "unavailable, over", "unavailable, over"},
		{"fine JSON called HTML", 200, "text/html", fine, "unavailable", "unavailable"},
		{"redirect", 302, "text/html", ``, "unavailable, over", "unavailable, over"},
		{"refused", 400, "application/json", problem(81053), "refusal, over", "unavailable"},
		{"refused in HTML", 400, "text/html", `<html>`, "unavailable, over", "unavailable, over"},
		{"conflict", 409, "application/json", problem(1406), "refusal, over", "unavailable"},
		{"unauthenticated", 401, "application/json", problem(10000), "permission, over", "permission, over"},
		{"forbidden", 403, "application/json", problem(10000), "permission, over", "permission, over"},
		{"quota used up", 403, "application/json", problem(1405), "refusal, over", "permission, over"},
		{"not in the plan", 403, "application/json", problem(1413), "refusal, over", "permission, over"},
		{"forbidden in HTML", 403, "text/html", `<html>`, "permission, over", "permission, over"},
		{"malformed token", 400, "application/json", problem(6003), "permission, over", "permission, over"},
		{"invalid token", 400, "application/json", problem(9109), "permission, over", "permission, over"},
		{"too many", 429, "application/json", problem(971), "unavailable, over", "unavailable, over"},
		{"failed", 500, "text/html", `<html>`, "unavailable, over", "unavailable, over"},
		{"gateway", 502, "text/html", `<html>`, "unavailable", "unavailable"},
		{"gateway time-out", 524, "application/json", fine, "unavailable", "unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) { write(w, tt.status, tt.contentType, tt.body) })
			err := c.Do(t.Context(), CreateRecord{Record{ZoneID: "z", Name: "a.test"}})
			if got := kindOf(err); got != tt.change {
				t.Errorf("a change gives %q (%v), want %q", got, err, tt.change)
			}
			found, readErr := c.Records(t.Context(), "z", RecordFilter{Name: "a.test"})
			if got := kindOf(readErr); got != tt.read || found != nil {
				t.Errorf("a list gives %q (%v) with %v, want %q", got, readErr, found, tt.read)
			}
			if text := fmt.Sprint(err, readErr); strings.Contains(text, credential) {
				t.Errorf("an error shows the token: %s", text)
			}
		})
	}
}

func TestClient_names_the_permission(t *testing.T) {
	c, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		write(w, 403, "application/json", `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}`)
	})
	calls := map[string]func(context.Context) error{
		"Zone:Read":                      func(ctx context.Context) error { _, err := c.Zones(ctx); return err },
		"Zone:DNS:Edit":                  func(ctx context.Context) error { return c.Do(ctx, DeleteRecord{Record{ID: "r", ZoneID: "z"}}) },
		"Account:Cloudflare Tunnel:Edit": func(ctx context.Context) error { _, err := c.Configuration(ctx); return err },
		"Zone:SSL and Certificates:Edit": func(ctx context.Context) error {
			return c.Do(ctx, CreateCustomHostname{CustomHostname{ZoneID: "z", Hostname: "h"}})
		},
	}
	for want, call := range calls {
		err := call(t.Context())
		var denied *fault.Permission
		if !errors.As(err, &denied) || denied.Needed != want || !strings.Contains(denied.Message, want) {
			t.Errorf("error is %v, want one that names %s", err, want)
		}
	}
}

func TestClient_obeys_429(t *testing.T) {
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "": defaultBlock, "soon": defaultBlock, "-3": defaultBlock, "1e300": maxWait, "Inf": maxWait} {
		c, p := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			write(w, 429, "application/json", `{"success":false}`)
		})
		_, err := c.Zones(t.Context())
		var wait *fault.Unavailable
		if !errors.As(err, &wait) || wait.RetryAfter != want || p.blocked != want || p.spent != 1 {
			t.Errorf("Retry-After %q: error %v, blocked for %s after %d calls", header, err, p.blocked, p.spent)
		}
	}
}

func TestClient_without_budget_calls_nobody(t *testing.T) {
	called := false
	c, p := clientOf(t, func(http.ResponseWriter, *http.Request) { called = true })
	p.empty = true
	if err := c.Do(t.Context(), DeleteRecord{Record{ID: "r", ZoneID: "z"}}); kindOf(err) != "unavailable, over" || called {
		t.Errorf("error is %v, called: %t", err, called)
	}
}

func TestClient_that_gets_no_answer_knows_nothing(t *testing.T) {
	release := make(chan struct{})
	c, _ := clientOf(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	defer close(release)
	c.timeout = 50 * time.Millisecond
	if err := c.Do(t.Context(), DeleteRecord{Record{ID: "r", ZoneID: "z"}}); kindOf(err) != "unavailable" {
		t.Errorf("error is %v", err)
	}
}

// "There is no such thing" is what a delete is for.
func TestClient_takes_a_missing_thing_for_deleted(t *testing.T) {
	c, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		write(w, 404, "application/json", `{"success":false,"errors":[{"code":81044,"message":"Record does not exist."}]}`)
	})
	for _, change := range []Change{DeleteRecord{Record{ID: "r", ZoneID: "z"}}, DeleteCustomHostname{CustomHostname{ID: "h", ZoneID: "z"}}} {
		if err := c.Do(t.Context(), change); err != nil {
			t.Errorf("%s: %v", change.What(), err)
		}
	}
	if err := c.Do(t.Context(), ReplaceRecord{Record: Record{ID: "r", ZoneID: "z"}}); kindOf(err) != "refusal, over" {
		t.Errorf("replacing gives %v", err)
	}
}

// Cloudflare answers the deletion of a custom hostname without an envelope.
func TestClient_takes_an_id_for_a_deletion(t *testing.T) {
	c, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) { write(w, 200, "application/json", `{"id":"h"}`) })
	if err := c.Do(t.Context(), DeleteCustomHostname{CustomHostname{ID: "h", ZoneID: "z"}}); err != nil {
		t.Error(err)
	}
	if err := c.Do(t.Context(), CreateCustomHostname{CustomHostname{ZoneID: "z"}}); kindOf(err) != "unavailable, over" {
		t.Errorf("creating gives %v", err)
	}
}

// pages answers lists from what a function says each page holds.
func pages(w http.ResponseWriter, total int, names ...string) {
	result := make([]Record, 0, len(names))
	for _, name := range names {
		result = append(result, Record{ID: name, Name: name, Type: "A", Comment: ours.comment()})
	}
	raw, _ := json.Marshal(result)
	write(w, 200, "application/json", fmt.Sprintf(`{"success":true,"result":%s,"result_info":{"total_count":%d}}`, raw, total))
}

// F59: what shifts from page to page while it is read would be missed.
func TestClient_reads_a_list_again_that_shifted(t *testing.T) {
	for name, tt := range map[string]struct {
		answers [][]string // one per call
		totals  []int
		want    int // calls; 0: gives up
	}{
		"two pages":       {[][]string{{"a", "b"}, {"c"}}, []int{3, 3}, 2},
		"one came":        {[][]string{{"a", "b"}, {"b", "c"}, {"0", "a"}, {"b", "c"}}, []int{3, 4, 4, 4}, 4},
		"one went":        {[][]string{{"a", "b"}, {}, {"b", "c"}}, []int{3, 2, 2}, 3},
		"one for another": {[][]string{{"a", "b"}, {"b"}, {"0", "b"}, {"c"}}, []int{3, 3, 3, 3}, 4},
		"never the same":  {[][]string{{"a"}, {}, {"a"}, {}, {"a"}, {}}, []int{2, 2, 2, 2, 2, 2}, 0},
		"a count of none": {[][]string{{}}, []int{0}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			c, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
				pages(w, tt.totals[calls], tt.answers[calls]...)
				calls++
			})
			_, err := c.Records(t.Context(), "z", RecordFilter{Mark: ours})
			if tt.want == 0 && kindOf(err) != "unavailable" || tt.want > 0 && (err != nil || calls != tt.want) {
				t.Errorf("error %v after %d calls", err, calls)
			}
		})
	}
}

// Cloudflare's filters ignore case; a mark does not.
func TestClient_takes_only_the_exact_mark_for_ours(t *testing.T) {
	c, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Get("comment.exact"); got != ours.comment() {
			t.Errorf("asked for comment %q", got)
		}
		write(w, 200, "application/json", `{"success":true,"result":[
			{"id":"1","name":"A.test","type":"A","comment":"siteplane 0123456789abcdef"},
			{"id":"2","name":"b.test","type":"A","comment":"Siteplane 0123456789ABCDEF"},
			{"id":"3","name":"c.test","type":"A","comment":"siteplane 0123456789abcdef "},
			{"id":"4","name":"d.test","type":"A","comment":null}],"result_info":{"total_count":4}}`)
	})
	found, err := c.Records(t.Context(), "z", RecordFilter{Mark: ours})
	if err != nil || len(found) != 1 || found[0].Name != "a.test" || found[0].ZoneID != "z" {
		t.Errorf("found %+v, error %v", found, err)
	}
}

// A token may see other accounts' zones, and zones that the world does not ask
// Cloudflare for.
func TestClient_Zones_tells_which_count(t *testing.T) {
	c, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Get("account.id"); got != "account" {
			t.Errorf("asked for account %q", got)
		}
		write(w, 200, "application/json", `{"success":true,"result":[
			{"id":"1","name":"A.test","status":"active","account":{"id":"account"}},
			{"id":"2","name":"b.test","status":"active","account":{"id":"another"}},
			{"id":"3","name":"c.test","status":"pending","account":{"id":"account"}}],"result_info":{"total_count":3}}`)
	})
	found, err := c.Zones(t.Context())
	want := []Zone{{"1", "a.test", "account", true}, {"3", "c.test", "account", false}}
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("zones are %+v, error %v", found, err)
	}
}

// What goes over the wire, as Cloudflare documents it.
func TestClient_writes(t *testing.T) {
	h := CustomHostname{ID: "h", ZoneID: "z", Hostname: "www.tenant.test", Metadata: ours.metadata()}
	r := Record{ID: "r", ZoneID: "z", Type: "CNAME", Name: "a.test", Content: "tunnel.cfargotunnel.com", Proxied: true, Comment: ours.comment()}
	const cnameBody = `{"comment":"siteplane 0123456789abcdef","content":"tunnel.cfargotunnel.com","name":"a.test","proxied":true,"ttl":1,"type":"CNAME"}`
	for _, tt := range []struct {
		change     Change
		line, body string
	}{
		{PutConfiguration{json.RawMessage(`{"warp-routing":{"x":1.50},"ingress":[]}`)}, "PUT /client/v4/accounts/account/cfd_tunnel/tunnel/configurations", `{"config":{"ingress":[],"warp-routing":{"x":1.50}}}`},
		{CreateRecord{r}, "POST /client/v4/zones/z/dns_records", cnameBody},
		{ReplaceRecord{Record: r}, "PUT /client/v4/zones/z/dns_records/r", cnameBody},
		{DeleteRecord{r}, "DELETE /client/v4/zones/z/dns_records/r", ``},
		{CreateCustomHostname{h}, "POST /client/v4/zones/z/custom_hostnames", `{"custom_metadata":{"siteplane":"0123456789abcdef"},"hostname":"www.tenant.test","ssl":{"method":"http","type":"dv"}}`},
		{RestartCustomHostname{h}, "PATCH /client/v4/zones/z/custom_hostnames/h", `{"ssl":{"method":"http","type":"dv"}}`},
		{DeleteCustomHostname{h}, "DELETE /client/v4/zones/z/custom_hostnames/h", ``},
	} {
		var line, body string
		c, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
			raw, _ := io.ReadAll(r.Body)
			line, body = r.Method+" "+r.URL.Path, canonical(raw)
			if r.Header.Get("Authorization") != "Bearer "+credential {
				t.Error("the call has no token")
			}
			write(w, 200, "application/json", `{"success":true,"result":{"id":"x"}}`)
		})
		if err := c.Do(t.Context(), tt.change); err != nil {
			t.Fatal(err)
		}
		if line != tt.line || body != tt.body {
			t.Errorf("sent %s %s, want %s %s", line, body, tt.line, tt.body)
		}
	}
}

// canonical orders the keys of an object, at two levels, and leaves the rest.
func canonical(raw []byte) string {
	var top map[string]json.RawMessage
	if json.Unmarshal(raw, &top) != nil {
		return string(raw)
	}
	for k, v := range top {
		var inner map[string]json.RawMessage
		if json.Unmarshal(v, &inner) == nil && inner != nil {
			top[k], _ = json.Marshal(inner)
		}
	}
	out, _ := json.Marshal(top)
	return string(out)
}

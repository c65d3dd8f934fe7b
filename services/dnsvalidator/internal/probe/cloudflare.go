package probe

import (
	"fmt"
	"regexp"
)

// page finds the number in an error page of Cloudflare, plain or in HTML.
var page = regexp.MustCompile(`(?:error code: |cf-error-code">)(1\d{3})\b`)

// pages are the errors by which Cloudflare speaks of the way to a site. With
// answered it knows none for this name; without, the way leads to nobody now,
// which says nothing about whose it is.
var pages = map[string]struct {
	answered bool
	meaning  string
}{
	"1000": {true, "the name points back to Cloudflare"},
	"1001": {true, "Cloudflare does not know this name"},
	"1014": {true, "the name points into another Cloudflare account"},
	"1015": {false, "too many requests"},
	"1016": {false, "the origin behind Cloudflare has no address"},
	"1033": {false, "the tunnel behind Cloudflare has no running connector"},
}

// errorPage returns the number of an error page, or "".
func errorPage(body []byte) string {
	if found := page.FindSubmatch(body); found != nil {
		return string(found[1])
	}
	return ""
}

// proxied notes that the address is Cloudflare's, so that an error page that looks
// like theirs is theirs.
func (a *Attempt) proxied() {
	a.Cloudflare = true
	if a.page == "" {
		return
	}
	a.Err = fmt.Errorf("%w, Cloudflare's error code: %s", a.Err, a.page)
	if known, ok := pages[a.page]; ok {
		a.Answered = known.answered
		a.Err = fmt.Errorf("%w, %s", a.Err, known.meaning)
	}
}

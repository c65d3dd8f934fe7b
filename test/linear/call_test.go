package linear_test

import (
	"cmp"
	"fmt"
	"time"
)

// kind is what a caller asks for.
type kind string

const (
	get    kind = "get"    // GetSite
	find   kind = "find"   // ListSites of a slug
	create kind = "create" // CreateSite of a slug
	rename kind = "rename" // UpdateSite of the name
	respec kind = "respec" // UpdateSite of the spec: of its one header
	remove kind = "remove" // DeleteSite
)

// phase is how far a site has come. The engine takes it from fresh to settled, and from
// leaving to gone; callers from either of the first two to leaving.
type phase string

const (
	fresh   phase = "fresh"
	settled phase = "settled"
	leaving phase = "leaving"
	gone    phase = "gone"
)

// view is a site as an answer shows it; the zero value is none.
type view struct {
	siteID, name, header string
	revision             int64
	// version is its etag, whose order callers do not know.
	version int64
	phase   phase
}

// ask is what is asked for. A value is written by one ask and by no other, so that who
// sees it knows who wrote it.
type ask struct {
	kind   kind
	slug   string
	siteID string // but for create and find
	value  string // the name of rename, the header of respec, both of create
	etag   int64  // of rename and respec; 0 for none
}

// verdict is what kind of answer came.
type verdict string

const (
	done    verdict = "done"
	changed verdict = "changed" // ABORTED: the etag is not the site's any more
	late    verdict = "late"    // FAILED_PRECONDITION: it is provisioned, or on its way out
	taken   verdict = "taken"   // ALREADY_EXISTS: somebody has the slug
	missing verdict = "missing" // NOT_FOUND
	busy    verdict = "busy"    // ABORTED: the request is at work elsewhere
	// unanswered may have happened, at any time after the call.
	unanswered verdict = "unanswered"
)

// answer is a verdict with the site as it was then, where it is done.
type answer struct {
	verdict verdict
	site    view
}

// call is one call of one caller.
type call struct {
	ask
	// request is its request id; calls that have the same are one request.
	request string
	caller  int
	// at is the replica that was called.
	at               string
	called, returned time.Duration
	answer           answer
}

func (a ask) String() string {
	text := fmt.Sprintf("%s %s", a.kind, cmp.Or(a.siteID, a.slug))
	if a.value != "" {
		text += " to " + a.value
	}
	if a.etag != 0 {
		text += fmt.Sprintf(" if still v%d", a.etag)
	}
	return text
}

func (a answer) String() string {
	if a.verdict != done {
		return string(a.verdict)
	}
	return a.site.String()
}

func (v view) String() string {
	if v == (view{}) {
		return "nothing"
	}
	return fmt.Sprintf("%s v%d: name %s, header %s in revision %d, %s", v.siteID, v.version, v.name, cmp.Or(v.header, "-"), v.revision, v.phase)
}

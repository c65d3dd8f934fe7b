package render

import (
	"errors"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

// check collects the first problem of a site.
type check struct{ err error }

func (c *check) fail(field string, err error) {
	if c.err == nil {
		c.err = at(field, err)
	}
}

func parse[In, Out any](c *check, field string, value In, parser func(In) (Out, error)) Out {
	parsed, err := parser(value)
	if err != nil {
		c.fail(field, err)
	}
	return parsed
}

func number(c *check, field string, value, most int64) encode.Number {
	return parse(c, field, value, func(value int64) (encode.Number, error) { return encode.ParseNumber(value, most) })
}

func duration(c *check, field string, milliseconds int64, fallback time.Duration) encode.Duration {
	return parse(c, field, milliseconds, func(value int64) (encode.Duration, error) {
		return encode.ParseDuration(value, fallback)
	})
}

func at(field string, err error) error { return &InvalidSiteError{Field: field, Err: err} }

// invalid names the site in a problem found below it.
func invalid(message *edgev1.Site, err error) error {
	if problem := new(InvalidSiteError); errors.As(err, &problem) {
		return &InvalidSiteError{SiteID: message.GetSiteId(), Field: problem.Field, Err: problem.Err}
	}
	return &InvalidSiteError{SiteID: message.GetSiteId(), Field: "site", Err: err}
}

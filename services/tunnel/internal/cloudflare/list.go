package cloudflare

import (
	"context"

	"github.com/cloudflare/cloudflare-go/v7/option"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
)

// The largest pages that Cloudflare gives; of records it gives more, but nobody
// wants one answer of many megabytes.
const (
	zonesPerPage     = 50
	recordsPerPage   = 5000
	hostnamesPerPage = 50
	// listTries is how often a list is read that others change meanwhile.
	listTries = 3
)

// pager sends the request for one page.
type pager func(ctx context.Context, page, perPage float64, opts ...option.RequestOption) error

// item is something that is listed.
type item interface{ id() string }

// list reads all pages. It believes them only when they hold as many different
// things as Cloudflare counts: what moves to another page while they are read
// would be missed otherwise, and taken for gone.
func list[T item](ctx context.Context, c *Client, perPage int, send pager) ([]T, error) {
	for range listTries {
		all, whole, err := listOnce[T](ctx, c, perPage, send)
		if err != nil || whole {
			return all, err
		}
	}
	return nil, &fault.Unavailable{Message: "Cloudflare's list changed each time it was read"}
}

func listOnce[T item](ctx context.Context, c *Client, perPage int, send pager) (all []T, whole bool, err error) {
	seen := map[string]bool{}
	total := -1
	for page := 1; ; page++ {
		var answer envelope[[]T]
		err := c.call(ctx, &answer, func(ctx context.Context, opts ...option.RequestOption) error {
			return send(ctx, float64(page), float64(perPage), opts...)
		})
		if err != nil {
			return nil, false, unreadable(err)
		}
		for _, it := range answer.Result {
			if it.id() == "" {
				return nil, false, malformed("an entry without id")
			}
			seen[it.id()] = true
		}
		all = append(all, answer.Result...)
		if answer.Info.Total == nil {
			return nil, false, malformed("a list without count")
		}
		if page > 1 && *answer.Info.Total != total {
			return nil, false, nil
		}
		total = *answer.Info.Total
		if len(all) >= total || len(answer.Result) == 0 {
			return all, len(seen) == len(all) && len(seen) == total, nil
		}
	}
}

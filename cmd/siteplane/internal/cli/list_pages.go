package cli

import "errors"

// allPages follows the pages of a list until the last one or the limit; a
// limit of 0 is none.
func allPages[Item any](limit int, page func(token string) ([]Item, string, error)) ([]Item, error) {
	var all []Item
	token := ""
	for {
		items, next, err := page(token)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		switch {
		case limit > 0 && len(all) >= limit:
			return all[:limit], nil
		case next == "":
			return all, nil
		case next == token:
			return nil, errors.New("the server gave the same page token twice")
		}
		token = next
	}
}

package api

import (
	"encoding/base64"

	"github.com/siteplane/siteplane/services/lifecycle"
)

const defaultPageSize = 100

// pageSize is how many rows a request asks for. Servers look for one more, which
// tells whether there is a next page.
func pageSize(asked int32) int {
	if asked == 0 {
		return defaultPageSize
	}
	return int(asked)
}

// A page token is the last id of the page before, not readable so that nobody
// builds one.
func pageToken[ID ~string](last ID) string {
	return base64.RawURLEncoding.EncodeToString([]byte(last))
}

// lastOf reads a page token; the first page's is empty, and so is its id.
func lastOf[ID ~string](token string, parse func(string) (ID, error)) (last ID, err error) {
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		last, err = parse(string(raw))
	}
	if err != nil {
		var problems lifecycle.Violations
		problems.Add("page_token", "is not one that a list returned")
		return "", problems.Err()
	}
	return last, nil
}

// Package document owns how the REST API is told to people and programs: its OpenAPI
// document as it is, and a page made of it. Both are public, for they hold no secret
// and nothing of the installation.
//
// It must not know what the API does: whatever is shown comes from the document, and
// whatever comes from the document is escaped. The page is made once, needs no script
// and loads nothing.
package document

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// The paths that Handler answers.
const (
	JSONPath = "/openapi.json"
	PagePath = "/docs"
)

// policy lets a browser apply the page's own style and nothing else.
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves an OpenAPI 3.0 document and the page made of it.
func Handler(text []byte) (http.Handler, error) {
	var d openAPI
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	page, err := render(d)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+JSONPath, static("application/json", text))
	mux.Handle("GET "+PagePath, static("text/html; charset=utf-8", page))
	return mux, nil
}

// static serves bytes that do not change while the program runs.
func static(contentType string, content []byte) http.Handler {
	etag := fmt.Sprintf(`"%x"`, sha256.Sum256(content))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-cache") // asks again, and is told that nothing changed
		header.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}

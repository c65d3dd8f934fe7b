package document_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/gen/openapi"
	"github.com/siteplane/siteplane/services/lifecycle/api/document"
)

func get(t *testing.T, text []byte, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	handler, err := document.Handler(text)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

func TestHandler(t *testing.T) {
	t.Run("serves the document as it is", func(t *testing.T) {
		a := get(t, openapi.JSON, document.JSONPath)
		if a.Code != http.StatusOK || a.Header().Get("Content-Type") != "application/json" || a.Body.String() != string(openapi.JSON) {
			t.Errorf("answered %d %v", a.Code, a.Header())
		}
	})
	t.Run("lets the page load nothing and run nothing", func(t *testing.T) {
		a := get(t, openapi.JSON, document.PagePath)
		policy := a.Header().Get("Content-Security-Policy")
		if a.Code != http.StatusOK || !strings.HasPrefix(policy, "default-src 'none'; style-src 'unsafe-inline';") ||
			a.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("answered %d %v", a.Code, a.Header())
		}
		if found := regexp.MustCompile(`(?i)<script|<img|<link|<iframe|\son\w+=|\ssrc=|url\(|@import|javascript:`).FindString(a.Body.String()); found != "" {
			t.Errorf("the page contains %q", found)
		}
	})
	t.Run("does not send again what a browser has", func(t *testing.T) {
		etag := get(t, openapi.JSON, document.PagePath).Header().Get("ETag")
		if a := get(t, openapi.JSON, document.PagePath, "If-None-Match", etag); etag == "" || a.Code != http.StatusNotModified {
			t.Errorf("answered %d to %s", a.Code, etag)
		}
	})
	t.Run("refuses what is no document", func(t *testing.T) {
		for _, text := range []string{"", "[]", `{"paths": []}`} {
			if _, err := document.Handler([]byte(text)); err == nil {
				t.Errorf("%q is taken", text)
			}
		}
	})
}

var (
	anchorIn = regexp.MustCompile(`\sid="([^"]*)"`)
	linkIn   = regexp.MustCompile(`href="#([^"]*)"`)
)

func TestPage(t *testing.T) {
	text := get(t, openapi.JSON, document.PagePath).Body.String()
	anchors := map[string]int{}
	for _, match := range anchorIn.FindAllStringSubmatch(text, -1) {
		anchors[match[1]]++
	}
	t.Run("has every operation, with what it takes", func(t *testing.T) {
		var d struct {
			Paths map[string]map[string]struct {
				OperationID, Summary string
				Parameters           []struct{ Name string }
			}
		}
		if err := json.Unmarshal(openapi.JSON, &d); err != nil || len(d.Paths) < 30 {
			t.Fatalf("%d paths, %v", len(d.Paths), err)
		}
		for path, verbs := range d.Paths {
			for verb, o := range verbs {
				article := articleOf(text, o.OperationID)
				wanted := `<span class="verb">` + strings.ToUpper(verb) + `</span> ` + path
				if anchors[o.OperationID] != 1 || !strings.Contains(article, wanted) {
					t.Errorf("%s %s has no place of its own: %d anchors %s", verb, path, anchors[o.OperationID], o.OperationID)
				}
				for _, p := range o.Parameters {
					if !strings.Contains(article, "<code>"+p.Name+"</code>") {
						t.Errorf("%s does not tell of %s", o.OperationID, p.Name)
					}
				}
			}
		}
	})
	t.Run("has every anchor that it links to", func(t *testing.T) {
		links := linkIn.FindAllStringSubmatch(text, -1)
		for _, match := range links {
			if anchors[match[1]] != 1 {
				t.Errorf("a link leads to #%s, which is there %d times", match[1], anchors[match[1]])
			}
		}
		if len(links) < 200 {
			t.Errorf("only %d links were found", len(links))
		}
	})
	t.Run("tells the fields of a body", func(t *testing.T) {
		if article := articleOf(text, "SiteService_CreateSite"); !strings.Contains(article, "<h4>Body</h4>") || !strings.Contains(article, "<code>primaryHostname</code>") {
			t.Errorf("of CreateSite it tells %s", article)
		}
	})
	t.Run("tells the reasons of errors", func(t *testing.T) {
		_, rest, _ := strings.Cut(text, `id="errors"`)
		if rest, _, _ = strings.Cut(rest, `id="schemas"`); !strings.Contains(rest, "<li><code>LOST_RACE</code>: ABORTED: ") {
			t.Errorf("it tells %s", rest)
		}
	})
}

func articleOf(page, id string) string {
	_, rest, _ := strings.Cut(page, `<article id="`+id+`"`)
	article, _, _ := strings.Cut(rest, "</article>")
	return article
}

// Whatever a document says comes out as text; E stands for it.
func TestPage_escapes(t *testing.T) {
	const evil = `</style><script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	quoted, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	form := `{"info": {"title": E, "version": E, "description": E}, "tags": [{"name": E, "description": E}],
		"paths": {E: {"get": {"tags": [E], "operationId": E, "summary": E, "description": E,
			"parameters": [{"name": E, "in": E, "description": E, "schema": {"type": E, "pattern": E, "enum": [E]}}],
			"requestBody": {"content": {E: {"schema": {"$ref": E}}}},
			"responses": {E: {"description": E, "content": {E: {"schema": {"$ref": E}}}}}}}},
		"components": {"schemas": {E: {"type": E, "description": E, "properties": {E: {"type": E, "format": E, "description": E}}},
			"ErrorInfo": {"properties": {"reason": {"description": E}}}}}}`
	page := get(t, regexp.MustCompile(`\bE\b`).ReplaceAllLiteral([]byte(form), quoted), document.PagePath).Body.String()
	if found := regexp.MustCompile(`<script|<img|"'>`).FindString(page); found != "" {
		t.Errorf("%q came through in %s", found, page)
	}
	if strings.Count(page, "&lt;script&gt;alert(1)") < 20 {
		t.Errorf("the text is not in %s", page)
	}
}

package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/siteplane/siteplane/gen/openapi"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// contract finds the operation of a request in the OpenAPI document.
var contract = sync.OnceValues(func() (routers.Router, error) {
	document, err := openapi3.NewLoader().LoadFromData(openapi.JSON)
	if err != nil {
		return nil, err
	}
	if err := document.Validate(context.Background()); err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(document)
})

// conforms checks a call against the OpenAPI document: the answer, and the request if
// the API took it. It returns the operation, "" for what the document does not know.
func conforms(t *testing.T, request *http.Request, body []byte, response *http.Response, answer []byte) string {
	t.Helper()
	router, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	route, variables, err := router.FindRoute(request)
	if err != nil {
		if response.StatusCode < 400 {
			t.Errorf("%s %s is not in the document and is answered %d", request.Method, request.URL.Path, response.StatusCode)
		}
		return ""
	}
	asked := request.Clone(request.Context())
	asked.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) > 0 && asked.Header.Get("Content-Type") == "" {
		asked.Header.Set("Content-Type", "application/json") // the gateway takes it for that
	}
	in := &openapi3filter.RequestValidationInput{
		Request: asked, PathParams: variables, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if response.StatusCode < 400 {
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%s was taken, but the document refuses %s %s %s: %v", route.Operation.OperationID, request.Method, request.URL, body, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: response.StatusCode, Header: response.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateResponse(t.Context(), out.SetBodyBytes(answer)); err != nil {
		t.Errorf("%s is not answered as the document says: %v", route.Operation.OperationID, err)
	}
	return route.Operation.OperationID
}

// Every operation of the document is called and answers as the document says, most of
// them well.
func TestContract_every_operation(t *testing.T) {
	s := setup(t)
	key := s.keyOf[auth.PlatformAdmin]
	called := map[string]bool{}
	ask := func(method, path string, body any, otherThanOK ...int) answer {
		t.Helper()
		a := s.call(method, path, key, body)
		if wanted := append(otherThanOK, http.StatusOK)[0]; a.code != wanted {
			t.Errorf("%s %s is answered %d %v", method, path, a.code, a.body)
		}
		called[a.operation] = true
		return a
	}
	const refused = http.StatusBadRequest

	site := ask("POST", "/v1/sites", shop).at("site", "siteId")
	operation := ask("GET", "/v1/sites/"+site, nil).at("operation", "operationId")
	ask("GET", "/v1/operations/"+operation, nil)
	s.world.Settle()
	ask("GET", "/v1/sites/"+site, nil)
	ask("GET", "/v1/sites?pageSize=1&filter="+url.QueryEscape(`status = ACTIVE AND name = "My*"`)+"&orderBy=create_time", nil)
	ask("PATCH", "/v1/sites/"+site, `{"site": {"name": "Your Shop", "spec": {"redirect": {"baseUrl": "https://www.example.com"}}}, "updateMask": "name,spec"}`)
	s.world.Settle()
	ask("POST", "/v1/sites/"+site+":rollback", `{"revision": "1"}`)
	s.world.Settle()
	ask("GET", "/v1/sites/"+site+"/revisions", nil)
	ask("GET", "/v1/sites/"+site+"/timeline", nil)
	ask("POST", "/v1/sites/"+site+":retry", `{}`, refused)
	ask("POST", "/v1/operations/"+operation+":cancel", `{}`, refused)

	domain := ask("POST", "/v1/sites/"+site+"/domains", `{"hostname": "shop.customer.example", "requestId": "1"}`).at("domain", "domainId")
	ask("GET", "/v1/domains/"+domain, nil)
	ask("GET", "/v1/domains?filter=primary%3Dfalse", nil)
	ask("GET", "/v1/sites/"+site+"/domains", nil)
	ask("POST", "/v1/domains/"+domain+":check", `{}`)
	ask("POST", "/v1/sites/"+site+":setPrimaryDomain", map[string]string{"domainId": domain}, refused)
	ask("DELETE", "/v1/domains/"+domain+"?requestId=2", nil)

	tenant := ask("POST", "/v1/tenants", `{"name": "acme", "limits": {"sites": "3"}}`).at("tenant", "tenantId")
	ask("GET", "/v1/tenants", nil)
	ask("GET", "/v1/tenants/"+tenant, nil)
	ask("POST", "/v1/tenants/"+tenant+":setLimits", `{"limits": {"domains": "5", "requestsPerSecond": "7"}}`)
	ask("POST", "/v1/tenants/"+tenant+":suspend", `{"reason": "does not pay"}`)
	ask("POST", "/v1/tenants/"+tenant+":resume", `{}`)
	ask("POST", "/v1/zones/ours.test:grant", map[string]string{"tenantId": tenant})
	ask("GET", "/v1/zoneGrants", nil)
	ask("POST", "/v1/zones/ours.test:revoke", map[string]string{"tenantId": tenant})

	made := ask("POST", "/v1/keys", map[string]any{"name": "ci", "role": "ROLE_OPERATOR", "siteIds": []string{site}, "expireTime": s.world.Clock.Now().Add(time.Hour)}).at("key", "keyId")
	ask("GET", "/v1/keys?all=true", nil)
	ask("GET", "/v1/caller", nil)
	ask("POST", "/v1/keys/"+made+":revoke", `{}`)
	ask("DELETE", "/v1/tenants/"+tenant, nil)

	edge := ask("GET", "/v1/edges", nil).at("edges", 0, "edgeId")
	ask("GET", "/v1/edges/"+edge, nil)
	ask("GET", "/v1/edges/"+edge+":preview", nil)
	ask("POST", "/v1/edges/"+edge+":rebuild", `{"requestId": "5"}`)
	ask("PATCH", "/v1/edges/"+edge, `{"labels": {"labels": {"region": "eu"}}, "publicAddresses": {"addresses": ["192.0.2.1", "2001:db8::1"]}, "requestId": "3"}`)
	ask("PUT", "/v1/placements/eu", `{"placement": {"name": "eu", "edgeLabels": {"region": "eu"}, "minReady": 1, "canarySoak": "10s"}}`)
	ask("GET", "/v1/placements", nil)
	ask("DELETE", "/v1/placements/eu?requestId=4", nil)
	token := ask("POST", "/v1/joinTokens", `{"name": "fra1", "labels": {"labels": {"region": "eu"}}, "publicAddresses": {"addresses": ["192.0.2.1"]}, "lifetime": "60s"}`).at("joinToken", "joinTokenId")
	ask("GET", "/v1/joinTokens", nil)
	ask("DELETE", "/v1/joinTokens/"+token+"?requestId=6", nil)
	ask("GET", "/v1/tunnels", nil)
	ask("POST", "/v1/targets/"+edge+":setDriftPolicy", `{"policy": "DRIFT_POLICY_HOLD"}`)
	ask("POST", "/v1/targets/"+edge+":sync", `{}`)
	ask("GET", "/v1/drifts?all=true", nil)
	ask("GET", "/v1/holds", nil)
	ask("GET", "/v1/infrastructure/checks?all=true&pageSize=2", nil)
	ask("POST", "/v1/holds/hold_01m81enpzjfq4ayntyav9g738t:confirm", `{}`, http.StatusNotFound)

	ask("DELETE", "/v1/sites/"+site, nil)
	s.world.Settle()
	ask("POST", "/v1/edges/"+edge+":evict", `{"requestId": "7"}`)
	ask("GET", "/v1/events?filter.types=site.*&filter.types=domain.created&pageSize=3", nil)
	happened := ask("GET", "/v1/events?filter.installation=true&pageSize=1000", nil)
	seen, _ := happened.body["events"].([]any)
	for i := range seen {
		data, _ := seen[i].(map[string]any)["data"].(map[string]any)
		wantTold(t, happened.at("events", i, "type"), data)
	}
	if len(seen) < 20 {
		t.Errorf("only %d events were seen", len(seen))
	}
	ask("GET", "/v1/audit?pageSize=5", nil)
	ask("GET", "/v1/events:watch?cursor=of-no-event", nil, refused)

	document, err := openapi3.NewLoader().LoadFromData(openapi.JSON)
	s.must(err)
	for path, item := range document.Paths.Map() {
		for verb, o := range item.Operations() {
			if !called[o.OperationID] {
				t.Errorf("%s %s (%s) is not called", verb, path, o.OperationID)
			}
		}
	}
}

// A stream is JSON objects, one a line, each as the document says.
func TestContract_stream(t *testing.T) {
	s := setup(t)
	s.call("POST", "/v1/sites", s.keyOf[auth.Operator], shop)
	s.world.Settle()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.rest.URL+"/v1/events:watch?cursor=start", nil)
	s.must(err)
	request.Header.Set("Authorization", "Bearer "+s.keyOf[auth.Viewer])
	response, err := http.DefaultClient.Do(request)
	s.must(err)
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "application/x-ndjson" {
		t.Fatalf("answered %d of type %q", response.StatusCode, got)
	}
	document, err := openapi3.NewLoader().LoadFromData(openapi.JSON)
	s.must(err)
	shape := document.Paths.Value("/v1/events:watch").Get.Responses.Status(http.StatusOK).Value.Content.Get("application/x-ndjson").Schema.Value
	lines := bufio.NewScanner(response.Body)
	for events := 0; events < 5; {
		if !lines.Scan() {
			t.Fatalf("the stream ended after %d events: %v", events, lines.Err())
		}
		var line any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%s is no line of JSON: %v", lines.Text(), err)
		}
		if err := shape.VisitJSON(line); err != nil {
			t.Errorf("%s is not as the document says: %v", lines.Text(), err)
		}
		if (answer{body: line.(map[string]any)}).at("result", "event", "specversion") == "1.0" {
			events++
		}
	}
}

func TestContract_is_public(t *testing.T) {
	s := setup(t)
	for _, path := range []string{"/openapi.json", "/docs"} {
		response, err := http.Get(s.rest.URL + path)
		s.must(err)
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s is answered %d without a key", path, response.StatusCode)
		}
	}
}

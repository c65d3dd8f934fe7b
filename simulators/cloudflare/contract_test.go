package cloudflare

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// contractVariable names the file with Cloudflare's description of its API.
const contractVariable = "SITEPLANE_CLOUDFLARE_OPENAPI"

// TestContract calls the simulator with what the description allows and holds
// its answers against the description.
func TestContract(t *testing.T) {
	file := os.Getenv(contractVariable)
	if file == "" {
		t.Skipf("the published Cloudflare contract is not here: set %s to its openapi-subset.json", contractVariable)
	}
	server, names, hostname := hostnameWorld(t)
	router := loadContract(t, file, server.URL())
	const config = `{"config":{"ingress":[{"hostname":"a.test","service":"http://127.0.0.1:1"},{"service":"http_status:404"}]}}`
	call := func(method, path, body string, status int) answer {
		t.Helper()
		return holds(t, router, server, method, path, body, status)
	}

	call("GET", "/ips", "", 200)
	call("GET", "/zones?name=platform.test", "", 200)
	call("GET", "/zones/"+platformZone, "", 200)
	call("GET", "/zones/"+customerZone, "", 403)

	record := result[recordView](t, call("POST", recordPath, `{"type":"CNAME","name":"new.platform.test","content":"origin.platform.test","proxied":true,"comment":"c"}`, 200))
	for _, body := range []string{
		`{"type":"A","name":"a.platform.test","content":"192.0.2.1","ttl":300}`,
		`{"type":"AAAA","name":"a.platform.test","content":"2001:db8::1","proxied":true}`,
		`{"type":"TXT","name":"t.platform.test","content":"text"}`,
	} {
		call("POST", recordPath, body, 200)
	}
	call("POST", recordPath, `{"type":"A","name":"new.platform.test","content":"192.0.2.1"}`, 400)
	call("GET", recordPath+"?per_page=100&comment.startswith=c&name=new.platform.test", "", 200)
	call("GET", recordPath, "", 200)
	path := recordPath + "/" + record.ID
	call("GET", path, "", 200)
	call("PUT", path, `{"type":"A","name":"new.platform.test","content":"192.0.2.9"}`, 200)
	call("PATCH", path, `{"type":"A","name":"new.platform.test","content":"192.0.2.8"}`, 200)
	call("DELETE", path, "", 200)
	call("GET", path, "", 404)

	base := "/accounts/" + platform + "/cfd_tunnel"
	call("GET", tunnelPath+"/configurations", "", 200)
	call("PUT", tunnelPath+"/configurations", config, 200)
	call("GET", tunnelPath+"/configurations", "", 200)
	call("PUT", tunnelPath+"/configurations", `{"config":{"ingress":[]}}`, 400)
	call("GET", tunnelPath, "", 200)
	call("GET", tunnelPath+"/connections", "", 200)
	call("GET", tunnelPath+"/token", "", 200)
	tunnel := result[tunnelView](t, call("POST", base, `{"name":"new","config_src":"cloudflare"}`, 200))
	call("POST", base, `{"name":"new"}`, 409)
	call("DELETE", base+"/"+tunnel.ID, `{}`, 200)
	call("GET", base+"?is_deleted=true", "", 200)
	call("DELETE", tunnelPath+"/connections", `{}`, 200)
	call("GET", tunnelPath, "", 200)

	call("POST", hostPath, `{"hostname":"second.shop.test","ssl":{"method":"http","type":"dv"},"custom_metadata":{"site":"s1"}}`, 201)
	call("POST", hostPath, `{"hostname":"second.shop.test","ssl":{"method":"http","type":"dv"}}`, 409)
	call("GET", hostPath, "", 200)
	replace(t, names, "www.shop.test", "CNAME", "cname.platform.test.")
	call("GET", hostPath+"?hostname=www.shop.test", "", 200)
	call("PATCH", hostPath+"/"+hostname.ID, `{"ssl":{"method":"txt","type":"dv"}}`, 202)
	call("GET", hostPath+"/"+hostname.ID, "", 200)
	call("DELETE", hostPath+"/"+hostname.ID, "", 200)
}

// holds sends a call and validates it and its answer.
func holds(t *testing.T, router routers.Router, server *Server, method, path, body string, status int) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	route, parameters, err := router.FindRoute(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil && status < 300 {
		t.Errorf("%s %s: the description does not allow this call: %v", method, path, err)
	}
	got := api(t, server, method, path, body)
	if got.status != status {
		t.Fatalf("%s %s answers %d: %s", method, path, got.status, got.body)
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: got.status, Header: got.header, Body: io.NopCloser(bytes.NewReader(got.body)),
	})
	if err != nil {
		t.Errorf("%s %s: the description has another answer: %v", method, path, err)
	}
	return got
}

func loadContract(t *testing.T, file, base string) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: base}}
	mend(doc)
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation())
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// mend takes out of the description what Cloudflare itself does not keep to.
func mend(doc *openapi3.T) {
	schema := func(name string) *openapi3.Schema { return doc.Components.Schemas[name].Value }

	// The rule that catches all has no hostname.
	rule := schema("tunnel_ingressRule")
	rule.Required = without(rule.Required, "hostname")
	// What there is not is null.
	for _, name := range []string{"dns-records_comment", "tunnel_deleted_at", "tunnel_conns_active_at", "tunnel_conns_inactive_at"} {
		schema(name).Nullable = true
	}
	schema("zones_zone").Properties["owner"].Value.Properties["id"] = openapi3.NewStringSchema().WithNullable().NewRef()
	// The ids of custom hostnames are UUIDs.
	length := uint64(36)
	schema("tls-certificates-and-hostnames_identifier").MaxLength = &length

	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			mendOperation(path, method, operation)
		}
	}
}

func mendOperation(path, method string, operation *openapi3.Operation) {
	// The default of this filter is none of its values.
	for _, parameter := range operation.Parameters {
		if parameter.Value.Name == "ssl" {
			parameter.Value.Schema.Value.Default = nil
		}
	}
	if body := operation.RequestBody; body != nil {
		body.Value.Required = body.Value.Required && method != http.MethodDelete
		if content := body.Value.Content.Get("application/json"); content.Schema != nil {
			content.Schema = asked(content.Schema)
		}
	}
	// The reference says 200, Cloudflare's list of status codes 201 and 202.
	operation.Responses.Set("201", operation.Responses.Value("200"))
	operation.Responses.Set("202", operation.Responses.Value("200"))

	for status, response := range operation.Responses.Map() {
		content := response.Value.Content.Get("application/json")
		if content == nil || content.Schema == nil {
			continue
		}
		if strings.EqualFold(status, "4xx") {
			content.Schema = failure(content.Schema)
			operation.Responses.Set("4XX", response) // the only spelling that is found
		}
		if path == "/ips" {
			either(content.Schema)
		}
	}
}

// asked takes out of what a request must have what only answers have.
func asked(schema *openapi3.SchemaRef) *openapi3.SchemaRef {
	copied := *schema.Value
	for _, name := range []string{"id", "proxiable", "created_on", "modified_on"} {
		copied.Required = without(copied.Required, name)
	}
	return copied.NewRef()
}

// failure picks the failure out of "success and failure at once".
func failure(schema *openapi3.SchemaRef) *openapi3.SchemaRef {
	for _, part := range schema.Value.AllOf {
		if strings.HasSuffix(part.Ref, "api-response-common-failure") {
			return part
		}
	}
	return schema
}

// either lets a result match both of two kinds, one of which contains the other.
func either(schema *openapi3.SchemaRef) {
	for _, part := range schema.Value.AllOf {
		if result := part.Value.Properties["result"]; result != nil && result.Value.OneOf != nil {
			result.Value.AnyOf, result.Value.OneOf = result.Value.OneOf, nil
		}
	}
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(other string) bool { return other == name })
}

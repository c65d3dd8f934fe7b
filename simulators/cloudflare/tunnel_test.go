package cloudflare

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

func conditional(t *testing.T, server *Server, tag string) int {
	t.Helper()
	request, err := http.NewRequest("GET", server.URL()+"/ips", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("If-None-Match", tag)
	got, err := roundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	return got.status
}

func TestTunnel_is_created_and_deleted(t *testing.T) {
	server := setup(t)
	base := "/accounts/" + platform + "/cfd_tunnel"
	made := result[tunnelView](t, must(t, server, "POST", base, `{"name":"blue","config_src":"cloudflare"}`))
	if made.Status != "inactive" || !uuidID.MatchString(made.ID) || len(made.Connections) != 0 {
		t.Errorf("made %+v", made)
	}
	if got := api(t, server, "POST", base, `{"name":"blue"}`); got.status != 409 || got.code() != 1013 {
		t.Errorf("the same name again: %d %s", got.status, got.body)
	}
	must(t, server, "PUT", base+"/"+made.ID+"/configurations", `{"config":{"ingress":[{"service":"http_status:404"}]}}`)
	if got := result[tunnelView](t, must(t, server, "GET", base+"/"+made.ID, "")); got.Status != "healthy" || len(got.Connections) != 4 {
		t.Errorf("configured %+v", got)
	}
	if got := api(t, server, "DELETE", base+"/"+made.ID, ""); got.code() != 1022 {
		t.Errorf("delete with connections: %d %s", got.status, got.body)
	}
	must(t, server, "DELETE", base+"/"+made.ID+"/connections", "")
	if got := result[[]connectorView](t, must(t, server, "GET", base+"/"+made.ID+"/connections", "")); len(got) != 0 {
		t.Errorf("connectors %+v", got)
	}
	must(t, server, "DELETE", base+"/"+made.ID, "")
	if got := result[tunnelView](t, must(t, server, "GET", base+"/"+made.ID, "")); got.DeletedAt == nil {
		t.Error("a deleted tunnel is not marked")
	}
	if got := api(t, server, "GET", base+"/"+made.ID+"/configurations", ""); got.status != 404 {
		t.Errorf("the configuration of a deleted tunnel: %d", got.status)
	}
	again := result[tunnelView](t, must(t, server, "POST", base, `{"name":"blue"}`))
	if again.ID == made.ID {
		t.Error("a tunnel made again has the old id")
	}
	for query, want := range map[string]int{"": 3, "?is_deleted=false": 2, "?name=blue": 2, "?name=blue&is_deleted=false": 1, "?name=none": 0} {
		if got := result[[]tunnelView](t, must(t, server, "GET", base+query, "")); len(got) != want {
			t.Errorf("%q lists %d, want %d", query, len(got), want)
		}
	}
}

func TestTunnel_configuration_is_replaced_whole(t *testing.T) {
	server := setup(t)
	path := tunnelPath + "/configurations"
	if got := result[configurationView](t, must(t, server, "GET", path, "")); got.Version != 0 || string(got.Config) != "null" {
		t.Errorf("at the start %+v", got)
	}
	first := `{"ingress":[{"hostname":"a.test","service":"http://127.0.0.1:1"},{"service":"http_status:404"}],"warp-routing":{"enabled":true},"later":[1]}`
	for version, config := range map[int]string{1: first} {
		got := result[configurationView](t, must(t, server, "PUT", path, `{"config": `+config+` }`))
		if got.Version != version || string(got.Config) != config || got.Source != "cloudflare" {
			t.Errorf("put %+v", got)
		}
	}
	second := `{"ingress":[{"service":"http_status:503"}]}`
	must(t, server, "PUT", path, `{"config":`+second+`}`)
	if got := result[configurationView](t, must(t, server, "GET", path, "")); got.Version != 2 || string(got.Config) != second {
		t.Errorf("after the second put %+v", got)
	}
	must(t, server, "PUT", path, `{"config":`+second+`}`)
	if got := result[configurationView](t, must(t, server, "GET", path, "")); got.Version != 3 {
		t.Errorf("an equal put makes version %d", got.Version)
	}
}

func TestTunnel_refuses_a_configuration(t *testing.T) {
	server := setup(t)
	for name, config := range map[string]string{
		"none":                      `null`,
		"without rules":             `{}`,
		"with no rule":              `{"ingress":[]}`,
		"without catch-all":         `{"ingress":[{"hostname":"a.test","service":"http://127.0.0.1:1"}]}`,
		"with a path on the last":   `{"ingress":[{"path":"/x","service":"http://127.0.0.1:1"}]}`,
		"with a catch-all before":   `{"ingress":[{"service":"http_status:1000"},{"service":"http_status:404"}]}`,
		"with an early catch-all":   `{"ingress":[{"service":"http_status:500"},{"service":"http_status:404"}]}`,
		"with a port":               `{"ingress":[{"hostname":"a.test:80","service":"http://127.0.0.1:1"},{"service":"http_status:404"}]}`,
		"with a wildcard inside":    `{"ingress":[{"hostname":"a.*.test","service":"http://127.0.0.1:1"},{"service":"http_status:404"}]}`,
		"with a half wildcard":      `{"ingress":[{"hostname":"*a.test","service":"http://127.0.0.1:1"},{"service":"http_status:404"}]}`,
		"with a broken path":        `{"ingress":[{"hostname":"a.test","path":"(","service":"http://127.0.0.1:1"},{"service":"http_status:404"}]}`,
		"with a service of no kind": `{"ingress":[{"service":"nginx"}]}`,
		"without service":           `{"ingress":[{"hostname":"a.test"},{"service":"http_status:404"}]}`,
		"that is a list":            `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			got := api(t, server, "PUT", tunnelPath+"/configurations", `{"config":`+config+`}`)
			if got.status != 400 || got.code() != 1056 {
				t.Errorf("status %d: %s", got.status, got.body)
			}
		})
	}
	if got := result[configurationView](t, must(t, server, "GET", tunnelPath+"/configurations", "")); got.Version != 0 {
		t.Errorf("version is %d", got.Version)
	}
}

func TestTunnel_token_names_the_tunnel(t *testing.T) {
	server := setup(t)
	token := result[string](t, must(t, server, "GET", tunnelPath+"/token", ""))
	content, err := base64.StdEncoding.DecodeString(token)
	if err != nil || !strings.Contains(string(content), tunnelID) || !strings.Contains(string(content), platform) {
		t.Errorf("token holds %s, %v", content, err)
	}
}

package cloudflare

import (
	"testing"

	"github.com/siteplane/siteplane/simulators/dns"
)

// hostnameWorld serves the platform with a fallback origin and www.shop.test
// registered, not active yet.
func hostnameWorld(t *testing.T) (*Server, *dns.Server, hostnameView) {
	t.Helper()
	names, with := withDNS(t)
	server := setup(t, with)
	must(t, server, "POST", recordPath, `{"type":"CNAME","name":"origin","content":"`+tunnelID+`.cfargotunnel.com","proxied":true}`)
	must(t, server, "POST", recordPath, `{"type":"CNAME","name":"cname","content":"origin.platform.test","proxied":true}`)
	made := result[hostnameView](t, must(t, server, "POST", hostPath,
		`{"hostname":"www.shop.test","ssl":{"method":"txt","type":"dv"},"custom_metadata":{"site":"s1"}}`))
	return server, names, made
}

func read1(t *testing.T, server *Server, id string) hostnameView {
	t.Helper()
	return result[hostnameView](t, must(t, server, "GET", hostPath+"/"+id, ""))
}

func replace(t *testing.T, names *dns.Server, name, rrtype string, records ...string) {
	t.Helper()
	if err := names.Replace(name, rrtype, records...); err != nil {
		t.Fatal(err)
	}
}

func TestCustomHostname_waits_and_says_for_what(t *testing.T) {
	server, _, made := hostnameWorld(t)
	if made.Status != "pending" || made.SSL.Status != "initializing" || made.SSL.ValidationRecords != nil {
		t.Errorf("made %+v", made)
	}
	if made.Ownership == nil || made.Ownership.Name != "_cf-custom-hostname.www.shop.test" || !uuidID.MatchString(made.Ownership.Value) {
		t.Errorf("ownership is %+v", made.Ownership)
	}
	if made.CustomMetadata["site"] != "s1" {
		t.Errorf("metadata is %v", made.CustomMetadata)
	}
	seen := read1(t, server, made.ID)
	if seen.Status != "pending" || seen.SSL.Status != "pending_validation" || len(seen.SSL.ValidationRecords) != 1 {
		t.Fatalf("seen %+v", seen)
	}
	if r := seen.SSL.ValidationRecords[0]; r.TXTName != "_acme-challenge.www.shop.test" || r.TXTValue == "" {
		t.Errorf("validation record is %+v", r)
	}
}

func TestCustomHostname_becomes_active_when_it_leads_here(t *testing.T) {
	for name, set := range map[string]func(t *testing.T, server *Server, names *dns.Server){
		"by an alias of a proxied name": func(t *testing.T, _ *Server, names *dns.Server) {
			replace(t, names, "www.shop.test", "CNAME", "cname.platform.test.")
		},
		"by an alias of an alias": func(t *testing.T, _ *Server, names *dns.Server) {
			replace(t, names, "www.shop.test", "CNAME", "alias.shop.test.")
			replace(t, names, "alias.shop.test", "CNAME", "origin.platform.test.")
		},
		"by the address": func(t *testing.T, server *Server, names *dns.Server) {
			replace(t, names, "www.shop.test", "A", server.dataIP.String())
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, names, made := hostnameWorld(t)
			set(t, server, names)
			seen := result[[]hostnameView](t, must(t, server, "GET", hostPath+"?hostname=www.shop.test", ""))
			if len(seen) != 1 || seen[0].Status != "active" || seen[0].SSL.Status != "active" || seen[0].Ownership != nil {
				t.Errorf("seen %+v", seen)
			}
			replace(t, names, "www.shop.test", "CNAME")
			if got := read1(t, server, made.ID); got.Status != "active" {
				t.Errorf("later it is %s", got.Status)
			}
		})
	}
}

func TestCustomHostname_does_not_lead_here(t *testing.T) {
	for name, records := range map[string][2]string{
		"by an alias of no name of ours":     {"CNAME", "none.platform.test."},
		"by an alias of a name not proxied":  {"CNAME", "plain.platform.test."},
		"by an alias of another zone":        {"CNAME", "www.plain.test."},
		"by another address of the data net": {"A", "192.0.2.1"},
		"by an alias of itself":              {"CNAME", "www.shop.test."},
	} {
		t.Run(name, func(t *testing.T) {
			server, names, made := hostnameWorld(t)
			must(t, server, "POST", recordPath, `{"type":"A","name":"plain","content":"192.0.2.1"}`)
			must(t, server, "POST", "/zones/"+plainZone+"/dns_records", `{"type":"A","name":"www","content":"192.0.2.1"}`)
			replace(t, names, "www.shop.test", records[0], records[1])
			if got := read1(t, server, made.ID); got.Status != "pending" || got.SSL.Status != "pending_validation" {
				t.Errorf("it is %s, ssl %s", got.Status, got.SSL.Status)
			}
		})
	}
}

func TestCustomHostname_is_validated_before_it_leads_here(t *testing.T) {
	server, names, made := hostnameWorld(t)
	replace(t, names, "www.shop.test", "A", "192.0.2.1")
	waiting := read1(t, server, made.ID)
	dcv := waiting.SSL.ValidationRecords[0]

	replace(t, names, waiting.Ownership.Name, "TXT", `"`+waiting.Ownership.Value+`"`)
	if got := read1(t, server, made.ID); got.Status != "active" || got.SSL.Status != "pending_validation" {
		t.Errorf("with the ownership alone it is %s, ssl %s", got.Status, got.SSL.Status)
	}
	if got := get(t, server, "www.shop.test", "/"); got.status != 409 {
		t.Errorf("without certificate it is served: %d", got.status)
	}
	replace(t, names, dcv.TXTName, "TXT", `"another"`, `"`+dcv.TXTValue+`"`)
	patched := api(t, server, "PATCH", hostPath+"/"+made.ID, `{"ssl":{"method":"txt","type":"dv"}}`)
	if patched.status != 202 {
		t.Errorf("patch answers %d", patched.status)
	}
	if got := result[hostnameView](t, patched); got.Status != "active" || got.SSL.Status != "active" {
		t.Errorf("with both it is %s, ssl %s", got.Status, got.SSL.Status)
	}
}

func TestCustomHostname_refuses(t *testing.T) {
	server, _, _ := hostnameWorld(t)
	const ssl = `,"ssl":{"method":"http","type":"dv"}}`
	for name, test := range map[string]struct {
		body         string
		status, code int
	}{
		"one that there is":      {`{"hostname":"WWW.shop.test"` + ssl, 409, 1406},
		"an address":             {`{"hostname":"192.0.2.1"` + ssl, 400, 1407},
		"a wildcard":             {`{"hostname":"*.shop.test"` + ssl, 400, 1407},
		"nothing":                {`{"hostname":""` + ssl, 400, 1407},
		"one label":              {`{"hostname":"shop"` + ssl, 400, 1407},
		"letters of the world":   {`{"hostname":"bücher.shop.test"` + ssl, 400, 1408},
		"a reserved top domain":  {`{"hostname":"www.shop.invalid"` + ssl, 400, 1409},
		"the well-known example": {`{"hostname":"www.example.com"` + ssl, 400, 1411},
		"an unknown method":      {`{"hostname":"a.shop.test","ssl":{"method":"pigeon","type":"dv"}}`, 400, 1432},
		"an unknown type":        {`{"hostname":"a.shop.test","ssl":{"method":"txt","type":"ev"}}`, 400, 1433},
		"no ssl":                 {`{"hostname":"a.shop.test"}`, 400, 1434},
		"broken json":            {`{`, 400, 1400},
	} {
		t.Run(name, func(t *testing.T) {
			if got := api(t, server, "POST", hostPath, test.body); got.status != test.status || got.code() != test.code {
				t.Errorf("status %d: %s, want code %d", got.status, got.body, test.code)
			}
		})
	}
	for _, method := range []string{"GET", "POST"} {
		if got := api(t, server, method, "/zones/"+plainZone+"/custom_hostnames", `{}`); got.status != 403 || got.code() != 1404 {
			t.Errorf("%s in a zone without SaaS: %d %s", method, got.status, got.body)
		}
	}
	if got := api(t, server, "GET", hostPath+"/"+UUID("none"), ""); got.status != 404 || got.code() != 1436 {
		t.Errorf("an unknown id: %d %s", got.status, got.body)
	}
	if got := api(t, server, "GET", hostPath+"/none", ""); got.code() != 1435 {
		t.Errorf("no id: %d %s", got.status, got.body)
	}
}

func TestCustomHostname_is_deleted(t *testing.T) {
	server, _, made := hostnameWorld(t)
	got := must(t, server, "DELETE", hostPath+"/"+made.ID, "")
	if string(got.body) != `{"id":"`+made.ID+`"}` {
		t.Errorf("body is %s", got.body)
	}
	again := result[hostnameView](t, must(t, server, "POST", hostPath, `{"hostname":"www.shop.test","ssl":{"method":"http","type":"dv"}}`))
	if again.ID == made.ID || again.Ownership.Value == made.Ownership.Value {
		t.Error("one made again is the old one")
	}
}

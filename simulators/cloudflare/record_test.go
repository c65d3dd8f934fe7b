package cloudflare

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestRecord_is_created_changed_and_deleted(t *testing.T) {
	server := setup(t)
	made := result[recordView](t, must(t, server, "POST", recordPath,
		`{"type":"CNAME","name":"WWW.platform.test.","content":"origin.platform.test.","proxied":true,"ttl":300,"comment":"ours"}`))
	if made.Name != "www.platform.test" || made.Content != "origin.platform.test" || made.TTL != 1 || *made.Comment != "ours" {
		t.Errorf("made %+v", made)
	}
	if !hexID.MatchString(made.ID) {
		t.Errorf("id is %q", made.ID)
	}
	path := recordPath + "/" + made.ID

	patched := result[recordView](t, must(t, server, "PATCH", path, `{"proxied":false,"ttl":120}`))
	if patched.Content != made.Content || patched.Proxied || patched.TTL != 120 || *patched.Comment != "ours" {
		t.Errorf("a patch leaves %+v", patched)
	}
	put := result[recordView](t, must(t, server, "PUT", path, `{"type":"A","name":"www","content":"192.0.2.1"}`))
	if put.ID != made.ID || put.Type != "A" || put.Comment != nil || put.TTL != 1 {
		t.Errorf("a put leaves %+v", put)
	}
	must(t, server, "DELETE", path, "")
	for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
		if got := api(t, server, method, path, `{"type":"A","name":"www","content":"192.0.2.1"}`); got.status != 404 || got.code() != 81044 {
			t.Errorf("%s of a deleted record: %d %s", method, got.status, got.body)
		}
	}
	again := result[recordView](t, must(t, server, "POST", recordPath, `{"type":"A","name":"www","content":"192.0.2.1"}`))
	if again.ID == made.ID {
		t.Error("a record made again has the old id")
	}
}

func TestRecord_refuses(t *testing.T) {
	server := setup(t)
	for _, body := range []string{
		`{"type":"CNAME","name":"alias","content":"away.test"}`,
		`{"type":"A","name":"host","content":"192.0.2.1"}`,
		`{"type":"TXT","name":"text","content":"hello"}`,
		`{"type":"CNAME","name":"@","content":"away.test","proxied":true}`,
	} {
		must(t, server, "POST", recordPath, body)
	}
	for name, test := range map[string]struct {
		code int
		body string
	}{
		"an alias beside an address":  {81053, `{"type":"CNAME","name":"host","content":"away.test"}`},
		"an alias beside itself":      {81053, `{"type":"CNAME","name":"alias","content":"away.test"}`},
		"an alias beside a text":      {81053, `{"type":"CNAME","name":"text","content":"away.test"}`},
		"an address beside an alias":  {81054, `{"type":"AAAA","name":"alias","content":"2001:db8::1"}`},
		"a text beside an alias":      {81054, `{"type":"TXT","name":"alias","content":"x"}`},
		"the same address":            {81058, `{"type":"A","name":"host","content":"192.0.2.1"}`},
		"the same text":               {81058, `{"type":"TXT","name":"text","content":"hello"}`},
		"a name outside":              {9000, `{"type":"A","name":"www.plain.test","content":"192.0.2.1"}`},
		"a suffix without a dot":      {9000, `{"type":"A","name":"notplatform.test","content":"192.0.2.1"}`},
		"a name with a space":         {9000, `{"type":"A","name":"a b","content":"192.0.2.1"}`},
		"no address":                  {9005, `{"type":"A","name":"new","content":"2001:db8::1"}`},
		"no address of six":           {9006, `{"type":"AAAA","name":"new","content":"192.0.2.1"}`},
		"no target":                   {9007, `{"type":"CNAME","name":"new","content":"http://x"}`},
		"a target that is the name":   {9039, `{"type":"CNAME","name":"new","content":"new.platform.test"}`},
		"a proxied text":              {9004, `{"type":"TXT","name":"new","content":"x","proxied":true}`},
		"a short ttl":                 {9021, `{"type":"A","name":"new","content":"192.0.2.1","ttl":5}`},
		"a type that is not known":    {1004, `{"type":"LOC","name":"new","content":"x"}`},
		"a comment of 101 characters": {9300, `{"type":"A","name":"new","content":"192.0.2.1","comment":"` + strings.Repeat("x", 101) + `"}`},
		"broken json":                 {6007, `{"type":`},
	} {
		t.Run(name, func(t *testing.T) {
			before := string(server.Snapshot())
			got := api(t, server, "POST", recordPath, test.body)
			if got.status != 400 || got.code() != test.code || got.Success {
				t.Errorf("status %d: %s, want code %d", got.status, got.body, test.code)
			}
			if string(server.Snapshot()) != before {
				t.Error("the refused call has an effect")
			}
		})
	}
}

func TestRecord_apex_has_texts_beside_an_alias(t *testing.T) {
	server := setup(t)
	must(t, server, "POST", recordPath, `{"type":"CNAME","name":"@","content":"away.test","proxied":true}`)
	must(t, server, "POST", recordPath, `{"type":"TXT","name":"platform.test","content":"v=spf1 -all"}`)
}

func TestRecord_change_must_fit_its_neighbours(t *testing.T) {
	server := setup(t)
	must(t, server, "POST", recordPath, `{"type":"A","name":"host","content":"192.0.2.1"}`)
	other := result[recordView](t, must(t, server, "POST", recordPath, `{"type":"A","name":"host","content":"192.0.2.2"}`))
	if got := api(t, server, "PATCH", recordPath+"/"+other.ID, `{"content":"192.0.2.1"}`); got.code() != 81058 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

func TestRecord_list_filters(t *testing.T) {
	server := setup(t)
	for i, name := range []string{"one", "two", "three"} {
		must(t, server, "POST", recordPath, fmt.Sprintf(`{"type":"A","name":%q,"content":"192.0.2.%d","comment":"tag:%d by Us","proxied":%t}`, name, i, i, i == 1))
	}
	must(t, server, "POST", recordPath, `{"type":"TXT","name":"one","content":"hello"}`)
	for query, want := range map[string]string{
		"":                                   "one one three two",
		"name=one.platform.test":             "one one",
		"name.exact=ONE.platform.test":       "one one",
		"name=one":                           "",
		"type=TXT":                           "one",
		"content=192.0.2.1":                  "two",
		"comment=tag:2 by us":                "three",
		"comment.startswith=tag:":            "one three two",
		"comment.contains=1 by":              "two",
		"proxied=true":                       "two",
		"name=one.platform.test&type=A":      "one",
		"comment.endswith=us&name=x":         "",
		"per_page=3":                         "one one three",
		"per_page=3&page=2":                  "two",
		"per_page=3&page=3":                  "",
		"name.contains=t&per_page=1&page=10": "",
	} {
		t.Run(query, func(t *testing.T) {
			var names []string
			for _, r := range result[[]recordView](t, must(t, server, "GET", recordPath+"?"+strings.ReplaceAll(query, " ", "%20"), "")) {
				names = append(names, strings.TrimSuffix(r.Name, ".platform.test"))
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func TestRecord_list_says_which_page_it_is(t *testing.T) {
	server := setup(t)
	for i := range 7 {
		must(t, server, "POST", recordPath, fmt.Sprintf(`{"type":"A","name":"n%d","content":"192.0.2.1"}`, i))
	}
	got := must(t, server, "GET", recordPath+"?per_page=3&page=3", "").ResultInfo
	if want := (resultInfo{Page: 3, PerPage: 3, Count: 1, TotalCount: 7, TotalPages: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if body := string(must(t, server, "GET", recordPath+"?name="+url.QueryEscape("none"), "").Result); body != "[]" {
		t.Errorf("an empty list is %s", body)
	}
}

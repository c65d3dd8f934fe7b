package cloudflare

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func parsed(t *testing.T, config string) Configuration {
	t.Helper()
	c, err := parseConfiguration(1, json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func own(hostname string) string { return string(newRule(ours, hostname, edgeURL).raw) }

func TestConfiguration_with(t *testing.T) {
	const (
		ssh      = `{"hostname":"git.test","service":"ssh://10.0.0.1:22","originRequest":{"originServerName":"0123456789abcdef.siteplane.internal.evil"},"z":{"b":1.50,"a":"<&>"}}`
		wildcard = `{"service":"http://10.0.0.2:80","path":"^/x","hostname":"*.test"}`
		stars    = `{"service":"http_status:503","hostname":"*"}`
		notFound = `{"service":"http_status:404"}`
	)
	config := func(rules ...string) string { return `{"ingress":[` + strings.Join(rules, ",") + `]}` }
	for _, tt := range []struct {
		name, config string
		hostnames    []string
		want         string // "": unchanged
	}{
		{"nothing on a new tunnel", `null`, nil, ""},
		{"nothing on an empty one", `{"warp-routing":{"enabled":false}}`, nil, ""},
		{"the first rule brings the catch-all", `null`, []string{"a.test"}, config(own("a.test"), notFound)},
		{"before everybody else's", config(ssh, wildcard, stars), []string{"a.test", "b.test"}, config(own("a.test"), own("b.test"), ssh, wildcard, stars)},
		{"already there", config(own("a.test"), ssh, stars), []string{"a.test"}, ""},
		{"the last rule goes, the catch-all stays", config(own("a.test"), notFound), nil, config(notFound)},
		{"one goes", config(own("a.test"), own("b.test"), ssh, notFound), []string{"b.test"}, config(own("b.test"), ssh, notFound)},
		{"twice becomes once", config(own("a.test"), own("a.test"), notFound), []string{"a.test"}, config(own("a.test"), notFound)},
		{"moved behind comes to the front", config(ssh, own("a.test"), notFound), []string{"a.test"}, config(own("a.test"), ssh, notFound)},
		{"another service is mended", config(strings.Replace(own("a.test"), edgeURL, "bastion", 1), notFound), []string{"a.test"}, config(own("a.test"), notFound)},
		{"a path is taken off", config(strings.Replace(own("a.test"), `"service"`, `"path":"/x","service"`, 1), notFound), []string{"a.test"}, config(own("a.test"), notFound)},
		{"another option is taken off", config(strings.Replace(own("a.test"), `"originServerName"`, `"noTLSVerify":true,"originServerName"`, 1), notFound), []string{"a.test"}, config(own("a.test"), notFound)},
		{"what Cloudflare adds is no difference", config(strings.Replace(own("a.test"), `"service"`, `"id":"7","service"`, 1), notFound), []string{"a.test"}, ""},
		{"a catch-all with our mark goes, and another comes", config(ssh, strings.Replace(own("a.test"), `"hostname":"a.test",`, "", 1)), nil, config(ssh, notFound)},
		{"foreign rules without catch-all are not ours to mend", config(ssh), nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			next, differs := parsed(t, tt.config).with(ours, edgeURL, tt.hostnames)
			if differs != (tt.want != "") {
				t.Fatalf("differs is %t", differs)
			}
			if !differs {
				return
			}
			got, err := next.encode()
			if err != nil || string(got) != tt.want {
				t.Errorf("configuration is %s (%v), want %s", got, err, tt.want)
			}
			if _, again := parsed(t, string(got)).with(ours, edgeURL, tt.hostnames); again {
				t.Error("what was written differs again")
			}
		})
	}
}

// Whatever others have there, its bytes come out as they went in, in their order;
// our services are the edge and nothing else (S15, I13, I17).
func TestConfiguration_with_keeps_what_is_not_ours(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var foreign, rules []string
		for i := range r.IntN(6) {
			raw := fmt.Sprintf(`{"hostname":"h%d.test","service":"tcp://10.0.0.%d:1","k%d":[%d,1e3,"\u003c\\"]}`, i, i, r.IntN(9), r.IntN(1000))
			foreign = append(foreign, raw)
		}
		foreign = append(foreign, `{"service":"hello_world"}`)
		rules = slices.Clone(foreign)
		for i := range r.IntN(4) {
			rules = slices.Insert(rules, r.IntN(len(rules)), own(fmt.Sprintf("old%d.test", i)))
		}
		var names []string
		for i := range r.IntN(5) {
			names = append(names, fmt.Sprintf("new%d.test", i))
		}
		before := parsed(t, `{"a":1e400,"ingress":[`+strings.Join(rules, ",")+`],"warp-routing":{"x":null}}`)
		next, _ := before.with(ours, edgeURL, names)
		raw, err := next.encode()
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, name := range names {
			want = append(want, own(name))
		}
		want = append(want, foreign...)
		if got, want := string(raw), `{"a":1e400,"ingress":[`+strings.Join(want, ",")+`],"warp-routing":{"x":null}}`; got != want {
			t.Fatalf("seed %d: %s, want %s", seed, got, want)
		}
	}
}

func TestParseConfiguration_refuses_what_makes_no_sense(t *testing.T) {
	for _, config := range []string{`[]`, `"x"`, `{"ingress":{}}`, `{"ingress":[7]}`, `{"ingress":[{"hostname":7}]}`} {
		if c, err := parseConfiguration(1, json.RawMessage(config)); err == nil {
			t.Errorf("%s is taken for %+v", config, c)
		}
	}
}

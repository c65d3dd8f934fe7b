package cloudflare

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestConfiguration_differences(t *testing.T) {
	const (
		ssh      = `{"hostname":"git.test","service":"ssh://10.0.0.1:22"}`
		notFound = `{"service":"http_status:404"}`
	)
	a, b := own("a.test"), own("b.test")
	for _, tt := range []struct {
		name      string
		rules     []string
		hostnames []string
		want      string
	}{
		{"as wanted", []string{a, b, ssh, notFound}, []string{"a.test", "b.test"}, ""},
		{"nothing there, nothing wanted", nil, nil, ""},
		{"missing", []string{b, notFound}, []string{"a.test", "b.test"}, "rule_missing a.test: There is no rule for a.test."},
		{"not wanted", []string{a, b, notFound}, []string{"b.test"}, "rule_surplus a.test: Our rule for a.test is not wanted."},
		{"twice", []string{a, a, notFound}, []string{"a.test"}, "rule_surplus a.test: There is more than one rule of ours for a.test."},
		{"leads elsewhere", []string{strings.Replace(a, edgeURL, "http://10.9.9.9:9", 1), notFound}, []string{"a.test"},
			"rule_changed a.test: Our rule for a.test leads to http://10.9.9.9:9 instead of " + edgeURL + "."},
		{"for a path only", []string{strings.Replace(a, `"service"`, `"path":"/x","service"`, 1), notFound}, []string{"a.test"},
			"rule_changed a.test: Our rule for a.test has another path, spelling or option than we gave it."},
		{"behind somebody else's", []string{a, ssh, b, notFound}, []string{"a.test", "b.test"},
			"rule_changed b.test: Our rule for b.test stands behind somebody else's for git.test, which may take its requests."},
		{"out of order", []string{b, a, notFound}, []string{"a.test", "b.test"}, "rule_changed a.test: Our rule for a.test is out of order."},
		{"in upper case", []string{own("A.test"), notFound}, []string{"a.test"},
			"rule_changed a.test: Our rule for a.test has another path, spelling or option than we gave it."},
		{"no last rule", nil, []string{"a.test"}, "rule_missing a.test: There is no rule for a.test. | rule_missing : The last rule does not catch all the rest."},
		{"a last rule with our mark", []string{ssh, own("")}, nil,
			"rule_surplus : Our rule for all hostnames is not wanted. | rule_missing : The last rule does not catch all the rest."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := parsed(t, `{"ingress":[`+strings.Join(tt.rules, ",")+`]}`)
			next, _ := before.with(ours, edgeURL, tt.hostnames)
			var got []string
			for _, d := range before.differences(ours, next) {
				got = append(got, fmt.Sprintf("%s %s: %s", d.kind, d.hostname, d.detail))
			}
			if all := strings.Join(got, " | "); all != tt.want {
				t.Errorf("differences are\n%s\nwant\n%s", all, tt.want)
			}
		})
	}
}

// What is written has a name, and what has none is not written.
func TestConfiguration_differences_are_there_when_something_is_written(t *testing.T) {
	both := map[bool]int{}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 7))
		candidates := []string{
			own("a.test"), own("b.test"), own("A.test"), own(""), strings.Replace(own("a.test"), edgeURL, "http://10.9.9.9:9", 1),
			`{"hostname":"git.test","service":"ssh://10.0.0.1:22"}`, `{"hostname":"*","service":"http_status:503"}`, `{"service":"http_status:404"}`,
		}
		var rules []string
		for range r.IntN(5) {
			rules = append(rules, candidates[r.IntN(len(candidates))])
		}
		hostnames := [][]string{nil, {"a.test"}, {"a.test", "b.test"}}[r.IntN(3)]
		before := parsed(t, `{"ingress":[`+strings.Join(rules, ",")+`]}`)
		next, differs := before.with(ours, edgeURL, hostnames)
		if found := before.differences(ours, next); differs != (len(found) > 0) {
			t.Fatalf("seed %d: differs is %t with %+v\nrules %s, wanted %v", seed, differs, found, rules, hostnames)
		}
		both[differs]++
	}
	if both[true] < 100 || both[false] < 100 {
		t.Errorf("the cases are one-sided: %v", both)
	}
}

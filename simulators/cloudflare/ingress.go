package cloudflare

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// ingress is the part of a tunnel's configuration that requests are routed by.
type ingress struct {
	Rules         []rule        `json:"ingress"`
	OriginRequest originRequest `json:"originRequest"`
}

type rule struct {
	Hostname      string        `json:"hostname"`
	Path          string        `json:"path"`
	Service       string        `json:"service"`
	OriginRequest originRequest `json:"originRequest"`

	path *regexp.Regexp
}

type originRequest struct {
	HTTPHostHeader string `json:"httpHostHeader"`
}

// statusService is the prefix of a service that is but a status code.
const statusService = "http_status:"

// parseIngress reads a configuration and says what a connector would say against
// it.
func parseIngress(config json.RawMessage) (*ingress, error) {
	in := &ingress{}
	if len(config) == 0 {
		return nil, errors.New("there is no config")
	}
	if err := json.Unmarshal(config, in); err != nil {
		return nil, fmt.Errorf("config is not as it must be: %w", err)
	}
	if len(in.Rules) == 0 {
		return nil, errors.New("there are no ingress rules")
	}
	for i := range in.Rules {
		if err := in.Rules[i].parse(); err != nil {
			return nil, fmt.Errorf("rule #%d: %w", i+1, err)
		}
		if last := i == len(in.Rules)-1; in.Rules[i].catchesAll() != last {
			return nil, misplaced(i+1, last)
		}
	}
	return in, nil
}

func misplaced(number int, last bool) error {
	if last {
		return errors.New("the last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)")
	}
	return fmt.Errorf("rule #%d matches every hostname, so the rules behind it will never be triggered", number)
}

func (r *rule) catchesAll() bool {
	return (r.Hostname == "" || r.Hostname == "*") && r.Path == ""
}

func (r *rule) parse() error {
	if strings.Contains(r.Hostname, ":") {
		return fmt.Errorf("hostname %q cannot contain a port", r.Hostname)
	}
	if strings.LastIndex(r.Hostname, "*") > 0 || strings.HasPrefix(r.Hostname, "*") && r.Hostname != "*" && r.Hostname[1] != '.' {
		return fmt.Errorf("hostname %q may have a wildcard only as its first label", r.Hostname)
	}
	if r.Path != "" {
		path, err := regexp.Compile(r.Path)
		if err != nil {
			return fmt.Errorf("path %q: %w", r.Path, err)
		}
		r.path = path
	}
	return checkService(r.Service)
}

func checkService(service string) error {
	if code, ok := strings.CutPrefix(service, statusService); ok {
		if n, err := strconv.Atoi(code); err != nil || n < 100 || n > 999 {
			return fmt.Errorf("service %q is not an http status", service)
		}
		return nil
	}
	u, err := url.Parse(service)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" && u.Path == "" {
		return fmt.Errorf("service %q must be a URL with a scheme", service)
	}
	if u.Path != "" && (u.Scheme == "http" || u.Scheme == "https") {
		return fmt.Errorf("service %q must not have a path", service)
	}
	return nil
}

// match returns the first rule for a request; the last matches all.
func (in *ingress) match(host, path string) rule {
	for _, r := range in.Rules {
		if r.matchesHost(host) && (r.path == nil || r.path.MatchString(path)) {
			return r
		}
	}
	return rule{Service: statusService + "404"}
}

func (r rule) matchesHost(host string) bool {
	if r.Hostname == "" || r.Hostname == "*" {
		return true
	}
	if suffix, ok := strings.CutPrefix(r.Hostname, "*"); ok {
		return strings.HasSuffix(host, strings.ToLower(suffix))
	}
	return strings.EqualFold(r.Hostname, host)
}

// hostHeader returns the name that a service is asked for.
func (in *ingress) hostHeader(r rule, asked string) string {
	for _, name := range []string{r.OriginRequest.HTTPHostHeader, in.OriginRequest.HTTPHostHeader} {
		if name != "" {
			return name
		}
	}
	return asked
}

package cli

import (
	"testing"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func TestPublicURL(t *testing.T) {
	tests := []struct {
		mode lifecyclev1.DomainMode
		port int
		want string
	}{
		{lifecyclev1.DomainMode_DOMAIN_MODE_UNSPECIFIED, 0, "http://a.example/"},
		{lifecyclev1.DomainMode_DOMAIN_MODE_DIRECT, 0, "http://a.example/"},
		{lifecyclev1.DomainMode_DOMAIN_MODE_DIRECT, 80, "http://a.example/"},
		{lifecyclev1.DomainMode_DOMAIN_MODE_DIRECT, 8088, "http://a.example:8088/"},
		{lifecyclev1.DomainMode_DOMAIN_MODE_MANAGED, 0, "https://a.example/"},
		{lifecyclev1.DomainMode_DOMAIN_MODE_CUSTOM_HOSTNAME, 0, "https://a.example/"},
		{lifecyclev1.DomainMode_DOMAIN_MODE_MANAGED, 8088, "http://a.example:8088/"},
	}
	for _, test := range tests {
		domain := &lifecyclev1.Domain{Hostname: "a.example", Mode: test.mode}
		if got := publicURL(domain, test.port); got != test.want {
			t.Errorf("%s at port %d: got %s, want %s", test.mode, test.port, got, test.want)
		}
	}
}

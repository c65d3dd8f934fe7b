package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// cliConfig is cli.json.
type cliConfig struct {
	Address    string `json:"address"`
	CA         string `json:"ca"`
	Key        string `json:"key"`
	PublicPort int    `json:"public_port"`
}

func (i *installation) config() cliConfig {
	i.t.Helper()
	text, err := os.ReadFile(i.data("cli.json"))
	check(i.t, err)
	var config cliConfig
	check(i.t, json.Unmarshal(text, &config))
	return config
}

// trust is TLS that trusts the installation alone.
func (c cliConfig) trust() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(c.CA))
	return &tls.Config{RootCAs: roots}
}

// another is a key of the same form that nobody was given.
func another(key string) string {
	last := key[len(key)-1]
	if last == '0' {
		return key[:len(key)-1] + "1"
	}
	return key[:len(key)-1] + "0"
}

// credential is what a caller presents, and whether it is enough.
type credential struct {
	name, header string
	valid        bool
}

func (c cliConfig) credentials() []credential {
	id, rest, _ := strings.Cut(strings.TrimPrefix(c.Key, "sp_"), "_")
	secret, sum, _ := strings.Cut(rest, "_")
	return []credential{
		{"the key", "Bearer " + c.Key, true},
		{"no key", "", false},
		{"an empty key", "Bearer ", false},
		{"a key with another sum", "Bearer " + another(c.Key), false},
		{"a key with another secret", "Bearer sp_" + id + "_" + another(secret) + "_" + sum, false},
		{"a key without its secret", "Bearer sp_" + id, false},
		{"the key under another scheme", "Basic " + c.Key, false},
	}
}

// S24, S25: no listener answers anything without a valid key.
func TestListeners_answer_nobody_without_a_key(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	config := i.config()
	for _, c := range config.credentials() {
		t.Run("gRPC with "+c.name, func(t *testing.T) {
			want := codes.Unauthenticated
			if c.valid {
				want = codes.OK
			}
			for method, err := range callAll(t, config, c.header) {
				if status.Code(err) != want {
					t.Errorf("%s answers %v, want %s", method, err, want)
				}
			}
		})
		for _, url := range []string{
			fmt.Sprintf("https://%s/v1/sites", loopback(i.base+offsets.rest)),
			fmt.Sprintf("https://%s/healthz", loopback(i.base+offsets.admin)),
			fmt.Sprintf("https://%s/metrics", loopback(i.base+offsets.admin)),
		} {
			t.Run(url+" with "+c.name, func(t *testing.T) {
				want := http.StatusUnauthorized
				if c.valid {
					want = http.StatusOK
				}
				if got := get(t, config, url, c.header); got != want {
					t.Errorf("it answers %d, want %d", got, want)
				}
			})
		}
	}
}

// callAll calls one method of each public service.
func callAll(t *testing.T, config cliConfig, header string) map[string]error {
	t.Helper()
	conn, err := grpc.NewClient(config.Address, grpc.WithTransportCredentials(credentials.NewTLS(config.trust())))
	check(t, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if header != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", header)
	}
	answers := map[string]error{}
	_, answers["ListSites"] = lifecyclev1.NewSiteServiceClient(conn).ListSites(ctx, &lifecyclev1.ListSitesRequest{})
	_, answers["Health"] = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	return answers
}

func get(t *testing.T, config cliConfig, url, header string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	check(t, err)
	if header != "" {
		request.Header.Set("Authorization", header)
	}
	transport := &http.Transport{TLSClientConfig: config.trust(), DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(request)
	check(t, err)
	check(t, response.Body.Close())
	return response.StatusCode
}

func TestCLI_says_that_its_key_is_not_valid(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	config := i.config()
	config.Key = another(config.Key)
	wrong, err := json.Marshal(config)
	check(t, err)
	file := i.data("wrong.json")
	check(t, os.WriteFile(file, wrong, 0o600))
	got := i.run("--config", file, "site", "create", "shop", "--origin", "127.0.0.1:9")
	if got.code != exitDenied || got.stdout != "" {
		t.Errorf("exit code %d, want %d; stdout %q", got.code, exitDenied, got.stdout)
	}
	for _, want := range []string{"credential", "BAD_CREDENTIAL", "siteplane up"} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("it does not say %q: %s", want, got.stderr)
		}
	}
	if strings.Contains(got.stderr, config.Key) {
		t.Errorf("it shows the key: %s", got.stderr)
	}
	if names := i.names(); len(names) != 0 {
		t.Errorf("there are the sites %v", names)
	}
}

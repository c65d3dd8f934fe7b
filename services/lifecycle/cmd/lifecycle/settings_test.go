package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
)

// read returns the settings that the program would run with.
func read(t *testing.T, args ...string) settings {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "lifecycle")
	if _, err := ca.WriteIdentity(dir, "/service/lifecycle", time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := ca.WriteServer(dir, []string{"localhost"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	var got settings
	var errs bytes.Buffer
	code := program.Program[settings]{Name: "lifecycle", Defaults: defaults(), Run: func(_ context.Context, s settings, _ program.Env) error {
		got = s
		return nil
	}}.Execute(t.Context(), append(args, "--pki", dir), &bytes.Buffer{}, &errs)
	if code != 0 {
		t.Fatal(errs.String())
	}
	return got
}

func TestSettings_have_the_defaults_of_the_control_plane(t *testing.T) {
	if diff := cmp.Diff(lifecycle.Defaults(), read(t).config(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSettings_cliAddress(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "127.0.0.1:8081"},
		{[]string{"--listen-grpc", ":9000"}, "localhost:9000"},
		{[]string{"--listen-grpc", "[::]:9000"}, "localhost:9000"},
		{[]string{"--listen-grpc", "10.0.0.1:9000"}, "10.0.0.1:9000"},
		{[]string{"--listen-grpc", ":9000", "--cli-address", "api.example.com:443"}, "api.example.com:443"},
	} {
		if got := read(t, c.args...).cliAddress(); got != c.want {
			t.Errorf("%v: %s, want %s", c.args, got, c.want)
		}
	}
}

func TestSettings_take_several_edges_from_the_environment(t *testing.T) {
	const first, second = "a=edge_01m81407f4et98ek77tx8k484t@10.0.0.7:9091,public=192.0.2.7", "b=edge_01m81407f4et98ek77tx8k484v@10.0.0.8:9091"
	t.Setenv("SITEPLANE_EDGE", first+";"+second)
	if diff := cmp.Diff([]string{first, second}, read(t).Edge); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadEdges(t *testing.T) {
	const id = "edge_01m81407f4et98ek77tx8k484t"
	got, err := readEdges([]string{"fra1=" + id + "@edge.example.com:9091,public=192.0.2.7,public=2001:db8::7"})
	want := []edge.Edge{{ID: id, Name: "fra1", Address: "edge.example.com:9091", PublicAddresses: []string{"192.0.2.7", "2001:db8::7"}, NeedsWhole: true}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for text, says := range map[string]string{
		"fra1":                                 "must be NAME=ID@HOST:PORT",
		"=" + id + "@10.0.0.7:1":               "must be NAME=ID@HOST:PORT",
		"fra1=site_1@10.0.0.7:1":               "siteplane pki init --edge fra1",
		"fra1=" + id + "@10.0.0.7":             "must be host:port",
		"fra1=" + id + "@10.0.0.7:1,192.0.2.7": "must be public=IP",
		"fra1=" + id + "@10.0.0.7:1,public=x":  "must be public=IP",
	} {
		if _, err := readEdges([]string{text}); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: error is %v", text, err)
		}
	}
	if _, err := readEdges([]string{"a=" + id + "@10.0.0.7:1", "b=" + id + "@10.0.0.8:1"}); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("error is %v", err)
	}
}

func TestEnrolment_check(t *testing.T) {
	ca := t.TempDir()
	if _, err := identity.LoadOrCreateCA(ca, "siteplane.test"); err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		given enrolment
		says  string
	}{
		"neither":              {enrolment{EdgeCertificateLifetime: day}, ""},
		"both":                 {enrolment{ListenEnrolment: "10.0.0.2:9094", IssuingCA: ca, EdgeCertificateLifetime: day}, ""},
		"a CA alone":           {enrolment{IssuingCA: ca, EdgeCertificateLifetime: day}, "--listen-enrolment HOST:PORT"},
		"a listener alone":     {enrolment{ListenEnrolment: "10.0.0.2:9094", EdgeCertificateLifetime: day}, "--issuing-ca DIR"},
		"no CA there":          {enrolment{ListenEnrolment: "10.0.0.2:9094", IssuingCA: t.TempDir(), EdgeCertificateLifetime: day}, "--issuing-ca: read CA key"},
		"no address":           {enrolment{ListenEnrolment: "10.0.0.2", IssuingCA: ca, EdgeCertificateLifetime: day}, "--listen-enrolment"},
		"a lifetime too short": {enrolment{EdgeCertificateLifetime: time.Second}, "--edge-certificate-lifetime 1s: must be at least"},
	} {
		err := c.given.check()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error is %v, want %q", name, err, c.says)
		}
	}
}

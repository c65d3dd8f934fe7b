package program_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/internal/platform/secret"
)

// settings are those of a service in a test.
type settings struct {
	Name     string         `help:"What it is called." default:"${name}" placeholder:"NAME"`
	Workers  int            `help:"How many."`
	Pause    time.Duration  `help:"How long." default:"1s"`
	Networks []netip.Prefix `help:"Where."`
	Token    secret.Secret  `help:"The token."`
}

func (s settings) Check() error {
	if s.Name == "bad" {
		return errors.New("--name: must not be bad")
	}
	return nil
}

// service returns a program that hands over what it got and then does as it is
// told.
func service(got *settings, serve func(ctx context.Context, env program.Env) error) program.Program[settings] {
	return program.Program[settings]{
		Name: "service", About: "A service in a test.", Defaults: map[string]string{"name": "default"},
		Run: func(ctx context.Context, s settings, env program.Env) error {
			*got = s
			return serve(ctx, env)
		},
	}
}

func execute(t *testing.T, p program.Program[settings], args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = p.Execute(t.Context(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func nothing(context.Context, program.Env) error { return nil }

func TestProgram_reads_flags_and_environment(t *testing.T) {
	t.Setenv("SITEPLANE_WORKERS", "3")
	t.Setenv("SITEPLANE_PAUSE", "5s")
	t.Setenv("SITEPLANE_NETWORKS", "10.0.0.0/8,127.0.0.0/8")
	var got settings
	if code, _, errs := execute(t, service(&got, nothing), "--pause", "7s"); code != 0 {
		t.Fatal(errs)
	}
	if got.Name != "default" || got.Workers != 3 || got.Pause != 7*time.Second {
		t.Errorf("got %+v", got)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8")}
	if !slices.Equal(got.Networks, want) {
		t.Errorf("networks are %v", got.Networks)
	}
}

func TestProgram_reports_everything_that_is_wrong_on_one_line(t *testing.T) {
	t.Setenv("SITEPLANE_WORKERS", "many")
	t.Setenv("SITEPLANE_TOKEN", "very-secret")
	var got settings
	code, _, errs := execute(t, service(&got, nothing), "--pause", "soon", "--networks", "here", "--name", "bad", "--log-level", "loud", "--log-format", "xml")
	if code != program.ExitSettings || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit code %d: %s", code, errs)
	}
	for _, word := range []string{
		`--workers "many": must be a whole number`, `--pause "soon": must be a duration`, `--networks "here": must be a network`,
		"--name: must not be bad", `--log-level "loud": must be debug`, `--log-format "xml": must be json or text`, "service --help",
	} {
		if !strings.Contains(errs, word) {
			t.Errorf("it does not say %q: %s", word, errs)
		}
	}
	if strings.Contains(errs, "very-secret") {
		t.Error("it says the token")
	}
	if code, _, errs := execute(t, service(&got, nothing), "--unknown"); code != program.ExitSettings || !strings.Contains(errs, "unknown flag --unknown") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

func TestProgram_helps(t *testing.T) {
	t.Setenv("SITEPLANE_TOKEN", "very-secret")
	var got settings
	code, out, errs := execute(t, service(&got, func(context.Context, program.Env) error { return errors.New("it ran") }), "--help")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d: %s", code, errs)
	}
	for _, word := range []string{"A service in a test.", "--name=NAME", "What it is called. Default: default.", "SITEPLANE_NAME", "--otlp-endpoint"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), word) {
			t.Errorf("it does not say %q:\n%s", word, out)
		}
	}
	if strings.Contains(out, "very-secret") {
		t.Error("it says the token")
	}
}

func TestProgram_ends(t *testing.T) {
	t.Run("with one line when the service fails", func(t *testing.T) {
		var got settings
		code, _, errs := execute(t, service(&got, func(context.Context, program.Env) error {
			return errors.Join(errors.New("no port"), errors.New("no disk"))
		}))
		if code != program.ExitFailed || errs != "service: no port; no disk\n" {
			t.Errorf("exit code %d: %q", code, errs)
		}
	})
	t.Run("with 0 when it is asked to", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var errs bytes.Buffer
		p := service(new(settings), func(ctx context.Context, _ program.Env) error {
			cancel()
			<-ctx.Done()
			return nil
		})
		if code := p.Execute(ctx, nil, &bytes.Buffer{}, &errs); code != 0 || errs.Len() > 0 {
			t.Errorf("exit code %d: %s", code, errs.String())
		}
	})
	t.Run("ten seconds after it is asked to, whatever the service does", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			let := make(chan struct{})
			defer close(let)
			var errs bytes.Buffer
			begun := time.Now()
			p := service(new(settings), func(context.Context, program.Env) error { <-let; return nil })
			code := p.Execute(ctx, nil, &bytes.Buffer{}, &errs)
			if code != program.ExitFailed || time.Since(begun) != 10*time.Second || !strings.Contains(errs.String(), "had not ended 10s") {
				t.Errorf("exit code %d after %s: %s", code, time.Since(begun), errs.String())
			}
		})
	})
}

func TestTogether(t *testing.T) {
	until := func(ctx context.Context) error { <-ctx.Done(); return nil }
	t.Run("a part that fails ends the others", func(t *testing.T) {
		err := program.Together(t.Context(), until, func(context.Context) error { return errors.New("broken") })
		if err == nil || err.Error() != "broken" {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("a part that ends by itself has failed", func(t *testing.T) {
		if err := program.Together(t.Context(), until, func(context.Context) error { return nil }); err == nil {
			t.Error("no error")
		}
	})
	t.Run("the end of the context is no failure", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := program.Together(ctx, until, until); err != nil {
			t.Error(err)
		}
	})
}

func TestListen_names_flag_and_remedy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, says := range map[string]string{
		taken.Addr().String(): "is in use by another process: stop it",
		"192.0.2.1:0":         "is not an address of this host",
	} {
		_, err := program.Listen("--listen", address)
		if err == nil || !strings.Contains(err.Error(), "--listen "+address) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error is %v", address, err)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for _, good := range []string{"127.0.0.1:80", ":80", "edge.example.com:9091", "[::1]:0"} {
		if err := program.CheckAddress("--listen", good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "127.0.0.1", "host:port", "host:70000", "::1:80"} {
		if err := program.CheckAddress("--listen", bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

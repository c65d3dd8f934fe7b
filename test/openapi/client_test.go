package openapi_test

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	// What clients made by oapi-codegen import: here so that go.mod has it.
	_ "github.com/oapi-codegen/runtime"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle/api"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

const root = "../.."

// A generated client compiles and can be used.
func TestGeneratedGoClient(t *testing.T) {
	dir := t.TempDir()
	client := filepath.Join(dir, "client.go")
	run(t, "go", "tool", "-modfile=tools/go.mod", "oapi-codegen", "-generate", "types,client", "-package", "main", "-o", client, "gen/openapi/openapi.json")
	program := filepath.Join(dir, "caller")
	caller := copied(t, "testdata/caller.go", filepath.Join(dir, "caller.go"))
	run(t, "go", "build", "-o", program, client, caller)

	url, key := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	call := exec.CommandContext(ctx, program, url)
	call.Env = append(os.Environ(), "SITEPLANE_KEY="+key)
	if said, err := call.CombinedOutput(); err != nil {
		t.Errorf("it cannot be used: %v: %s", err, said)
	}
}

// serve serves the REST API of a world, and returns its URL and an operator's key.
func serve(t *testing.T) (url, key string) {
	t.Helper()
	world := apptest.New(t, apptest.Options{})
	world.Run()
	handler, err := api.New(world.App, telemetry.Discard("lifecycle")).Handler(t.Context())
	check(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	text, err := app.IssueKey(t.Context(), world.Store, world.Caller.TenantID, "test", auth.Operator, world.Clock.Now())
	check(t, err)
	return server.URL, text.Reveal()
}

// run runs a command at the root, outside of the workspace.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env = root, append(os.Environ(), "GOWORK=off")
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, said)
	}
}

func copied(t *testing.T, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(from)
	check(t, err)
	check(t, os.WriteFile(to, text, 0o600))
	return to
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package sdk_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/test/up"
)

const root = "../.."

// installation is a `siteplane up` with the config that it has written, and an origin
// for its sites.
type installation struct {
	config, origin string
	// edge is where nginx listens.
	edge string
}

// bringUp brings an installation up until the test ends.
func bringUp(t *testing.T) installation {
	t.Helper()
	// Open, because nginx's workers are somebody else, which t.TempDir is not.
	dir, err := os.MkdirTemp("", "sp-sdk-")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o711))
	program, err := up.Build(t.Context(), dir)
	check(t, err)
	running, err := up.Start(t.Context(), program, dir)
	check(t, err)
	t.Cleanup(func() { check(t, running.Stop()) })
	return installation{config: running.Config(), origin: startOrigin(t), edge: edgeOf(t, running.Config())}
}

// startOrigin answers every request with a greeting, and returns its address.
func startOrigin(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, greeting) }))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// edgeOf reads from the config where visitors reach the sites.
func edgeOf(t *testing.T, config string) string {
	t.Helper()
	text, err := os.ReadFile(config)
	check(t, err)
	var said struct {
		PublicPort int `json:"public_port"`
	}
	check(t, json.Unmarshal(text, &said))
	return "127.0.0.1:" + strconv.Itoa(said.PublicPort)
}

// run runs a command to its end and returns what it says. It must succeed.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir, command.Env = dir, append(os.Environ(), env...)
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, said)
	}
	return string(said)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

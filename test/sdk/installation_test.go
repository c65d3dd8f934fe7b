package sdk_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/test/process"
	"github.com/siteplane/siteplane/test/split"
)

const (
	root    = "../.."
	upLimit = 60 * time.Second
)

// installation is a `siteplane up` with the config that it has written, and an origin
// for its sites.
type installation struct {
	config, origin string
	// edge is where nginx listens.
	edge string
}

// up brings an installation up until the test ends. If somebody takes a port between
// the look and the bind, it moves to others.
func up(t *testing.T) installation {
	t.Helper()
	// Open, because nginx's workers are somebody else, which t.TempDir is not.
	dir, err := os.MkdirTemp("", "sp-sdk-")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o711))
	program := filepath.Join(dir, "siteplane")
	run(t, root, nil, "go", "build", "-o", program, "./cmd/siteplane")
	for range 5 {
		data := filepath.Join(dir, "data")
		if err = start(t, program, data, filepath.Join(dir, "up.log")); err == nil {
			config := filepath.Join(data, "cli.json")
			return installation{config: config, origin: startOrigin(t), edge: edgeOf(t, config)}
		}
		if !strings.Contains(err.Error(), "taken") && !strings.Contains(err.Error(), "in use") {
			break
		}
	}
	t.Fatal(err)
	return installation{}
}

func start(t *testing.T, program, data, log string) error {
	base, err := split.FreePortBase(77)
	if err != nil {
		return err
	}
	announced, once := make(chan struct{}), sync.Once{}
	p := process.New(process.Config{
		Name: "siteplane up", Program: program, LogFile: log,
		Args: []string{"up", "--data-dir", data, "--port-base", strconv.Itoa(base), "--log-format", "json"},
		Said: func(line string) {
			if strings.Contains(line, "siteplane is up") {
				once.Do(func() { close(announced) })
			}
		},
	})
	if err := p.Start(); err != nil {
		return err
	}
	select {
	case <-announced:
	case <-p.Ended():
		return p.Died()
	case <-time.After(upLimit):
		return fmt.Errorf("it was not up after %s: %v", upLimit, p.Terminate())
	}
	t.Cleanup(func() {
		check(t, p.Terminate())
		run(t, ".", nil, program, "down", "--data-dir", data)
	})
	return nil
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

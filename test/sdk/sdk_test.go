// Package sdk_test proves that the examples do what they say, and with them what they
// are made of: the generated packages and the TypeScript SDK, against a real
// `siteplane up`. It builds and runs them as a reader would.
package sdk_test

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	greeting = "hello from the origin"
	// exampleLimit is more than the two minutes that an example gives itself.
	exampleLimit = 150 * time.Second
)

func TestExamples(t *testing.T) {
	i := bringUp(t)
	for name, build := range map[string]func(*testing.T) []string{"Go": buildGo, "TypeScript": buildTypeScript} {
		t.Run(name, func(t *testing.T) {
			command := build(t)
			works := t.Run("brings a site to its visitors", func(t *testing.T) {
				said, err := i.example(t, command, "-keep", i.origin)
				check(t, err)
				host := hostnameIn(t, said)
				if !strings.Contains(said, "site ACTIVE") || !strings.Contains(said, "EdgeSynced TRUE") || !strings.Contains(said, "Serving TRUE") {
					t.Errorf("on the way it says\n%s", said)
				}
				if got := visit(t, i.edge, host); got != greeting {
					t.Errorf("%s answers %q", host, got)
				}
			})
			if !works { // the others would wait for long
				return
			}
			t.Run("deletes its site again", func(t *testing.T) {
				said, err := i.example(t, command, "", i.origin)
				check(t, err)
				if !strings.Contains(said, "site ACTIVE") || !strings.Contains(said, "site DELETED") {
					t.Errorf("it says\n%s", said)
				}
			})
			t.Run("says why it fails", func(t *testing.T) {
				said, err := i.example(t, command, "", "no address")
				if err == nil || !strings.Contains(said, "reason INVALID_FIELDS") || !strings.Contains(said, "site.spec.origin.targets[0].address: ") {
					t.Errorf("it ends with %v and says\n%s", err, said)
				}
			})
		})
	}
}

func buildGo(t *testing.T) []string {
	program := filepath.Join(t.TempDir(), "example")
	run(t, root, []string{"GOWORK=off"}, "go", "build", "-o", program, "./examples/go")
	return []string{program}
}

func buildTypeScript(t *testing.T) []string {
	run(t, root, nil, "sh", "tools/build-example")
	return []string{"node", filepath.Join(root, "examples/ts/dist/create.js")}
}

// example runs an example to its end.
func (i installation) example(t *testing.T, command []string, more, origin string) (said string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), exampleLimit)
	defer cancel()
	args := append(command[1:len(command):len(command)], "--config", i.config, "--origin", origin)
	if more != "" {
		args = append(args, "-"+more)
	}
	output, err := exec.CommandContext(ctx, command[0], args...).CombinedOutput()
	return string(output), err
}

var createdLine = regexp.MustCompile(`(?m)^created (site_\w+)$`)

// hostnameIn is the hostname that an example has listed for the site that it made.
func hostnameIn(t *testing.T, said string) string {
	t.Helper()
	if created := createdLine.FindStringSubmatch(said); created != nil {
		if listed := regexp.MustCompile(`(?m)^listed ` + created[1] + ` (\S+)$`).FindStringSubmatch(said); listed != nil {
			return listed[1]
		}
	}
	t.Fatalf("it lists no site of its own:\n%s", said)
	return ""
}

// visit asks the edge for the page of a host.
func visit(t *testing.T, edge, host string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+edge+"/", nil)
	check(t, err)
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	check(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	check(t, err)
	return string(body)
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	upLimit   = 30 * time.Second
	stopLimit = 15 * time.Second
	downLimit = 10 * time.Second
)

// Labels under which `siteplane up` says where things are.
const (
	placeSites      = "sites"
	placeDNS        = "DNS (simulated)"
	placeCloudflare = "Cloudflare (simulated)"
	placeNginx      = "nginx config"
	placeCLI        = "CLI config"
)

// installation is `siteplane up` as a child process, with a data directory and
// a log file of its own.
type installation struct {
	program string
	dataDir string
	logFile string
	process *exec.Cmd
	// up is closed when all places are known, ended when the process is no more.
	up, ended chan struct{}
	// exit is how it ended; to be read after ended. told says that the user knows.
	exit error
	told bool

	mu     sync.Mutex
	places map[string]string
}

// launch starts the process in a directory.
func launch(program, dir string, portBase int, otlp string) (*installation, error) {
	i := &installation{
		program: program, dataDir: filepath.Join(dir, "data"), logFile: filepath.Join(dir, "up.log"),
		up: make(chan struct{}), ended: make(chan struct{}), places: map[string]string{},
	}
	log, err := os.Create(i.logFile)
	if err != nil {
		return nil, fmt.Errorf("make the log file: %w", err)
	}
	defer log.Close()
	i.process = command(exec.Command(program, "up", "--data-dir", i.dataDir, "--port-base", strconv.Itoa(portBase),
		"--otlp-endpoint", otlp, "--log-format", "json", "--log-level", "info"))
	i.process.Stderr = log
	said, err := i.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("read from %s: %w", program, err)
	}
	if err := i.process.Start(); err != nil {
		return nil, fmt.Errorf("start the installation: %w", err)
	}
	go i.follow(said)
	return i, nil
}

// command keeps the terminal's signals off a child: what an interrupt ends, and
// in which order, is the demo's to say.
func command(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// follow learns places from what the process says, until it ends.
func (i *installation) follow(said io.Reader) {
	known := false
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if i.learn(lines.Text()); !known && len(i.unknown()) == 0 {
			known = true
			close(i.up)
		}
	}
	i.exit = i.process.Wait()
	close(i.ended)
}

var placeLine = regexp.MustCompile(`^  (\S.*?)  +(\S.*)$`)

func (i *installation) learn(line string) {
	match := placeLine.FindStringSubmatch(line)
	if match == nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.places[match[1]] = match[2]
}

// unknown returns the places that were not said yet.
func (i *installation) unknown() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.DeleteFunc([]string{placeSites, placeDNS, placeCloudflare, placeNginx, placeCLI}, func(label string) bool {
		return i.places[label] != ""
	})
}

// place returns what the process said about a label.
func (i *installation) place(label string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.places[label]
}

func (i *installation) awaitUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, upLimit, fmt.Errorf("it was not up after %s", upLimit))
	defer cancel()
	select {
	case <-i.up:
		return nil
	case <-i.ended:
		return i.died()
	case <-ctx.Done():
		return fmt.Errorf("wait for `siteplane up`, which has not said %q: %w", i.unknown(), context.Cause(ctx))
	}
}

// died says how the process ended by itself; call it after ended.
func (i *installation) died() error {
	i.told = true
	exit := "exit status 0"
	if i.exit != nil {
		exit = i.exit.Error()
	}
	return fmt.Errorf("`siteplane up` ended by itself (%s) and said:\n%s", exit, i.complaint())
}

// complaint is what the process wrote for people: the lines of its log that are
// no log.
func (i *installation) complaint() string {
	content, err := os.ReadFile(i.logFile)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(string(content)) {
		if !json.Valid([]byte(line)) {
			lines = append(lines, "  "+strings.TrimRight(line, "\n"))
		}
	}
	return strings.Join(lines, "\n")
}

// stop ends the process and then the nginx that outlives it.
func (i *installation) stop() error {
	return errors.Join(i.terminate(), i.down())
}

func (i *installation) terminate() error {
	select {
	case <-i.ended:
		if i.told {
			return nil
		}
		return i.died()
	default:
	}
	if err := i.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the installation: %w", err)
	}
	select {
	case <-i.ended:
	case <-time.After(stopLimit):
		killed := i.process.Process.Kill()
		<-i.ended
		return errors.Join(fmt.Errorf("the installation had not stopped %s after SIGTERM and was killed", stopLimit), killed)
	}
	if i.exit != nil {
		return fmt.Errorf("stop the installation: %w: %s", i.exit, i.complaint())
	}
	return nil
}

// down stops nginx. An installation that got nowhere has none.
func (i *installation) down() error {
	if _, err := os.Stat(i.dataDir); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), downLimit)
	defer cancel()
	said, err := command(exec.CommandContext(ctx, i.program, "down", "--data-dir", i.dataDir)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("stop nginx: %w: %s", err, strings.TrimSpace(string(said)))
	}
	return nil
}

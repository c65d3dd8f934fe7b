package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// wrkConnections are kept by the visitors.
	wrkConnections = 32
	// wrkTime is how long one run takes.
	wrkTime = 3 * time.Second
)

// wrkScript asks for the hosts of a file, one after the other and over again. The
// requests are made before the clock runs.
const wrkScript = `
local requests, at = {}, 0
function init(args)
	for host in io.lines(args[1]) do
		wrk.headers["Host"] = host
		requests[#requests + 1] = wrk.format()
	end
end
function request()
	at = at % #requests + 1
	return requests[at]
end
`

// load asks a server for hosts, as visitors who keep their connections do.
type load struct {
	script, hosts string
}

// newLoad writes its files into a directory, under a name.
func newLoad(dir, name string, hosts []string) (load, error) {
	if _, err := exec.LookPath("wrk"); err != nil {
		return load{}, errors.New("wrk is not installed: `apt-get install wrk`")
	}
	l := load{script: dir + "/wrk.lua", hosts: dir + "/" + name + ".hosts"}
	err := errors.Join(
		os.WriteFile(l.script, []byte(wrkScript), 0o600),
		os.WriteFile(l.hosts, []byte(strings.Join(hosts, "\n")+"\n"), 0o600),
	)
	if err != nil {
		return load{}, fmt.Errorf("write the hosts to ask for: %w", err)
	}
	return l, nil
}

// run returns how many requests a second the server answers with 200. Any other answer
// is an error.
func (l load) run(ctx context.Context, address string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, wrkTime+time.Minute)
	defer cancel()
	seconds := strconv.Itoa(int(wrkTime / time.Second))
	said, err := exec.CommandContext(ctx, "wrk", "--threads", "1", "--connections", strconv.Itoa(wrkConnections),
		"--duration", seconds+"s", "--script", l.script, "http://"+address+"/", "--", l.hosts).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("run wrk: %w: %s", err, strings.TrimSpace(string(said)))
	}
	return requestsPerSecond(string(said))
}

var (
	wrkRate = regexp.MustCompile(`(?m)^Requests/sec: +([0-9.]+)$`)
	wrkBad  = regexp.MustCompile(`(?m)^ *(Non-2xx or 3xx responses|Socket errors): .*$`)
)

// requestsPerSecond reads what wrk says.
func requestsPerSecond(said string) (float64, error) {
	if bad := wrkBad.FindString(said); bad != "" {
		return 0, fmt.Errorf("the server did not answer all: %s", strings.TrimSpace(bad))
	}
	rate := wrkRate.FindStringSubmatch(said)
	if rate == nil {
		return 0, fmt.Errorf("wrk says no rate: %s", strings.TrimSpace(said))
	}
	return strconv.ParseFloat(rate[1], 64)
}

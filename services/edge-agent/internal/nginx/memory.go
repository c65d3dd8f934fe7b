package nginx

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Headroom is how much memory there still is.
type Headroom struct {
	Bytes int64
	// Of says where it ends: the host, or a control group.
	Of string
}

// Headroom returns how much more memory our nginx may take before something is
// killed. Without a master it is that of what the agent starts.
func (n *Instance) Headroom() (Headroom, error) {
	master, err := n.Master()
	if err != nil {
		return Headroom{}, err
	}
	if master == 0 {
		master = os.Getpid()
	}
	return ReadHeadroom("/", master)
}

// ReadHeadroom returns the headroom of a process by the proc and cgroup file
// systems below root: what the host has available, or less, where one of the
// control groups around the process has a limit (version 1 or 2). A group that
// cannot be read has none.
func ReadHeadroom(root string, pid int) (Headroom, error) {
	available, err := readField(filepath.Join(root, "proc/meminfo"), "MemAvailable:")
	if err != nil {
		return Headroom{}, fmt.Errorf("look for free memory: %w", err)
	}
	least := Headroom{Bytes: available << 10, Of: "the host"}
	group, err := findGroup(root, pid)
	if err != nil {
		return Headroom{}, fmt.Errorf("look for limits of memory: %w", err)
	}
	for dir := group.dir; group.kind != nil && len(dir) >= len(group.top); dir = filepath.Dir(dir) {
		if free, limited := group.kind.free(dir); limited && free < least.Bytes {
			least = Headroom{Bytes: free, Of: "the control group " + dir}
		}
	}
	return least, nil
}

// groupKind is how a version of control groups names things.
type groupKind struct {
	limit, used string
	// cached names the lines of memory.stat about what the kernel gives up first.
	cached []string
}

var (
	firstVersion  = &groupKind{"memory.limit_in_bytes", "memory.usage_in_bytes", []string{"total_inactive_file", "total_active_file"}}
	secondVersion = &groupKind{"memory.max", "memory.current", []string{"inactive_file", "active_file"}}
)

// free returns what the group at dir may still take.
func (k *groupKind) free(dir string) (free int64, limited bool) {
	limit, limited := readNumber(filepath.Join(dir, k.limit))
	used, known := readNumber(filepath.Join(dir, k.used))
	if !limited || !known {
		return 0, false
	}
	free = limit - used
	for _, name := range k.cached {
		if cached, err := readField(filepath.Join(dir, "memory.stat"), name); err == nil {
			free += cached
		}
	}
	return free, true
}

// group is the control group that counts the memory of a process; kind is nil
// where none does. top is where the file system of groups is mounted.
type group struct {
	dir, top string
	kind     *groupKind
}

func findGroup(root string, pid int) (group, error) {
	paths, err := groupPaths(filepath.Join(root, "proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return group{}, err
	}
	mounts, err := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	if err != nil {
		return group{}, err
	}
	var found group
	for line := range strings.Lines(string(mounts)) {
		// 32 31 0:29 /root /mount/point options [tag...] - type source options
		mount, super, _ := strings.Cut(line, " - ")
		fields, last := strings.Fields(mount), strings.Fields(super)
		if len(fields) < 6 || len(last) < 3 {
			continue
		}
		kind := kindOf(last[0], last[2])
		path, counted := paths[kind]
		below, err := filepath.Rel(fields[3], path)
		if kind == nil || !counted || err != nil || found.kind == firstVersion {
			continue
		}
		if !filepath.IsLocal(below) {
			below = "." // beyond what is mounted here
		}
		top := filepath.Join(root, fields[4])
		found = group{dir: filepath.Join(top, below), top: top, kind: kind}
	}
	return found, nil
}

// kindOf is that of a mounted file system; nil: it counts no memory. Where both
// versions are mounted, memory is counted by the first if that has it.
func kindOf(fileSystem, options string) *groupKind {
	switch {
	case fileSystem == "cgroup" && slices.Contains(strings.Split(options, ","), "memory"):
		return firstVersion
	case fileSystem == "cgroup2":
		return secondVersion
	}
	return nil
}

// groupPaths reads lines such as 4:memory:/a/b and 0::/a/b.
func groupPaths(file string) (map[*groupKind]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	paths := map[*groupKind]string{}
	for line := range strings.SplitSeq(string(data), "\n") {
		fields := strings.SplitN(line, ":", 3)
		switch {
		case len(fields) < 3:
		case slices.Contains(strings.Split(fields[1], ","), "memory"):
			paths[firstVersion] = fields[2]
		case fields[0] == "0" && fields[1] == "":
			paths[secondVersion] = fields[2]
		}
	}
	return paths, nil
}

// unlimited is what the first version says where there is no limit, or more.
const unlimited = 1 << 62

// readNumber returns ok=false for "max" too.
func readNumber(file string) (number int64, ok bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	number, err = strconv.ParseInt(string(bytes.TrimSpace(data)), 10, 64)
	return number, err == nil && number < unlimited
}

// readField returns the number after a name in lines of names and numbers.
func readField(file, name string) (int64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == name {
			return strconv.ParseInt(fields[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s does not say %s: %w", file, name, fs.ErrNotExist)
}

// peakPause is how often the memory of a test is read: what is not seen is what
// it takes in its last moment.
const peakPause = 2 * time.Millisecond

// watchPeak returns what ends the watch and tells how much memory a process had
// at most, in bytes. What the kernel counts for a parent is no use: it begins with
// the memory of the parent itself, which its children share until they execute.
func watchPeak(pid int) (end func() int64) {
	file := filepath.Join("/proc", strconv.Itoa(pid), "status")
	stop, peak := make(chan struct{}), make(chan int64)
	go func() { // on another thread: this one may be behind walls
		dieFirst(pid)
		var most int64
		ticker := time.NewTicker(peakPause)
		defer ticker.Stop()
		for {
			if now, err := readField(file, "VmHWM:"); err == nil {
				most = max(most, now<<10)
			}
			select {
			case <-stop:
				peak <- most
				return
			case <-ticker.C:
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-peak
	}
}

// dieFirst lets the kernel end a test before anything else where memory runs out:
// without this it would choose the largest, which is nginx.
func dieFirst(pid int) {
	file := filepath.Join("/proc", strconv.Itoa(pid), "oom_score_adj")
	// Where it has ended, or the host does not let us, all is as before.
	_ = os.WriteFile(file, []byte("1000"), 0)
}

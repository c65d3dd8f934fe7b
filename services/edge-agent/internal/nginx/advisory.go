package nginx

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// advisory is a known weakness of nginx.
type advisory struct {
	id, what string
	// since is the first version that has it.
	since version
	// mended holds the first version of each branch that has not, the newest last.
	mended []version
}

// advisories are those of https://nginx.org/en/security_advisories.html, as of July
// 2026, about what this agent renders: server, map, rewrite and proxy over HTTP/1.1,
// and TLS. It renders no HTTP/2, HTTP/3, gRPC, mail, stream, resolver, SSI, slices,
// charsets, media or DAV, no TLS to origins, and no map with a regular expression, so
// CVE-2026-42533 is not among them.
var advisories = []advisory{
	{"CVE-2026-9256", "the rewrite module writes past a buffer", version{0, 1, 17}, []version{{1, 30, 2}, {1, 31, 1}}},
	{"CVE-2026-42945", "the rewrite module writes past a buffer", version{0, 6, 27}, []version{{1, 30, 1}, {1, 31, 0}}},
	{"CVE-2025-23419", "a TLS session of one name is taken up under another", version{1, 11, 4}, []version{{1, 26, 3}, {1, 27, 4}}},
	{"CVE-2017-7529", "a range is counted past what an integer holds", version{0, 5, 6}, []version{{1, 12, 1}, {1, 13, 3}}},
	{"CVE-2016-4450", "a request body that is written to disk ends a worker", version{1, 3, 9}, []version{{1, 10, 1}, {1, 11, 1}}},
}

// version is that of nginx: branch by the first two numbers.
type version [3]int

// parseVersion reads 1.22.1, and what others append to it.
func parseVersion(text string) (parsed version, ok bool) {
	fields := strings.SplitN(text, ".", len(parsed))
	if len(fields) != len(parsed) {
		return parsed, false
	}
	for i, field := range fields {
		digits := field[:len(field)-len(strings.TrimLeft(field, "0123456789"))]
		number, err := strconv.Atoi(digits)
		if err != nil || digits != field && i < len(parsed)-1 {
			return parsed, false
		}
		parsed[i] = number
	}
	return parsed, true
}

func (v version) compare(other version) int { return slices.Compare(v[:], other[:]) }

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// concerns tells whether a version has the weakness: it is not older, and neither
// mended in its own branch nor newer than what was mended last.
func (a advisory) concerns(v version) bool {
	if v.compare(a.since) < 0 {
		return false
	}
	newest := a.mended[len(a.mended)-1]
	return v.compare(newest) < 0 && !slices.ContainsFunc(a.mended, func(mended version) bool {
		return v[0] == mended[0] && v[1] == mended[1] && v.compare(mended) >= 0
	})
}

// Weaknesses are what is known of a version of nginx, one sentence each. packaged
// names the distribution's package, empty where it is none: distributions mend a
// version without another number.
func Weaknesses(text, packaged string) []string {
	parsed, ok := parseVersion(text)
	if !ok {
		return nil
	}
	var found []string
	for _, advisory := range advisories {
		if !advisory.concerns(parsed) {
			continue
		}
		var mended []string
		for _, version := range advisory.mended {
			mended = append(mended, version.String())
		}
		sentence := fmt.Sprintf("nginx %s is known for %s, mended in %s: %s", text, advisory.id, strings.Join(mended, " and "), advisory.what)
		if packaged != "" {
			sentence += fmt.Sprintf("; the distribution may have mended it in %s, see its notes", packaged)
		}
		found = append(found, sentence)
	}
	return found
}

// noticed is what is known of the binary as it was with mark.
type noticed struct {
	mark    string
	notices []string
}

// Notices are what an operator should know of this nginx and cannot see; none of
// them keeps it from serving.
func (n *Instance) Notices(ctx context.Context) []string {
	if mark := n.Mark(); mark != n.noticed.mark {
		text, err := n.Version(ctx)
		if err != nil {
			return nil // why is told elsewhere
		}
		n.noticed = noticed{mark: mark}
		if len(Weaknesses(text, "")) > 0 {
			n.noticed.notices = Weaknesses(text, n.packaged(ctx))
		}
	}
	notices := slices.Clone(n.noticed.notices)
	if n.runsReplaced() {
		notices = append(notices, "nginx was replaced on disk, by an upgrade for instance, and what runs is the one before: it changes when nginx is stopped and started")
	}
	return notices
}

// packaged names the package that the binary belongs to, with its version.
func (n *Instance) packaged(ctx context.Context) string {
	path, err := n.path()
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	query, err := exec.LookPath("dpkg-query")
	if err != nil {
		return ""
	}
	// Who owns a file is a search through all packages; these are few.
	installed, err := execute(ctx, query, "--show", "--showformat=${Package} ${Version}\n", "nginx*")
	if err != nil {
		return ""
	}
	for candidate := range strings.Lines(installed) {
		name, number, _ := strings.Cut(strings.TrimSpace(candidate), " ")
		if number == "" {
			continue // known, and not installed
		}
		files, err := execute(ctx, query, "--listfiles", name)
		if err == nil && slices.Contains(strings.Split(files, "\n"), path) {
			return name + " " + number
		}
	}
	return ""
}

// runsReplaced tells whether the program that our master runs is gone from disk.
func (n *Instance) runsReplaced() bool {
	master := n.running()
	if master == (Process{}) {
		return false
	}
	program, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(master.PID), "exe"))
	return err == nil && strings.HasSuffix(program, " (deleted)")
}

package soak_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// nobodysStatus is what the edge answers for a name that nobody has.
	nobodysStatus = http.StatusMisdirectedRequest
	// settleLimit is how long it may take until the last traces are gone.
	settleLimit = 2 * time.Minute
)

// names are the ids and hostnames of what lives.
type names []string

func (n names) has(name string) bool { return slices.Contains(n, name) }

// anyName finds ids of sites and domains, and the hostnames that the test makes,
// known to it or not.
var anyName = regexp.MustCompile(`(?:site|dom)_[0-9a-z]{26}|[0-9a-z-]+\.(?:managed\.test|siteplane\.localhost)`)

// deadIn returns the names in a text that nothing lives under.
func (n names) deadIn(text string) []string {
	dead := slices.DeleteFunc(anyName.FindAllString(text, -1), n.has)
	slices.Sort(dead)
	return slices.Compact(dead)
}

func (s witness) names() names {
	return append(names{s.siteID, s.platform, s.managed}, s.domainIDs...)
}

// wantNothingLeft demands that soon nothing knows any site but the witness.
func (w *world) wantNothingLeft(ctx context.Context, t *testing.T, plans []plan, site witness, before []string) {
	t.Helper()
	live := site.names()
	err := eventually(ctx, settleLimit, func(ctx context.Context) error {
		return errors.Join(w.leftInDatabase(ctx, len(plans), live), w.leftOnEdge(live), w.leftAtCloudflare(ctx, site), w.strayProcesses())
	})
	if err != nil {
		t.Fatalf("something is left: %v", err)
	}
	for _, name := range w.listing(t) {
		if !slices.Contains(before, name) {
			t.Errorf("file %s is left", name)
		}
	}
	for _, p := range plans {
		w.wantUnserved(ctx, t, p)
	}
}

// wantUnserved demands that nobody answers for a site that is gone.
func (w *world) wantUnserved(ctx context.Context, t *testing.T, p plan) {
	t.Helper()
	for _, host := range []string{cmp.Or(p.slug, p.name) + "." + platformDomain, cmp.Or(p.primary, p.added)} {
		if host == "" {
			continue
		}
		for _, address := range []string{w.Edge(), w.CloudflareVisitors()} {
			if code, body, err := fetch(ctx, address, host); err != nil || body == page {
				t.Errorf("%s at %s answers %d %q: %v", host, address, code, body, err)
			}
		}
	}
}

// listing is the files that the agent and the tunnel service keep, but for logs
// and generations, which come and go.
func (w *world) listing(t *testing.T) (found []string) {
	t.Helper()
	for _, dir := range []string{w.EdgeDir(), w.TunnelDir()} {
		entries, err := os.ReadDir(dir)
		must(t, err)
		for _, entry := range entries {
			found = append(found, filepath.Join(dir, entry.Name()))
		}
	}
	return found
}

// leftOnEdge demands that what the edge keeps knows only what lives, and that it
// keeps no more than the current generation and the one before.
func (w *world) leftOnEdge(live names) error {
	current, err := os.Readlink(filepath.Join(w.EdgeDir(), "current"))
	if err != nil {
		return err
	}
	generations := filepath.Dir(current)
	kept, err := os.ReadDir(filepath.Join(w.EdgeDir(), generations))
	if err == nil && len(kept) > 2 {
		err = fmt.Errorf("the edge keeps the generations %v", kept)
	}
	return errors.Join(err, filepath.WalkDir(w.EdgeDir(), func(path string, entry fs.DirEntry, err error) error {
		relative := strings.TrimPrefix(path, w.EdgeDir()+"/")
		superseded := strings.HasPrefix(relative, generations+"/") && !strings.HasPrefix(relative, current+"/")
		if err != nil || !entry.Type().IsRegular() || superseded || strings.HasPrefix(relative, "logs/") {
			return err
		}
		content, err := os.ReadFile(path)
		if dead := live.deadIn(string(content)); len(dead) > 0 {
			return fmt.Errorf("%s still knows %v", relative, dead)
		}
		return err
	}))
}

// simulated is what Cloudflare holds, as the simulator tells it.
type simulated struct {
	Zones map[string]struct {
		Records []struct {
			Name, Comment string
		} `json:"records"`
		CustomHostnames []struct {
			Hostname string `json:"hostname"`
		} `json:"custom_hostnames"`
	} `json:"zones"`
	Tunnels map[string]struct {
		Configuration struct {
			Ingress []struct {
				Hostname string `json:"hostname"`
			} `json:"ingress"`
		} `json:"configuration"`
	} `json:"tunnels"`
}

// leftAtCloudflare demands the rule and the record of the witness, and no others:
// nobody else uses the account.
func (w *world) leftAtCloudflare(ctx context.Context, site witness) error {
	held, err := w.simulated(ctx)
	if err != nil {
		return err
	}
	var found []string
	for _, zone := range held.Zones {
		for _, r := range zone.Records {
			found = append(found, "record "+r.Name)
		}
		for _, c := range zone.CustomHostnames {
			found = append(found, "custom hostname "+c.Hostname)
		}
	}
	for _, tunnel := range held.Tunnels {
		for _, rule := range tunnel.Configuration.Ingress {
			if rule.Hostname != "" { // the last rule is for everybody else
				found = append(found, "rule "+rule.Hostname)
			}
		}
	}
	slices.Sort(found)
	if want := []string{"record " + site.managed, "rule " + site.managed}; !slices.Equal(found, want) {
		return fmt.Errorf("Cloudflare holds %q, expected %q", found, want)
	}
	return nil
}

func (w *world) simulated(ctx context.Context) (held simulated, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(w.CloudflareURL(), "/client/v4")+"/_sim/state", nil)
	if err != nil {
		return held, err
	}
	answer, err := new(http.Client).Do(request)
	if err != nil {
		return held, err
	}
	defer answer.Body.Close()
	return held, json.NewDecoder(answer.Body).Decode(&held)
}

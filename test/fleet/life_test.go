package fleet

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// edge is what the CLI says of an edge, as far as it is looked at.
type edge struct {
	EdgeID                string `json:"edgeId"`
	Name, State           string
	Synced                bool
	Generation            string
	ProvenGeneration      string
	CertificateExpireTime time.Time
	FaultReason           string
}

func (c control) edges() (found map[string]edge, err error) {
	var list struct{ Edges []edge }
	err = c.ask(&list, "edge list")
	found = map[string]edge{}
	for _, e := range list.Edges {
		found[e.Name] = e
	}
	return found, err
}

// awaitSynced waits until edges have proved what they were sent.
func (c control) awaitSynced(names ...string) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("%v are synced", names), func() error {
		found, err := c.edges()
		for _, name := range names {
			if e := found[name]; err == nil && (!e.Synced || e.Generation != e.ProvenGeneration) {
				err = fmt.Errorf("%+v", e)
			}
		}
		return err
	})
}

// create makes a site and waits until it is ACTIVE.
func (c control) create(name string, flags ...string) {
	c.t.Helper()
	c.do(fmt.Sprintf("siteplane site create %s --origin %s --wait --timeout %s %s", name, originAddress, patience, strings.Join(flags, " ")))
}

// fetch asks from a host, once.
func (h *host) fetch(address, site string) error {
	if output, _ := h.try(fmt.Sprintf("curl -s --max-time 5 -H 'Host: %s.%s' http://%s/", site, platformDomain, address)); output != page {
		return fmt.Errorf("%s answers %q", address, output)
	}
	return nil
}

// pidOf is the process id of a host's nginx.
func (h *host) nginx() string {
	return strings.TrimSpace(h.do("cat /run/siteplane-edge/nginx.pid"))
}

// prepareEdge gives a host what docs/edge.md takes for granted.
func (h *host) prepareEdge() {
	h.t.Helper()
	check(h.t, os.CopyFS(h.file("/root/deploy/systemd"), os.DirFS(units)))
}

// join makes a host an edge, as the page says of fra1.
func (n *network) join(name, last string) *host {
	n.t.Helper()
	h := n.host(name, "10.0.0."+last, "192.0.2."+last)
	h.prepareEdge()
	var instead []string
	if name != "fra1" {
		instead = []string{"fra1", name, "10.0.0.7", "10.0.0." + last, "192.0.2.7", "192.0.2." + last}
	}
	n.play("Install", instead...)
	if name == "fra2" { // one of them with its workers apart
		h.do("install -D -m 0644 -t /etc/systemd/system/edge-agent.service.d deploy/systemd/workers-apart.conf")
	}
	n.play("Join", instead...)
	return h
}

// fleet is three edges, and somebody who visits them.
type fleet struct {
	*network
	control
	visitor          *host
	fra1, fra2, fra3 *host
	// ran are the processes of fra1 when it had joined again, and leave ends the visit
	// that began then.
	ran   string
	leave func()
}

// Three edges from their installation to their end.
func TestEdges_live_as_the_page_tells(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for hosts of their own")
	}
	n := newNetwork(t, bin)
	f := &fleet{network: n, control: n.startControl(), visitor: n.host("visitor", "192.0.2.100")}
	for _, stage := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"a host joins as the page says", f.joins},
		{"it is looked at", f.isLookedAt},
		{"it goes back by hand, and forward again", f.goesBack},
		{"two more join", f.grows},
		{"the first one joins again", f.joinsAgain},
		{"a link is cut both ways", f.isCut},
		{"only its answers are lost", f.isMute},
		{"only what it is told is lost", f.isDeaf},
		{"the first one has renewed by itself", f.renews},
		{"it is evicted", f.isEvicted},
		{"its host is cleared", f.isCleared},
	} {
		begun := time.Now()
		stage.do(t)
		t.Logf("%s: %s", stage.name, time.Since(begun).Round(100*time.Millisecond))
		if t.Failed() {
			return // what follows builds on it
		}
	}
}

func (f *fleet) joins(t *testing.T) {
	f.fra1 = f.join("fra1", "7")
	f.create("steady")
	f.create("shop")
	f.awaitSynced("fra1")
	check(t, f.visitor.fetch("192.0.2.7", "shop"))
	if user := strings.TrimSpace(f.fra1.do("ps -o user:20= -p " + f.fra1.nginx())); user != "siteplane" {
		t.Errorf("nginx runs as %s", user)
	}
	f.testsInASandbox(t, f.fra1)
}

// testsInASandbox sees that the unit takes nothing from an agent that its tests need.
func (f *fleet) testsInASandbox(t *testing.T, h *host) {
	if gaps := lines(h.logOf("edge-agent"), "sandbox", `"WARN"`); len(gaps) > 0 {
		t.Errorf("%s: %s", h.name, gaps[0])
	}
}

func (f *fleet) isLookedAt(*testing.T) {
	f.play("Look")
	f.awaitSynced("fra1") // after its rebuild, which is a generation of its own
}

func (f *fleet) goesBack(t *testing.T) {
	leave := f.visitor.visit("192.0.2.7", "steady."+platformDomain)
	defer leave()
	f.do("siteplane site update shop --origin 192.0.2.2:9 --wait") // where nobody is
	f.awaitSynced("fra1")
	if f.visitor.fetch("192.0.2.7", "shop") == nil {
		t.Fatal("nothing bad is served")
	}
	f.play("Go back")
	eventually(t, "what was before is served", func() error { return f.visitor.fetch("192.0.2.7", "shop") })
	f.do("siteplane site rollback shop")
	f.play("Forward again")
	f.awaitSynced("fra1")
	check(t, f.visitor.fetch("192.0.2.7", "shop"))
}

func (f *fleet) grows(t *testing.T) {
	f.fra2, f.fra3 = f.join("fra2", "8"), f.join("fra3", "9")
	f.create("wide")
	f.awaitSynced("fra1", "fra2", "fra3")
	for _, address := range []string{"192.0.2.7", "192.0.2.8", "192.0.2.9"} {
		check(t, f.visitor.fetch(address, "wide"))
	}
	workers := strings.Fields(f.fra2.do("ps -o user:20= --ppid " + f.fra2.nginx()))
	if len(workers) == 0 || strings.Join(workers, "") != strings.Repeat("www-data", len(workers)) {
		t.Errorf("the workers of fra2 are %v", workers)
	}
	f.testsInASandbox(t, f.fra2)
}

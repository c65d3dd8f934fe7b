package fleet

import (
	"testing"
	"time"
)

// F30: a link that is cut both ways holds nobody up but the edge behind it.
func (f *fleet) isCut(t *testing.T) {
	before := f.applies()
	f.without(t, []string{"cut-a", "cut-b"}, "default", func() { f.control.deafen("10.0.0.9"); f.fra3.deafen(controlAddress) },
		func() { f.control.heal("10.0.0.9"); f.fra3.heal(controlAddress) })
	// Each site was two changes, at the least.
	if applied := f.applies() - before; applied == 0 || applied > 2 {
		t.Errorf("fra3 went through %d states", applied)
	}
}

// What the edge is told arrives, and what it answers does not.
func (f *fleet) isMute(t *testing.T) {
	f.without(t, []string{"mute"}, "default", func() { f.fra3.deafen(controlAddress) }, func() { f.fra3.heal(controlAddress) })
}

// The edge could answer, and is told nothing. That it was seen within the last hour
// does not matter where two edges are enough.
func (f *fleet) isDeaf(t *testing.T) {
	f.endLifecycle()
	f.startLifecycle("20s", "1h")
	f.do("siteplane placement put two --min-ready 2")
	f.awaitSynced("fra1", "fra2", "fra3")
	f.without(t, []string{"deaf"}, "two", func() { f.control.deafen("10.0.0.9") }, func() { f.control.heal("10.0.0.9") })
}

// without cuts fra3 off, lets sites come meanwhile, and heals the link: the sites become
// ACTIVE on the others, fra3 serves what it has all the while, and all of them in the end.
func (f *fleet) without(t *testing.T, sites []string, placement string, cut, heal func()) {
	leave := f.visitor.visit("192.0.2.9", "steady."+platformDomain)
	defer leave()
	cut()
	begun := time.Now()
	for _, site := range sites {
		f.create(site, "--placement", placement)
		for _, address := range []string{"192.0.2.7", "192.0.2.8"} {
			eventually(t, "the others serve it", func() error { return f.visitor.fetch(address, site) })
		}
	}
	found, err := f.edges()
	check(t, err)
	if found["fra3"].Synced {
		t.Error("fra3 was not cut off")
	}
	t.Logf("%d sites without fra3: %s", len(sites), time.Since(begun).Round(100*time.Millisecond))
	heal()
	f.awaitSynced("fra1", "fra2", "fra3")
	for _, site := range sites {
		eventually(t, "fra3 catches up", func() error { return f.visitor.fetch("192.0.2.9", site) })
	}
}

// applies is how often fra3 has applied something.
func (f *fleet) applies() int {
	return len(lines(f.fra3.logOf("edge-agent"), `"edge step begins"`, `"step":"render"`))
}

package simulate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/simulate"
)

func TestParse_reads_what_String_wrote(t *testing.T) {
	for seed := range uint64(50) {
		text := simulate.Draw(seed).String()
		s, err := simulate.Parse("# what it shows\n\n" + text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.String(); got != text {
			t.Fatalf("%s was read as %s", text, got)
		}
	}
}

func TestParse_refuses(t *testing.T) {
	const world = "world seed=1 replicas=2 edges=1 tenants=2 custom=0 rough=0\n"
	for name, text := range map[string]string{
		"no world":            "1 tick for=1s wait=1s",
		"an unknown action":   world + "1 dance wait=1s",
		"no number":           world + "tick wait=1s",
		"a number that is no": world + "1 crash replica=x wait=1s",
		"an unknown setting":  "world moons=2",
		"half an action":      world + "1",
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := simulate.Parse(text); err == nil {
				t.Errorf("it was read as %s", s)
			}
		})
	}
}

func TestShrink(t *testing.T) {
	whole := simulate.Draw(1)
	a, b := whole.Actions[3].ID, whole.Actions[len(whole.Actions)-2].ID
	has := func(s simulate.Schedule, id int) bool {
		return slices.ContainsFunc(s.Actions, func(a simulate.Action) bool { return a.ID == id })
	}
	runs := 0
	short := simulate.Shrink(whole, 1000, func(s simulate.Schedule) bool {
		runs++
		return has(s, a) && has(s, b)
	})
	if len(short.Actions) != 2 || !has(short, a) || !has(short, b) {
		t.Errorf("of %d actions two matter, left are %s", len(whole.Actions), short)
	}
	if limit := runs / 2; len(simulate.Shrink(whole, limit, func(simulate.Schedule) bool { return false }).Actions) != len(whole.Actions) {
		t.Error("what never fails was made shorter")
	}
	if !strings.HasPrefix(short.String(), "world seed=1 ") {
		t.Errorf("the world is another: %s", short)
	}
}

package simulate

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is the world that a schedule is played in.
type Setting struct {
	// Seed chooses how long each call takes and which hints get lost.
	Seed uint64
	// Replicas, Edges and Tenants are how many there are.
	Replicas, Edges, Tenants int
	// Custom says that the provider offers custom hostnames.
	Custom bool
	// Rough lets hints get lost and closures run twice all the time.
	Rough bool
}

// Action is one line of a schedule. What its numbers mean is its verb's to say; a
// number of something that there is not makes it do nothing, so that any part of a
// schedule is a schedule.
type Action struct {
	// ID names the action, and the request that it makes.
	ID   int
	Verb string
	// Args are the verb's, by name.
	Args map[string]int
	// For is how long what it does lasts, 0 where that means nothing.
	For time.Duration
	// Wait is the time that passes after it.
	Wait time.Duration
}

// Schedule is everything that a run depends on.
type Schedule struct {
	Setting Setting
	Actions []Action
}

// Draw makes the schedule of a seed.
func Draw(seed uint64) Schedule {
	d := &drawing{Rand: rand.New(rand.NewPCG(seed, 1)), tenants: map[int]int{}}
	s := Schedule{Setting: Setting{
		Seed: seed, Replicas: 2 + d.IntN(3), Edges: 1 + d.IntN(2), Tenants: 2 + d.IntN(2),
		Custom: d.IntN(3) == 0, Rough: d.IntN(4) > 0,
	}}
	d.Setting = s.Setting
	for length := 15 + d.IntN(60); len(s.Actions) < length; {
		s.Actions = append(s.Actions, d.action(len(s.Actions)+1))
	}
	return s
}

// drawing is what a schedule has so far.
type drawing struct {
	*rand.Rand
	Setting
	sites    int
	tenants  map[int]int // of the sites
	domains  [][2]int    // site and name
	requests []int
	// then is what shall follow soon: a name that is never proved shows little.
	then []Action
}

// action draws one: the verb by its weight, then what the verb needs.
func (d *drawing) action(id int) Action {
	if len(d.then) > 0 && d.IntN(2) == 0 {
		a := d.then[0]
		d.then = d.then[1:]
		a.ID, a.Wait = id, d.wait()
		return a
	}
	for {
		v := d.verb()
		if a, ok := v.draw(d); ok {
			a.ID, a.Verb = id, v.name
			a.Wait = d.wait()
			if v.request {
				d.requests = append(d.requests, id)
			}
			return a
		}
	}
}

func (d *drawing) verb() verb {
	total := 0
	for _, v := range verbs {
		total += v.weight
	}
	n := d.IntN(total)
	for _, v := range verbs {
		if n -= v.weight; n < 0 {
			return v
		}
	}
	return verbs[0]
}

// wait draws the time after an action: mostly less than anything takes, so that
// actions meet each other at work.
func (d *drawing) wait() time.Duration {
	switch d.IntN(10) {
	case 0, 1, 2, 3:
		return time.Duration(d.IntN(20)) * time.Millisecond
	case 4, 5, 6:
		return time.Duration(d.IntN(2000)) * time.Millisecond
	case 7, 8:
		return time.Duration(d.IntN(30)) * time.Second
	}
	return time.Duration(d.IntN(180)) * time.Second
}

// String is the schedule as text that Parse reads: one line for the world, one for
// each action.
func (s Schedule) String() string {
	var b strings.Builder
	w := s.Setting
	fmt.Fprintf(&b, "world seed=%d replicas=%d edges=%d tenants=%d custom=%d rough=%d\n",
		w.Seed, w.Replicas, w.Edges, w.Tenants, number(w.Custom), number(w.Rough))
	for _, a := range s.Actions {
		b.WriteString(a.String() + "\n")
	}
	return b.String()
}

// String is the line of the action.
func (a Action) String() string {
	line := fmt.Sprintf("%d %s", a.ID, a.Verb)
	for _, name := range argNames {
		if n, ok := a.Args[name]; ok {
			line += " " + name + "=" + word(name, n)
		}
	}
	if a.For > 0 {
		line += " for=" + a.For.String()
	}
	return line + " wait=" + a.Wait.String()
}

// argNames are the names of arguments, in the order in which they are written.
var argNames = []string{"tenant", "site", "name", "header", "request", "times", "direct", "replica", "edge", "door", "how"}

// words are the arguments that are written as words, by their numbers.
var words = map[string][]string{
	"door": {database: "database", edgeDoor: "edge", tunnelDoor: "tunnel", dnsDoor: "dns"},
	"how":  {"well", refuse: "refuse", lose: "lose", late: "late", slow: "slow"},
}

// word writes an argument, numberOf reads it.
func word(name string, n int) string {
	if known, ok := words[name]; ok {
		return known[n%len(known)]
	}
	return strconv.Itoa(n)
}

func numberOf(name, value string) (int, error) {
	if known, ok := words[name]; ok {
		if n := slices.Index(known, value); n >= 0 {
			return n, nil
		}
		return 0, fmt.Errorf("%s is none of %s", value, strings.Join(known, ", "))
	}
	return strconv.Atoi(value)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Parse reads what String wrote. Empty lines and those that begin with # say nothing.
func Parse(text string) (s Schedule, err error) {
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := s.parseLine(line); err != nil {
			return s, fmt.Errorf("line %d %q: %w", n, line, err)
		}
	}
	if s.Setting.Replicas == 0 {
		return s, fmt.Errorf("no line says what the world is")
	}
	return s, lines.Err()
}

func (s *Schedule) parseLine(line string) error {
	parts := strings.Fields(line)
	if parts[0] == "world" {
		return s.Setting.parse(parts[1:])
	}
	if len(parts) < 2 {
		return fmt.Errorf("an action is a number, a verb and its arguments")
	}
	a := Action{Verb: parts[1], Args: map[string]int{}}
	var err error
	if a.ID, err = strconv.Atoi(parts[0]); err != nil {
		return err
	}
	if _, known := verbOf(a.Verb); !known {
		return fmt.Errorf("there is no action %s", a.Verb)
	}
	for _, part := range parts[2:] {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "for":
			a.For, err = time.ParseDuration(value)
		case "wait":
			a.Wait, err = time.ParseDuration(value)
		default:
			a.Args[name], err = numberOf(name, value)
		}
		if err != nil {
			return err
		}
	}
	s.Actions = append(s.Actions, a)
	return nil
}

func (w *Setting) parse(parts []string) error {
	for _, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return err
		}
		switch name {
		case "seed":
			w.Seed = n
		case "replicas":
			w.Replicas = int(n)
		case "edges":
			w.Edges = int(n)
		case "tenants":
			w.Tenants = int(n)
		case "custom":
			w.Custom = n > 0
		case "rough":
			w.Rough = n > 0
		default:
			return fmt.Errorf("a world has no %s", name)
		}
	}
	return nil
}

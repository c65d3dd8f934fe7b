package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
)

func TestActivated(t *testing.T) {
	good := activation{engine: 30, loop: 100, stay: 20, written: 50, commits: 9}
	for _, test := range []struct {
		name   string
		rounds []activation
		ratio  float64
		ok     bool
	}{
		{"takes the median ratio", []activation{{engine: 90, loop: 100, stay: 20}, good, {engine: 1, loop: 100, stay: 20}}, 0.3, true},
		{"misses when the engine is slow", []activation{{engine: 24, loop: 100, stay: 20}}, 0.24, false},
		{"misses when the engine writes too little", []activation{{engine: 90, loop: 100, stay: 19.9}}, 0.9, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := activated(test.rounds); got.Ratio != test.ratio || got.OK != test.ok {
				t.Errorf("got %+v", got)
			}
		})
	}
	line := "sites/s, ratio 0.3, target ratio >= 0.25: ok; 20.0 rows a site stay (at least 20), 50.0 were written, in 9.0 committed transactions"
	if got := activated([]activation{good}).String(); !strings.HasSuffix(got, line) {
		t.Errorf("got %s", got)
	}
}

func TestActivate(t *testing.T) {
	dir := t.TempDir()
	created := filepath.Join(dir, "created.db")
	must(t, createSitesSQLite(t.Context(), created, 3))
	got, err := activate(t.Context(), created, filepath.Join(dir, "round"), 3)
	must(t, err)
	if got.engine <= 0 || got.loop <= 0 || got.stay < activateRows || got.written < got.stay || got.commits < 1 {
		t.Errorf("got %+v", got)
	}
}

func TestActivateOnPostgres(t *testing.T) {
	server, err := pgtest.Start(t.Context(), pgtest.Config{})
	must(t, err)
	defer func() { must(t, server.Close()) }()
	must(t, createSitesPostgres(t.Context(), server, "created", 3))
	got, err := activateOnPostgres(t.Context(), server, "created", "round", 3)
	must(t, err)
	if got.engine <= 0 || got.loop <= 0 || got.stay < activateRows || got.written < got.stay || got.commits < 1 || got.statements < got.commits {
		t.Errorf("got %+v", got)
	}
	if note := got.note(); !strings.Contains(note, "closures were run again") {
		t.Errorf("the note is %s", note)
	}
}

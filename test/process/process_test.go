package process

import (
	"path/filepath"
	"strings"
	"testing"
)

// shell is a process that runs a script of sh; said gets its lines.
func shell(t *testing.T, script string) (p *Process, said chan string) {
	t.Helper()
	said = make(chan string, 16)
	p = New(Config{
		Name: "script", Program: "/bin/sh", Args: []string{"-c", script}, LogFile: filepath.Join(t.TempDir(), "log"),
		Said: func(line string) { said <- line },
	})
	t.Cleanup(func() { _ = p.Terminate() }) // what a test leaves running
	return p, said
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestProcess_ends_in_order_and_starts_again(t *testing.T) {
	p, said := shell(t, `trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done`)
	for range 2 {
		must(t, p.Start())
		<-said
		must(t, p.Terminate())
		<-p.Ended()
	}
	must(t, p.Terminate()) // what does not run needs no end
}

func TestProcess_is_killed_and_starts_again(t *testing.T) {
	p, said := shell(t, `trap '' TERM; echo up; while :; do sleep 0.01; done`)
	for range 2 {
		must(t, p.Start())
		<-said
		if err := p.Start(); err == nil {
			t.Error("it starts twice")
		}
		must(t, p.Kill())
	}
	if err := p.Kill(); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("error is %v", err)
	}
}

func TestProcess_says_how_it_ended_by_itself(t *testing.T) {
	p, _ := shell(t, `echo '{"msg":"a log line"}' >&2; echo 'no port is free' >&2; exit 3`)
	must(t, p.Start())
	<-p.Ended()
	err := p.Terminate()
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no port is free") ||
		strings.Contains(err.Error(), "a log line") {
		t.Errorf("error is %v", err)
	}
	if err := p.Terminate(); err != nil {
		t.Errorf("it is said twice: %v", err)
	}
}

func TestProcess_that_ends_by_itself_has_failed_even_with_0(t *testing.T) {
	for _, end := range []func(*Process) error{(*Process).Terminate, (*Process).Kill, (*Process).Died} {
		p, _ := shell(t, `exit 0`)
		must(t, p.Start())
		<-p.Ended()
		if err := end(p); err == nil || !strings.Contains(err.Error(), "exit status 0") {
			t.Errorf("error is %v", err)
		}
	}
}

func TestProcess_reports_an_end_with_an_error(t *testing.T) {
	p, said := shell(t, `trap 'echo cannot >&2; exit 1' TERM; echo up; while :; do sleep 0.01; done`)
	must(t, p.Start())
	<-said
	if err := p.Terminate(); err == nil || !strings.Contains(err.Error(), "cannot") {
		t.Errorf("error is %v", err)
	}
}

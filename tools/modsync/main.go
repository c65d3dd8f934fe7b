// Command modsync keeps the go.mod files of the workspace in step. It owns two
// facts that go.work hides until a module is built alone: every module requires
// the siblings it needs at v0.0.0 and replaces them by relative paths, and one
// third-party module has one version everywhere. With -check it only reports;
// without, it repairs and tidies. It needs no build: a tree that does not
// compile can still be checked.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	root := flag.String("root", ".", "folder that holds go.work")
	check := flag.Bool("check", false, "report and change nothing")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "modsync:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	if check {
		return report(root)
	}
	return repair(root)
}

func report(root string) error {
	w, err := Load(root)
	if err != nil {
		return err
	}
	problems := Problems(w)
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, p)
	}
	if len(problems) > 0 {
		return errors.New("the go.mod files are out of step; `make tidy` repairs them")
	}
	return nil
}

// maxRounds bounds repair: tidying can raise a version in one module, which then
// has to rise in the others. Versions only ever rise, so few rounds are enough.
const maxRounds = 5

func repair(root string) error {
	for range maxRounds {
		if err := fixAll(root); err != nil {
			return err
		}
		w, err := Load(root)
		if err != nil {
			return err
		}
		if err := tidy(w); err != nil {
			return err
		}
		if w, err = Load(root); err != nil {
			return err
		}
		if len(Problems(w)) == 0 {
			return nil
		}
	}
	return fmt.Errorf("go mod tidy and the rules still disagree after %d rounds", maxRounds)
}

// fixAll applies fixes until none is left: one fix can uncover the next.
func fixAll(root string) error {
	for {
		w, err := Load(root)
		if err != nil {
			return err
		}
		problems := Problems(w)
		if len(problems) == 0 {
			return nil
		}
		for _, p := range problems {
			fmt.Println("repair", p)
			if err := p.fix(p.Module.File); err != nil {
				return fmt.Errorf("repair %s: %w", p, err)
			}
		}
		if err := w.Save(); err != nil {
			return err
		}
	}
}

func tidy(w *Workspace) error {
	for _, m := range w.Modules {
		cmd := exec.Command("go", "mod", "tidy")
		cmd.Dir = m.Dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+m.Dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("tidy %s: %w\n%s", filepath.Join(m.Rel, "go.mod"), err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

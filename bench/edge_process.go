package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/test/process"
)

// agentProcess is an edge agent that runs as a program of its own.
type agentProcess struct {
	*process.Process
	*edgeLink
	programs
	flags []string
}

// startAgent starts the agent of an edge and gives it sites. The folder of the programs
// is one that nginx's workers may enter.
func (p programs) startAgent(ctx context.Context, name string, sites []*edgev1.Site) (*agentProcess, error) {
	edgeID, _, err := p.edge(name)
	if err != nil {
		return nil, err
	}
	caller, err := identity.Load(identity.FilesIn(p.path("pki", "lifecycle")))
	if err != nil {
		return nil, err
	}
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	public, err := freeAddress()
	if err != nil {
		return nil, err
	}
	a := &agentProcess{programs: p, flags: []string{
		"--pki", p.path("pki", "edge", name), "--listen", listen, "--public-listen", public,
		"--dir", p.path("data"), "--runtime-dir", p.path("run"), "--log-level", "warn",
	}}
	a.Process = process.New(process.Config{Name: "edge-agent", Program: p.path("edge-agent"), Args: a.flags, LogFile: p.path("edge-agent.log")})
	if err := a.Start(); err != nil {
		return nil, err
	}
	if a.edgeLink, err = dialEdge(listen, edgeID, caller); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	if err := a.fill(ctx, sites, a.Ended()); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

// master returns the process id of the agent's nginx.
func (a *agentProcess) master() (int, error) { return (&bareNginx{dir: a.path("run")}).master() }

// stop ends the agent, and then its nginx.
func (a *agentProcess) stop() error {
	var closed error
	if a.edgeLink != nil {
		closed = a.conn.Close()
	}
	ended := a.Terminate()
	said, err := exec.Command(a.path("edge-agent"), append(a.flags, "--stop-nginx")...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("stop nginx: %w: %s", err, strings.TrimSpace(string(said)))
	}
	return errors.Join(closed, ended, err)
}

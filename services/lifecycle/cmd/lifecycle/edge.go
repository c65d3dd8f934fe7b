package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// readEdges reads the values of --edge and reports everything that is wrong.
func readEdges(texts []string) ([]edge.Edge, error) {
	var edges []edge.Edge
	var problems []error
	seen := map[string]bool{}
	for _, text := range texts {
		e, err := readEdge(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("--edge %q: %w", text, err))
			continue
		}
		if seen[e.Name] || seen[string(e.ID)] {
			problems = append(problems, fmt.Errorf("--edge %q: its name or id is given twice", text))
		}
		seen[e.Name], seen[string(e.ID)] = true, true
		edges = append(edges, e)
	}
	return edges, errors.Join(problems...)
}

// readEdge reads NAME=ID@HOST:PORT[,public=IP]...
func readEdge(text string) (edge.Edge, error) {
	where, public, _ := strings.Cut(text, ",")
	name, rest, named := strings.Cut(where, "=")
	edgeID, address, found := strings.Cut(rest, "@")
	if name == "" || !named || !found {
		return edge.Edge{}, errors.New("must be NAME=ID@HOST:PORT, then ,public=IP for each address of visitors")
	}
	parsed, err := id.ParseEdge(edgeID)
	if err != nil {
		return edge.Edge{}, fmt.Errorf("%w; `siteplane pki init --edge %s` prints it", err, name)
	}
	if err := program.CheckAddress("address", address); err != nil {
		return edge.Edge{}, err
	}
	e := edge.Edge{ID: parsed, Name: name, Address: address, NeedsWhole: true}
	e.PublicAddresses, err = readPublic(public)
	return e, err
}

// readPublic reads public=IP[,public=IP]...
func readPublic(text string) ([]string, error) {
	var addresses []string
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		address, ok := strings.CutPrefix(part, "public=")
		if _, err := netip.ParseAddr(address); !ok || err != nil {
			return nil, fmt.Errorf("%q must be public=IP", part)
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}

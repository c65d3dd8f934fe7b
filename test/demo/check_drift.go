package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// repairLimit is how long drift may last: an edge is looked at every 10 s.
const repairLimit = 25 * time.Second

// handEdit is what a hand adds to nginx's files.
const handEdit = "# edited by hand\n"

// handEditRepaired: a file that somebody edited is told, with what, where, since and
// by whom, and made anew.
func handEditRepaired(ctx context.Context, d *demo) error {
	path, err := d.editNginx()
	if err != nil {
		return err
	}
	found, err := d.awaitDrift(ctx, "FILE_CHANGED", filepath.Base(path), "repaired")
	if err != nil {
		return err
	}
	if found.GetCause() == "" || found.GetDetail() == "" || found.GetSince() == nil {
		return fmt.Errorf("the drift does not say what, since when and why: %v", found)
	}
	if edited, err := d.edited(path); err != nil || edited {
		return errors.Join(fmt.Errorf("%s is as the hand left it", path), err)
	}
	return d.servedAt(ctx, cloudflareAddress, cutName)
}

// removedRuleRepaired: a rule that somebody removed from the tunnel is told and
// comes back.
func removedRuleRepaired(ctx context.Context, d *demo) error {
	if err := d.cloudflare.removeRule(ctx, cutName); err != nil {
		return err
	}
	tunnels := &lifecyclev1.ListTunnelsResponse{}
	if err := d.cli.read(ctx, tunnels, nil, "tunnel", "list"); err != nil {
		return err
	}
	if _, err := d.cli.show(ctx, nil, "tunnel", "sync", tunnels.GetTunnels()[0].GetTunnelId()); err != nil {
		return err
	}
	found, err := d.awaitDrift(ctx, "RULE_MISSING", cutName, "repaired")
	if err != nil {
		return err
	}
	if found.GetDetail() == "" || found.GetCause() == "" {
		return fmt.Errorf("the drift does not say what and why: %v", found)
	}
	if rule, err := d.cloudflare.hasRule(ctx, cutName); err != nil || !rule {
		return errors.Join(errors.New("the rule has not come back"), err)
	}
	return d.servedAt(ctx, cloudflareAddress, cutName)
}

// holdHolds: under the policy hold an edit stays, and what would overwrite it waits
// and says so, until the policy is another.
func holdHolds(ctx context.Context, d *demo) error {
	name, err := d.edgeName(ctx)
	if err != nil {
		return err
	}
	if _, err := d.cli.show(ctx, nil, "edge", "policy", name, "hold"); err != nil {
		return err
	}
	path, err := d.editNginx()
	if err != nil {
		return err
	}
	if _, err := d.awaitDrift(ctx, "FILE_CHANGED", filepath.Base(path), ""); err != nil {
		return err
	}
	waiting, err := d.cli.site(ctx, nil, "create", "waiting", "--origin", d.origin.address)
	if err != nil {
		return err
	}
	if err := d.awaitReason(ctx, waiting.GetSite().GetSiteId(), "DRIFT_HELD"); err != nil {
		return err
	}
	if edited, err := d.edited(path); err != nil || !edited {
		return errors.Join(fmt.Errorf("%s was overwritten although it is held", path), err)
	}
	if _, err := d.cli.show(ctx, nil, "edge", "policy", name, "repair"); err != nil {
		return err
	}
	if _, err := d.awaitDrift(ctx, "FILE_CHANGED", filepath.Base(path), "repaired"); err != nil {
		return err
	}
	return d.awaitSite(ctx, waiting.GetSite().GetSiteId(), lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE)
}

// editNginx edits a file that nginx includes, and returns its path below the
// current generation.
func (d *demo) editNginx() (string, error) {
	path := filepath.Join(filepath.Dir(d.installation.Where().NginxConf), "servers.conf")
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return "", fmt.Errorf("edit nginx's files: %w", err)
	}
	_, err = file.WriteString(handEdit)
	return path, errors.Join(err, file.Close())
}

func (d *demo) edited(path string) (bool, error) {
	content, err := os.ReadFile(path)
	return bytes.Contains(content, []byte(handEdit)), err
}

// awaitDrift waits for the latest drift of a kind at a place to have an outcome; the
// empty one is that of an open drift.
func (d *demo) awaitDrift(ctx context.Context, kind, place, outcome string) (found *lifecyclev1.Drift, err error) {
	err = eventually(ctx, repairLimit, func(ctx context.Context) error {
		drifts := &lifecyclev1.ListDriftsResponse{}
		if err := d.cli.read(ctx, drifts, nil, "drift", "list", "--all"); err != nil {
			return err
		}
		for _, found = range drifts.GetDrifts() {
			if found.GetKind() != kind || !strings.HasSuffix(found.GetPlace(), place) {
				continue
			}
			if found.GetOutcome() == outcome {
				return nil
			}
			return fmt.Errorf("the drift %s of %s has the outcome %q", kind, place, found.GetOutcome())
		}
		return fmt.Errorf("no drift %s of %s is known", kind, place)
	})
	return found, err
}

// awaitReason waits until a site says why it is not on the edges.
func (d *demo) awaitReason(ctx context.Context, siteID, reason string) error {
	return eventually(ctx, repairLimit, func(ctx context.Context) error {
		got, err := d.cli.site(ctx, nil, "get", siteID)
		if err != nil {
			return err
		}
		for _, c := range got.GetSite().GetConditions() {
			if c.GetType() == "EdgeSynced" && c.GetReason() == reason {
				return nil
			}
		}
		return fmt.Errorf("the site does not say %s%s", reason, unmetOf(got.GetSite().GetConditions()))
	})
}

func (d *demo) awaitSite(ctx context.Context, siteID string, want lifecyclev1.SiteStatus) error {
	return eventually(ctx, repairLimit, func(ctx context.Context) error {
		got, err := d.cli.site(ctx, nil, "get", siteID)
		if err == nil && got.GetSite().GetStatus() != want {
			err = fmt.Errorf("the site is %s%s", got.GetSite().GetStatus(), unmetOf(got.GetSite().GetConditions()))
		}
		return err
	})
}

// edgeName returns the name of the one edge.
func (d *demo) edgeName(ctx context.Context) (string, error) {
	edges := &lifecyclev1.ListEdgesResponse{}
	if err := d.cli.read(ctx, edges, nil, "edge", "list"); err != nil {
		return "", err
	}
	if len(edges.GetEdges()) != 1 {
		return "", fmt.Errorf("there are %d edges", len(edges.GetEdges()))
	}
	return edges.GetEdges()[0].GetName(), nil
}

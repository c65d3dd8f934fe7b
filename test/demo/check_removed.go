package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// domainRemovedClean: a removed domain is gone from DNS, from the tunnel and from
// the edge, in this order, and from nowhere else.
func domainRemovedClean(ctx context.Context, d *demo) error {
	gone, err := d.cli.domain(ctx, "remove", managedName, "--wait", "--timeout", "20s")
	if err != nil {
		return err
	}
	if gone.GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASED {
		return fmt.Errorf("it is %s", gone.GetStatus())
	}
	if addresses, err := d.visitor.resolve(ctx, managedName); err == nil {
		return fmt.Errorf("%s still leads to %v", managedName, addresses)
	}
	if got, err := d.visitor.fetch(ctx, cloudflareAddress, managedName); err != nil || strings.Contains(got.body, d.origin.page) {
		return errors.Join(fmt.Errorf("the tunnel still serves it: %d %q", got.status, got.body), err)
	}
	superseded, err := supersededIn(d.edgeDir())
	if err != nil {
		return err
	}
	files, err := mentions(d.edgeDir(), managedName, func(path string) bool { return logs(path) || superseded(path) })
	if err != nil || len(files) > 0 {
		return errors.Join(fmt.Errorf("the edge's files %q still know it", files), err)
	}
	return errors.Join(d.misdirected(ctx, managedName), d.removedInOrder(ctx), d.servesOrigin(ctx, cloudflareAddress, customName))
}

// simulatedCall is one call in the log of the simulated Cloudflare.
type simulatedCall struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Effect bool   `json:"effect"`
}

// removedInOrder demands that the last things that happened at Cloudflare were:
// the record went, then the rule did; and that the edge came after.
func (d *demo) removedInOrder(ctx context.Context) error {
	calls, err := d.cloudflareLog(ctx)
	if err != nil {
		return err
	}
	record, rule := -1, -1
	for i, c := range calls {
		switch {
		case c.Effect && c.Method == http.MethodDelete && strings.Contains(c.Path, "/dns_records/"):
			record = i
		case c.Effect && c.Method == http.MethodPut && strings.HasSuffix(c.Path, "/configurations"):
			rule = i
		}
	}
	if record < 0 || rule < record {
		return fmt.Errorf("the record went with call %d, the rule with call %d of %d", record, rule, len(calls))
	}
	entries, err := d.cli.timeline(ctx, d.shop.GetSiteId())
	if err != nil {
		return err
	}
	var order []string
	for _, e := range entries {
		if e.GetOperationKind() == "release_domain" && e.GetStep() != nil {
			order = append(order, e.GetStep().GetStep())
		}
	}
	if len(order) == 0 || order[0] != "unroute" || order[len(order)-1] != "release" {
		return fmt.Errorf("the release took the steps %v", order)
	}
	return nil
}

// cloudflareLog reads the log of the simulated Cloudflare.
func (d *demo) cloudflareLog(ctx context.Context) (calls []simulatedCall, err error) {
	api := strings.TrimSuffix(d.installation.Where().CloudflareURL, "/client/v4")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, api+"/_sim/log", nil)
	if err != nil {
		return nil, fmt.Errorf("ask the simulated Cloudflare for its log: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the simulated Cloudflare for its log: %w", err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&calls); err != nil {
		return nil, fmt.Errorf("read the log of the simulated Cloudflare: %w", err)
	}
	return calls, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// check is one line of the verdict.
type check struct {
	name string
	// needs names the earlier check without which this one would show nothing.
	needs string
	run   func(ctx context.Context, d *demo) error
}

// checks are in the order in which they run and are printed. New ones are added,
// none is taken away.
var checks = []check{
	{name: "created", run: created},
	{name: "active", needs: "created", run: active},
	{name: "fetched_via_dns", needs: "active", run: fetchedViaDNS},
	{name: "internal_name_hidden", needs: "active", run: internalNameHidden},
	{name: "one_trace_four_services", needs: "created", run: oneTraceFourServices},
	{name: "timeline_complete", needs: "created", run: timelineComplete},
	{name: "log_intent_and_outcome", needs: "created", run: logIntentAndOutcome},
	{name: "deleted_clean", needs: "active", run: deletedClean},
	{name: "custom_managed_active", run: customManagedActive},
	{name: "custom_hostname_active", needs: "custom_managed_active", run: customHostnameActive},
	{name: "direct_active", needs: "custom_managed_active", run: directActive},
	{name: "wrong_cname_site_pending", run: wrongCNAMESitePending},
	{name: "wrong_cname_extra_domain_site_stays_active", needs: "custom_managed_active", run: wrongCNAMEExtraDomain},
	{name: "impostor_refused", needs: "direct_active", run: impostorRefused},
	{name: "taken_only_after_proof", needs: "impostor_refused", run: takenOnlyAfterProof},
	{name: "primary_swapped", needs: "wrong_cname_extra_domain_site_stays_active", run: primarySwapped},
	{name: "domain_removed_clean", needs: "custom_hostname_active", run: domainRemovedClean},
	{name: "killed_mid_put_converges", needs: "custom_managed_active", run: killedMidPutConverges},
	{name: "tunnel_failure_compensated", needs: "custom_managed_active", run: tunnelFailureCompensated},
	{name: "hand_edit_repaired", needs: "killed_mid_put_converges", run: handEditRepaired},
	{name: "removed_rule_repaired", needs: "killed_mid_put_converges", run: removedRuleRepaired},
	{name: "hold_holds", needs: "hand_edit_repaired", run: holdHolds},
	{name: "poison_site_isolated", needs: "custom_managed_active", run: poisonSiteIsolated},
	{name: "restart_serves_without_control_plane", needs: "custom_managed_active", run: restartServesWithoutControlPlane},
	{name: "edge_rebuilt_identical", needs: "custom_managed_active", run: edgeRebuiltIdentical},
	{name: "key_revoked", run: keyRevoked},
	{name: "foreign_tenant_not_found", needs: "custom_managed_active", run: foreignTenantNotFound},
	{name: "limit_refused", run: limitRefused},
	{name: "rollback_served", run: rollbackServed},
	{name: "replayed_request_same_answer", run: replayedRequestSameAnswer},
	{name: "watch_saw_all_events", run: watchSawAllEvents},
	{name: "ts_sdk_ok", run: tsSDKOK},
}

// runChecks runs them all, whatever becomes of each, and prints a line for each.
// When the user interrupts, it stops in the middle.
func runChecks(ctx context.Context, d *demo, table []check) error {
	failed := map[string]bool{}
	for _, c := range table {
		err := c.ask(ctx, d, failed)
		if errors.Is(ctx.Err(), context.Canceled) {
			return ctx.Err()
		}
		if err != nil {
			failed[c.name] = true
			fmt.Fprintf(d.out, "check %s FAILED: %s\n", c.name, oneLine(err))
			continue
		}
		fmt.Fprintf(d.out, "check %s ok\n", c.name)
	}
	if len(failed) > 0 {
		return errFailed
	}
	return nil
}

func (c check) ask(ctx context.Context, d *demo, failed map[string]bool) error {
	if failed[c.needs] {
		return fmt.Errorf("it needs %s", c.needs)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.run(ctx, d)
}

func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// lookAgain is the pause between two looks at something that is yet to come.
const lookAgain = 100 * time.Millisecond

// errNever ends eventually at once: what is looked for can no longer come.
var errNever = errors.New("it can no longer become so")

// eventually repeats a look until it succeeds. When the limit is over, it says
// what the last look missed that was not itself cut short.
func eventually(ctx context.Context, limit time.Duration, look func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	missed := errors.New("there was no time to look")
	for {
		err := look(ctx)
		if err == nil || errors.Is(err, errNever) {
			return err
		}
		if ctx.Err() == nil {
			missed = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), missed)
		case <-tick.C:
		}
	}
}

package cli_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// atWork gives a domain the operation that works on it.
func atWork(found *lifecyclev1.GetDomainResponse) *lifecyclev1.GetDomainResponse {
	found.Operation = activation()
	return found
}

// waitingFor is atWork with an operation that has ended with a domain waiting
// for somebody.
func waitingFor(who string, found *lifecyclev1.GetDomainResponse) *lifecyclev1.GetDomainResponse {
	found.Operation = activation()
	found.Operation.WaitingFor = who
	return found
}

// due moves the next attempts of a domain.
func due(in time.Duration, found *lifecyclev1.GetDomainResponse) *lifecyclev1.GetDomainResponse {
	for _, condition := range found.GetDomain().GetConditions() {
		condition.NextAttemptAt = timestamppb.New(start.Add(in))
	}
	return found
}

// updated is a domain that has changed just now.
func updated(found *lifecyclev1.GetDomainResponse) *lifecyclev1.GetDomainResponse {
	found.Domain.UpdateTime = timestamppb.New(start)
	return found
}

func TestDomainCommands_that_change_something(t *testing.T) {
	const www = "www.shop.example"
	silent := domainLook{err: status.Error(codes.Unavailable, "try later")}
	missing := domainLook{err: status.Error(codes.NotFound, `domain "dom_02" not found`)}
	add := []string{"domain", "add", "site_01", www}
	addWait := append(add, "--wait")
	check := []string{"domain", "check", "dom_02"}
	checkWait := append(check, "--wait")
	remove := []string{"domain", "remove", "dom_02", "--wait"}
	fresh := domainIn(domainPending)
	unproved := due(0, domainIn(domainPending, unowned(www)))
	tests := []struct {
		name  string
		args  []string
		begun *lifecyclev1.GetDomainResponse
		looks []domainLook
		code  int
	}{
		{"domain_add", add, fresh, nil, cli.ExitOK},
		{"domain_add_json", append(add, "-o", "json"), fresh, nil, cli.ExitOK},
		{"domain_add_active", addWait, fresh, []domainLook{
			{found: fresh}, {found: atWork(managedDomain())}, {found: servingDomain()},
		}, cli.ExitOK},
		{"domain_add_stuck", addWait, fresh, []domainLook{{found: fresh}, {found: domainIn(domainPending, unowned(www))}}, cli.ExitMustAct},
		{"domain_add_stuck_later", addWait, fresh, []domainLook{
			{found: atWork(misledDomain())}, {found: waitingFor("tenant", misledDomain())},
		}, cli.ExitMustAct},
		{"domain_add_not_stuck", addWait, fresh, []domainLook{{found: atWork(misledDomain())}, {found: servingDomain()}}, cli.ExitOK},
		{"domain_add_contested", append(addWait, "--timeout", "1s"), fresh, []domainLook{
			{found: domainIn(domainPending, contested())},
		}, cli.ExitTimeout},
		{"domain_add_error", addWait, fresh, []domainLook{{found: domainIn(domainFailed, unproven())}}, cli.ExitSiteError},
		{"domain_add_removed", addWait, fresh, []domainLook{{found: domainIn(domainReleasing)}}, cli.ExitConflict},

		{"domain_check_changed", check, unproved, []domainLook{{found: unproved}, {found: servingDomain()}}, cli.ExitOK},
		{"domain_check_postponed", check, unproved, []domainLook{
			{found: unproved}, {found: due(time.Minute, domainIn(domainPending, unowned(www)))},
		}, cli.ExitOK},
		{"domain_check_updated", check, servingDomain(), []domainLook{{found: servingDomain()}, {found: updated(servingDomain())}}, cli.ExitOK},
		{"domain_check_worked", check, servingDomain(), []domainLook{{found: atWork(servingDomain())}, {found: servingDomain()}}, cli.ExitOK},
		{"domain_check_unseen", check, unproved, []domainLook{{found: unproved}}, cli.ExitOK},
		{"domain_check_silent", check, unproved, []domainLook{silent}, cli.ExitTimeout},
		{"domain_check_gone", check, unproved, []domainLook{missing}, cli.ExitNotFound},
		{"domain_check_wait", checkWait, unproved, []domainLook{
			{found: unproved}, {found: atWork(domainIn(domainPending, confirmed("Owned")))}, {found: servingDomain()},
		}, cli.ExitOK},
		{"domain_check_wait_stuck", checkWait, unproved, []domainLook{
			{found: unproved}, {found: unproved}, {found: due(time.Minute, domainIn(domainPending, unowned(www)))},
		}, cli.ExitMustAct},
		{"domain_check_wait_unseen", append(checkWait, "--timeout", "20s"), unproved, []domainLook{{found: unproved}}, cli.ExitTimeout},
		{"domain_check_wait_active", checkWait, servingDomain(), []domainLook{{found: servingDomain()}}, cli.ExitOK},

		{"domain_remove", remove[:3], domainIn(domainReleasing), nil, cli.ExitOK},
		{"domain_remove_wait", remove, domainIn(domainReleasing, unproven()), []domainLook{
			{found: domainIn(domainReleasing)}, {found: domainIn(domainReleased)},
		}, cli.ExitOK},
		{"domain_remove_vanished", remove, domainIn(domainReleasing), []domainLook{missing}, cli.ExitOK},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := setup(t)
			r.domains.begun, r.domains.looks = test.begun, test.looks
			r.golden(test.name, test.code, test.args...)
		})
	}
}

func TestDomainWait_ends_when_interrupted(t *testing.T) {
	r := setup(t)
	r.domains.begun = domainIn(domainPending)
	ctx, interrupt := context.WithCancel(t.Context())
	r.ctx, r.clock.onPause = ctx, interrupt
	r.golden("domain_interrupted", cli.ExitInterrupted, "domain", "add", "site_01", "www.shop.example", "--wait")
}

func TestDomainCommands_send(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want any
	}{
		{
			"a claim as it was typed", []string{"domain", "add", "site_01", "BÜCHER.example", "--direct", "--request-id", "r"},
			&lifecyclev1.AddDomainRequest{SiteId: "site_01", Hostname: "BÜCHER.example", Direct: true, RequestId: "r"},
		},
		{
			"a claim with a request id of its own", []string{"domain", "add", "site_01", "www.shop.example"},
			&lifecyclev1.AddDomainRequest{SiteId: "site_01", Hostname: "www.shop.example", RequestId: "new-request-id"},
		},
		{
			"a removal with a successor found by name", []string{"domain", "remove", "dom_09", "--new-primary", "www.shop.example"},
			&lifecyclev1.RemoveDomainRequest{DomainId: "dom_09", NewPrimaryDomainId: "dom_02", RequestId: "new-request-id"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := setup(t)
			r.domains.begun, r.domains.pages = domainIn(domainPending), twoDomainPages()
			if got := r.run(test.args...); got.code != cli.ExitOK {
				t.Fatal(got.stderr)
			}
			if diff := cmp.Diff(test.want, r.sites.requests[len(r.sites.requests)-1], protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDomainAdd_that_fails_says_what_to_do(t *testing.T) {
	for name, err := range map[string]error{
		"domain_add_taken":  rpcerr.New(codes.AlreadyExists, "NAME_TAKEN", `hostname "www.shop.example" is taken`),
		"domain_add_silent": status.Error(codes.Unavailable, "try later"),
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t)
			r.sites.fail = err
			code := map[string]int{"domain_add_taken": cli.ExitConflict, "domain_add_silent": cli.ExitUnavailable}[name]
			r.golden(name, code, "domain", "add", "site_01", "WWW.shop.example")
		})
	}
}

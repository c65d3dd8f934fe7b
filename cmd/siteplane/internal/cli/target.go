package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// target is what edges and tunnels have in common.
type target interface {
	proto.Message
	GetName() string
	GetSynced() bool
	GetGeneration() uint64
	GetProvenGeneration() uint64
	GetLastSeenTime() *timestamppb.Timestamp
	GetFaultReason() string
	GetFaultMessage() string
	GetDriftPolicy() lifecyclev1.DriftPolicy
	GetOpenDrifts() int32
}

// targetKind is how to find and show edges, or tunnels.
type targetKind[T target] struct {
	// name is that of the command and of the JSON field, argument what the help
	// calls one.
	name, argument string
	id             func(T) string
	list           func(context.Context, *session) ([]T, error)
	// facts are those that only this kind has.
	facts func(one T, now time.Time) [][]string
	// columns are those that only a list of this kind has.
	columns []column[T]
	// look asks for one again, with what its host says of itself; nil where there is no
	// such thing.
	look func(context.Context, *session, T) (T, *hostView, error)
	// more adds what a table of facts does not hold; nil for nothing.
	more func(p *page, one T, now time.Time)
}

// column is one of a list.
type column[T target] struct {
	heading string
	cell    func(T) string
}

// commands are the verbs of the kind.
func (k *targetKind[T]) commands(a *app) []*cobra.Command {
	return []*cobra.Command{k.listCommand(a), k.getCommand(a), k.policyCommand(a), k.syncCommand(a)}
}

func (k *targetKind[T]) listCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the " + k.name + "s, by name",
		Args:  Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			all, err := k.list(command.Context(), s)
			if err != nil {
				return err
			}
			return a.print(command, &targetListView[T]{kind: k, all: all, now: a.deps.Now()})
		}),
	}
}

func (k *targetKind[T]) getCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "get " + k.argument,
		Short: "Show one: what it has proved, what is wrong with it, how it drifted",
		Args:  exactly(k.argument),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			one, err := k.find(command.Context(), s, args[0])
			if err != nil {
				return err
			}
			var host *hostView
			if k.look != nil {
				if one, host, err = k.look(command.Context(), s, one); err != nil {
					return err
				}
			}
			return k.print(a, command, s, one, host)
		}),
	}
}

func (k *targetKind[T]) policyCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use:   "policy " + k.argument + " repair|hold",
		Short: "Say whether drift is repaired, or written down and left alone",
		Long: "Say whether drift is repaired, or written down and left alone. Under hold nothing is sent\n" +
			"that would overwrite it: what tenants change waits, too.",
		Args: exactly(k.argument, "repair|hold"),
		PreRunE: func(_ *cobra.Command, args []string) error {
			if policies[args[1]] == lifecyclev1.DriftPolicy_DRIFT_POLICY_UNSPECIFIED {
				return &usageError{fmt.Errorf("the policy must be repair or hold, not %q", args[1])}
			}
			return nil
		},
	}
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		one, err := k.find(command.Context(), s, args[0])
		if err != nil {
			return err
		}
		if _, err := change(command.Context(), s, s.infrastructure.SetDriftPolicy,
			&lifecyclev1.SetDriftPolicyRequest{TargetId: k.id(one), Policy: policies[args[1]]}); err != nil {
			return err
		}
		return k.show(a, command, s, k.id(one))
	})
}

func (k *targetKind[T]) syncCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use:   "sync " + k.argument,
		Short: "Have it looked at now instead of at its next turn",
		Args:  exactly(k.argument),
	}
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		one, err := k.find(command.Context(), s, args[0])
		if err != nil {
			return err
		}
		if _, err := change(command.Context(), s, s.infrastructure.SyncTarget, &lifecyclev1.SyncTargetRequest{TargetId: k.id(one)}); err != nil {
			return err
		}
		hint(command, "it is looked at now; see what came of it with: siteplane %s get %s", k.name, one.GetName())
		return k.show(a, command, s, k.id(one))
	})
}

// policies are the drift policies by their names on the command line.
var policies = map[string]lifecyclev1.DriftPolicy{
	"repair": lifecyclev1.DriftPolicy_DRIFT_POLICY_REPAIR,
	"hold":   lifecyclev1.DriftPolicy_DRIFT_POLICY_HOLD,
}

// find is the one that an id or a name names.
func (k *targetKind[T]) find(ctx context.Context, s *session, named string) (one T, err error) {
	all, err := k.list(ctx, s)
	if err != nil {
		return one, err
	}
	for _, one := range all {
		if k.id(one) == named {
			return one, nil
		}
	}
	for _, one := range all {
		if one.GetName() == named {
			return one, nil
		}
	}
	return one, &missingError{kind: k.name, name: named}
}

// show prints one as it is now, with its open drifts.
func (k *targetKind[T]) show(a *app, command *cobra.Command, s *session, named string) error {
	one, err := k.find(command.Context(), s, named)
	if err != nil {
		return err
	}
	return k.print(a, command, s, one, nil)
}

// print prints one with its open drifts; host is nil where it was not asked.
func (k *targetKind[T]) print(a *app, command *cobra.Command, s *session, one T, host *hostView) (err error) {
	var drifts []*lifecyclev1.Drift
	if one.GetOpenDrifts() > 0 {
		if drifts, err = driftsOf(command.Context(), s, k.id(one)); err != nil {
			return err
		}
	}
	return a.print(command, &targetView[T]{kind: k, one: one, host: host, drifts: drifts, now: a.deps.Now()})
}

// targetListView shows edges or tunnels as one table or one JSON object.
type targetListView[T target] struct {
	kind *targetKind[T]
	all  []T
	now  time.Time
}

func (v *targetListView[T]) json() (json.RawMessage, error) { return listJSON(v.kind.name+"s", v.all) }

func (v *targetListView[T]) write(p *page) {
	heading := []string{"ID", "NAME", "SYNCED", "GENERATION", "POLICY", "DRIFTS"}
	for _, column := range v.kind.columns {
		heading = append(heading, column.heading)
	}
	rows := [][]string{append(heading, "SEEN", "FAULT")}
	for _, one := range v.all {
		row := []string{
			v.kind.id(one), one.GetName(), yesNo(one.GetSynced()), generation(one),
			driftPolicy(one.GetDriftPolicy()), strconv.Itoa(int(one.GetOpenDrifts())),
		}
		for _, column := range v.kind.columns {
			row = append(row, column.cell(one))
		}
		rows = append(rows, append(row, age(one.GetLastSeenTime(), v.now), one.GetFaultReason()))
	}
	p.table(rows...)
}

// generation is the one that was proved, and the one that was assigned where that
// is another.
func generation(one target) string {
	if one.GetGeneration() == one.GetProvenGeneration() {
		return strconv.FormatUint(one.GetGeneration(), 10)
	}
	return fmt.Sprintf("%d (%d proved)", one.GetGeneration(), one.GetProvenGeneration())
}

// targetView shows one edge or tunnel, what its host says, and its open drifts.
type targetView[T target] struct {
	kind   *targetKind[T]
	one    T
	host   *hostView
	drifts []*lifecyclev1.Drift
	now    time.Time
}

func (v *targetView[T]) json() (json.RawMessage, error) {
	one, err := protoJSON(v.one)
	if err != nil {
		return nil, err
	}
	drifts, err := messagesJSON(v.drifts)
	if err != nil {
		return nil, err
	}
	document := map[string]any{v.kind.name: one, "drifts": drifts}
	if v.host != nil {
		if document["look"], err = v.host.json(); err != nil {
			return nil, err
		}
	}
	return json.Marshal(document)
}

func (v *targetView[T]) write(p *page) {
	facts := [][]string{{"ID", v.kind.id(v.one)}, {"Name", v.one.GetName()}}
	facts = append(facts, v.kind.facts(v.one, v.now)...)
	facts = append(facts,
		[]string{"Synced", yesNo(v.one.GetSynced())},
		[]string{"Generation", generation(v.one)},
		[]string{"Policy", driftPolicy(v.one.GetDriftPolicy())},
		[]string{"Drifts", strconv.Itoa(int(v.one.GetOpenDrifts()))},
		[]string{"Seen", moment(v.one.GetLastSeenTime(), v.now)},
	)
	if fault := faultLine(v.one); fault != "" {
		facts = append(facts, []string{"Fault", fault})
	}
	facts = append(facts, v.host.facts()...)
	p.table(facts...)
	if page := diagnosisPage(v.one.GetFaultReason()); page != "" {
		p.printf("see: %s", page)
	}
	if v.kind.more != nil {
		v.kind.more(p, v.one, v.now)
	}
	v.host.write(p, v.now)
	writeDrifts(p, v.drifts, int(v.one.GetOpenDrifts()), v.now)
}

func faultLine(one target) string {
	if one.GetFaultMessage() == "" {
		return one.GetFaultReason()
	}
	return one.GetFaultReason() + ": " + one.GetFaultMessage()
}

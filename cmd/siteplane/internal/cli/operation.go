package cli

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// operation is the command group for operations.
func (a *app) operation() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "op",
		Short: "Look at what works on a site or domain, and take it back",
		Long: "Look at what works on a site or domain, and take it back. OPERATION is an id; `site get`\n" +
			"and `domain get` show that of the operation at work.",
	})
	command.AddCommand(a.operationGet(), a.operationCancel())
	return command
}

// whereOperations says how to find the id of an operation.
const whereOperations = "`siteplane site get SITE` shows the id of what works on it"

func (a *app) operationGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get OPERATION",
		Short: "Show an operation: how far it is, why it waits, how it ended",
		Args:  exactly("OPERATION"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			found, err := call(command.Context(), s, callTimeout, s.operations.GetOperation,
				&lifecyclev1.GetOperationRequest{OperationId: args[0]})
			if err != nil {
				return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, whereOperations)
			}
			return a.print(command, &operationView{operation: found.GetOperation(), now: a.deps.Now()})
		}),
	}
}

func (a *app) operationCancel() *cobra.Command {
	command := &cobra.Command{
		Use:   "cancel OPERATION",
		Short: "Take an operation back: what it did is undone",
		Args:  exactly("OPERATION"),
	}
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		cancelled, err := change(command.Context(), s, s.operations.CancelOperation,
			&lifecyclev1.CancelOperationRequest{OperationId: args[0]})
		if err != nil {
			err = advise(err, lifecyclev1.ErrorReason_ERROR_REASON_PRECONDITION, "`siteplane op get "+args[0]+"` shows how it stands")
			return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, whereOperations)
		}
		operation := cancelled.GetOperation()
		if operation.GetEndTime() == nil {
			hint(command, "follow it with: siteplane op get %s", operation.GetOperationId())
		}
		return a.print(command, &operationView{operation: operation, now: a.deps.Now()})
	})
}

// operationView shows one operation.
type operationView struct {
	operation *lifecyclev1.Operation
	now       time.Time
}

func (v *operationView) json() (json.RawMessage, error) { return protoJSON(v.operation) }

func (v *operationView) write(p *page) {
	operation := v.operation
	facts := [][]string{
		{"ID", operation.GetOperationId()},
		{"Kind", operation.GetKind()},
		{"Object", operation.GetObjectId()},
		{"State", operationState(operation.GetState())},
	}
	for _, fact := range [][]string{
		{"Step", operation.GetStep()},
		{"Failed attempts", positive(int64(operation.GetFailedAttempts()))},
		{"Reason", operation.GetReason()},
		{"Message", operation.GetMessage()},
		{"Waits for", operation.GetWaitingFor()},
	} {
		if fact[1] != "" {
			facts = append(facts, fact)
		}
	}
	p.table(append(facts,
		[]string{"Trace", operation.GetTraceId()},
		[]string{"Created", moment(operation.GetCreateTime(), v.now)},
		[]string{"Ended", moment(operation.GetEndTime(), v.now)},
	)...)
	if page := diagnosisPage(operation.GetReason()); page != "" {
		p.printf("see: %s", page)
	}
}

// positive is a number, empty for 0.
func positive(number int64) string {
	if number == 0 {
		return ""
	}
	return strconv.FormatInt(number, 10)
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// logLimit is how long a line may come after its journal row.
const logLimit = 5 * time.Second

// stepLine is a line of the log about a step, as far as it is compared with the
// journal.
type stepLine struct {
	Message   string `json:"msg"`
	Operation string `json:"operation_id"`
	Step      string `json:"step"`
	Attempt   int32  `json:"attempt"`
	Result    string `json:"result"`
	Trace     string `json:"trace_id"`
}

const (
	intentMessage  = "step intent"
	outcomeMessage = "step outcome"
)

// logIntentAndOutcome: the JSON log says of each step of each operation what was
// going to be done, what came of it and what the other side answered.
func logIntentAndOutcome(ctx context.Context, d *demo) error {
	entries, err := d.cli.timeline(ctx, d.hello.GetSite().GetSiteId())
	if err != nil {
		return err
	}
	return eventually(ctx, logLimit, func(context.Context) error {
		log, err := os.ReadFile(d.installation.Where().Log)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		return judgeLog(log, entries)
	})
}

// judgeLog demands a line for every journal row, with the same operation, step,
// attempt, result and trace.
func judgeLog(log []byte, entries []*lifecyclev1.TimelineEntry) error {
	lines, answered, err := stepLines(log)
	if err != nil {
		return err
	}
	rows := 0
	for _, entry := range entries {
		if entry.GetStep() == nil {
			continue
		}
		rows++
		if want := lineOf(entry); !lines[want] {
			return fmt.Errorf("there is no line %q of %s with operation %s, attempt %d, result %q, trace %s",
				want.Message, want.Step, want.Operation, want.Attempt, want.Result, want.Trace)
		}
	}
	if rows == 0 || !answered {
		return fmt.Errorf("of %d rows, none had an answer from outside, so nothing is shown", rows)
	}
	return nil
}

// lineOf is the line that a journal row must have.
func lineOf(entry *lifecyclev1.TimelineEntry) stepLine {
	step := entry.GetStep()
	line := stepLine{
		Message: outcomeMessage, Operation: entry.GetOperationId(), Step: step.GetStep(),
		Attempt: step.GetAttempt(), Result: step.GetResult(), Trace: entry.GetTraceId(),
	}
	if step.GetPhase() == lifecyclev1.StepPhase_STEP_PHASE_INTENT {
		line.Message = intentMessage
	}
	return line
}

// stepLines reads the lines about steps; answered says whether any outcome has a
// response that is more than nothing.
func stepLines(log []byte) (lines map[stepLine]bool, answered bool, err error) {
	lines = map[stepLine]bool{}
	for text := range bytes.Lines(log) {
		var line struct {
			stepLine
			Response json.RawMessage `json:"external_response"`
		}
		if err := json.Unmarshal(text, &line); err != nil {
			return nil, false, fmt.Errorf("a line of the log is no JSON: %q", text)
		}
		switch line.Message {
		case intentMessage:
			lines[line.stepLine] = true
		case outcomeMessage:
			if len(line.Response) == 0 || string(line.Response) == "null" {
				return nil, false, errors.New("an outcome has no external_response: " + string(text))
			}
			lines[line.stepLine] = true
			answered = answered || string(line.Response) != "{}"
		}
	}
	return lines, answered, nil
}

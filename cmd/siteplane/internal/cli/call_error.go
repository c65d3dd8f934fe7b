package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// What the server puts into the metadata of its ErrorInfo.
const (
	traceKey   = "trace_id"
	limitKey   = "limit"
	usedKey    = "used"
	allowedKey = "allowed"
)

// callError is what the server, or the way to it, answered to a call.
type callError struct {
	address string
	file    string
	// requestID makes repeating the call safe; empty when it needs no help.
	requestID string
	// advice replaces what is said for the server's reason, where the command
	// knows better; empty otherwise.
	advice string
	status *status.Status
}

// advise replaces the advice for one reason of a call that failed.
func advise(err error, reason lifecyclev1.ErrorReason, advice string) error {
	var failed *callError
	if errors.As(err, &failed) && failed.reason() == reason {
		failed.advice = advice
	}
	return err
}

func (e *callError) Error() string { return e.status.Message() }

func (e *callError) exitCode() int {
	if code, known := exitOfStatus[e.status.Code()]; known {
		return code
	}
	return ExitError
}

// unanswered reports whether nobody knows what came of the call.
func (e *callError) unanswered() bool {
	switch e.status.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	}
	return false
}

func (e *callError) problem() problem {
	found := problem{text: e.Error(), next: e.next()}
	if e.reason() == lifecyclev1.ErrorReason_ERROR_REASON_PRECONDITION && e.advice == "" {
		found.text, found.next = "refused: something else must be done first", e.Error()
	}
	for _, detail := range e.status.Details() {
		found.details = append(found.details, detailLines(detail)...)
	}
	if e.requestID != "" && e.unanswered() {
		found.details = append(found.details, "to repeat it without doing it twice, add --request-id "+e.requestID)
	}
	return found
}

func detailLines(detail any) []string {
	switch detail := detail.(type) {
	case *errdetails.BadRequest:
		return violationLines(detail)
	case *errdetails.ErrorInfo:
		return infoLines(detail)
	case *errdetails.RetryInfo:
		return []string{"try again in " + detail.GetRetryDelay().AsDuration().Round(time.Millisecond).String()}
	case *errdetails.Help:
		return helpLines(detail)
	}
	return nil
}

func violationLines(bad *errdetails.BadRequest) []string {
	var lines []string
	for _, violation := range bad.GetFieldViolations() {
		line := violation.GetField() + ": " + violation.GetDescription()
		if violation.GetReason() != "" {
			line += " (" + violation.GetReason() + ")"
		}
		lines = append(lines, line)
		if page := diagnosisPage(violation.GetReason()); page != "" {
			lines = append(lines, "  see: "+page)
		}
	}
	return lines
}

// infoLines are the reason and what belongs to it, the trace last.
func infoLines(info *errdetails.ErrorInfo) []string {
	lines := []string{"reason: " + info.GetReason()}
	if limit := info.GetMetadata()[limitKey]; limit != "" {
		lines = append(lines, fmt.Sprintf("limit: %s, %s used of %s", limit, info.GetMetadata()[usedKey], info.GetMetadata()[allowedKey]))
	}
	if trace := info.GetMetadata()[traceKey]; trace != "" {
		lines = append(lines, "trace: "+trace)
	}
	return lines
}

func helpLines(help *errdetails.Help) []string {
	var lines []string
	for _, link := range help.GetLinks() {
		lines = append(lines, "see: "+link.GetUrl()+" ("+link.GetDescription()+")")
	}
	return lines
}

// next is the advice for the server's reason, or for the status code where
// the answer did not come from a server of ours.
func (e *callError) next() string {
	if e.advice != "" {
		return e.advice
	}
	if advice := e.adviceOnReason(); advice != "" {
		return advice
	}
	switch {
	case e.status.Code() == codes.Unavailable && strings.Contains(e.status.Message(), "authentication handshake failed"):
		return fmt.Sprintf("what listens at %s is not the installation that %s was written for; "+
			"`siteplane up` writes the file anew when it starts", e.address, e.file)
	case e.status.Code() == codes.Unavailable:
		return fmt.Sprintf("start it with `siteplane up`, or correct the address %s in %s", e.address, e.file)
	case e.status.Code() == codes.DeadlineExceeded:
		return "run the command again; if it stays so, look at the log of the installation at " + e.address
	case e.status.Code() == codes.InvalidArgument:
		return adviceOn[lifecyclev1.ErrorReason_ERROR_REASON_INVALID_FIELDS]
	case e.status.Code() == codes.Unauthenticated:
		return adviceOn[lifecyclev1.ErrorReason_ERROR_REASON_BAD_CREDENTIAL]
	}
	return ""
}

func (e *callError) reason() lifecyclev1.ErrorReason {
	return lifecyclev1.ErrorReason(lifecyclev1.ErrorReason_value["ERROR_REASON_"+e.info().GetReason()])
}

// info is the server's ErrorInfo; nil when the answer is not from a server of ours.
func (e *callError) info() *errdetails.ErrorInfo {
	for _, detail := range e.status.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	return nil
}

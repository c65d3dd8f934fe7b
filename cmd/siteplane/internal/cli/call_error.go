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

// traceKey is where the server puts the trace id in its ErrorInfo.
const traceKey = "trace_id"

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

// repeatable adds the id that makes it safe to repeat a call that failed.
func repeatable(err error, requestID string) error {
	var failed *callError
	if errors.As(err, &failed) {
		failed.requestID = requestID
	}
	return err
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

func infoLines(info *errdetails.ErrorInfo) []string {
	lines := []string{"reason: " + info.GetReason()}
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
	if advice, known := adviceOn[e.reason()]; known {
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
	for _, detail := range e.status.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return lifecyclev1.ErrorReason(lifecyclev1.ErrorReason_value["ERROR_REASON_"+info.GetReason()])
		}
	}
	return lifecyclev1.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// adviceOn says what to do about each reason a server can give.
var adviceOn = map[lifecyclev1.ErrorReason]string{
	lifecyclev1.ErrorReason_ERROR_REASON_INVALID_FIELDS:     "correct the values named above; --help shows their form",
	lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND:          "`siteplane site list` and `siteplane domain list` show what this key may see",
	lifecyclev1.ErrorReason_ERROR_REASON_NAME_TAKEN:         "choose another name with --slug",
	lifecyclev1.ErrorReason_ERROR_REASON_ILLEGAL_TRANSITION: "`siteplane site get SITE` and `siteplane domain get DOMAIN` show where it is; wait until it has moved on",
	lifecyclev1.ErrorReason_ERROR_REASON_LOST_RACE:          "somebody changed it at the same moment; run the command again",
	lifecyclev1.ErrorReason_ERROR_REASON_BAD_CREDENTIAL:     "the config file needs a valid key; `siteplane up` writes one",
	lifecyclev1.ErrorReason_ERROR_REASON_NOT_ALLOWED:        "ask an administrator of the installation for a key that may do this",
	lifecyclev1.ErrorReason_ERROR_REASON_UNAVAILABLE:        "wait a moment and run the command again",
	lifecyclev1.ErrorReason_ERROR_REASON_INTERNAL:           "this is a fault of the server; its log has the details under the trace id",
	lifecyclev1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED:  "leave --request-id out, or give each request its own",
}

// Package rpcerr owns the shape of errors on the wire: a google.rpc.Status with
// an ErrorInfo whose reason a program can switch on, and the details that say
// what to do about it.
//
// It knows the reasons that the plumbing itself uses, not those of a service.
// Invariant: an error made here always carries exactly one ErrorInfo with domain
// Domain.
package rpcerr

import (
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Domain is the domain of every ErrorInfo.
const Domain = "siteplane"

// Reasons that the plumbing gives. They are spelled as in the API's ErrorReason
// enum, without its prefix.
const (
	ReasonInvalidFields = "INVALID_FIELDS" // INVALID_ARGUMENT: BadRequest names the fields
	ReasonBadCredential = "BAD_CREDENTIAL" // UNAUTHENTICATED: no credential, or one that is not valid
	ReasonNotAllowed    = "NOT_ALLOWED"    // PERMISSION_DENIED: the caller is known and may not
	ReasonUnavailable   = "UNAVAILABLE"    // UNAVAILABLE: something needed does not answer
	ReasonInternal      = "INTERNAL"       // INTERNAL: a fault of the server
)

// FieldViolation says what is wrong with one field of a request.
type FieldViolation struct {
	Field       string // path of the field, for instance site.slug
	Description string // what is wrong with it, for people
	Reason      string // code of what is wrong, for programs; may be empty
}

// Option adds a detail to an error.
type Option func(*details)

// details collects what the options say; each kind of detail occurs once.
type details struct {
	info    *errdetails.ErrorInfo
	request *errdetails.BadRequest
	retry   *errdetails.RetryInfo
	help    *errdetails.Help
}

// New returns a status error with an ErrorInfo of that reason. The message is
// for people and may change; codes.OK is no error and becomes INTERNAL. Bytes
// that are not UTF-8 are replaced everywhere, because they would cost the details.
func New(code codes.Code, reason, message string, opts ...Option) error {
	if code == codes.OK {
		code = codes.Internal
	}
	d := &details{info: &errdetails.ErrorInfo{Reason: text(reason), Domain: Domain}}
	for _, opt := range opts {
		opt(d)
	}
	plain := status.New(code, text(message))
	full, err := plain.WithDetails(d.messages()...)
	if err != nil {
		return plain.Err()
	}
	return full.Err()
}

// Metadata adds a key and value to the ErrorInfo.
func Metadata(key, value string) Option {
	return func(d *details) {
		if d.info.Metadata == nil {
			d.info.Metadata = map[string]string{}
		}
		d.info.Metadata[text(key)] = text(value)
	}
}

// Violation adds one field to the BadRequest.
func Violation(field, description string) Option {
	return ViolationReason(field, description, "")
}

// ViolationReason adds one field to the BadRequest, with the code of what is
// wrong with it.
func ViolationReason(field, description, reason string) Option {
	return func(d *details) {
		if d.request == nil {
			d.request = &errdetails.BadRequest{}
		}
		d.request.FieldViolations = append(d.request.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field: text(field), Description: text(description), Reason: text(reason),
		})
	}
}

// RetryAfter tells the caller to wait that long before the next attempt.
func RetryAfter(delay time.Duration) Option {
	return func(d *details) {
		d.retry = &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}
	}
}

// Help adds a link to a page that helps.
func Help(url, description string) Option {
	return func(d *details) {
		if d.help == nil {
			d.help = &errdetails.Help{}
		}
		d.help.Links = append(d.help.Links, &errdetails.Help_Link{Url: text(url), Description: text(description)})
	}
}

// text makes a string fit for protobuf.
func text(s string) string {
	return strings.ToValidUTF8(s, "\uFFFD")
}

// messages returns the details that are there, ErrorInfo first.
func (d *details) messages() []protoadapt.MessageV1 {
	all := []protoadapt.MessageV1{d.info}
	if d.request != nil {
		all = append(all, d.request)
	}
	if d.retry != nil {
		all = append(all, d.retry)
	}
	if d.help != nil {
		all = append(all, d.help)
	}
	return all
}

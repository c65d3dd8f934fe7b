package rpcerr

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// Reason returns the reason in the error's ErrorInfo, or "" when it has none.
// Like the other readers it looks through wrapped errors.
func Reason(err error) string {
	info, _ := detail[*errdetails.ErrorInfo](err)
	return info.GetReason()
}

// MetadataOf returns the metadata of the error's ErrorInfo; nil when it has none.
func MetadataOf(err error) map[string]string {
	info, _ := detail[*errdetails.ErrorInfo](err)
	return info.GetMetadata()
}

// RetryDelay returns how long the callee asks to wait, and whether it asks.
func RetryDelay(err error) (time.Duration, bool) {
	retry, ok := detail[*errdetails.RetryInfo](err)
	return retry.GetRetryDelay().AsDuration(), ok
}

// Violations returns the fields that are wrong, in the order given.
func Violations(err error) []FieldViolation {
	request, _ := detail[*errdetails.BadRequest](err)
	var all []FieldViolation
	for _, v := range request.GetFieldViolations() {
		all = append(all, FieldViolation{Field: v.GetField(), Description: v.GetDescription(), Reason: v.GetReason()})
	}
	return all
}

// detail returns the first detail of type T, or the zero value and false.
func detail[T any](err error) (T, bool) {
	var none T
	st, ok := status.FromError(err)
	if !ok {
		return none, false
	}
	for _, d := range st.Details() {
		if found, ok := d.(T); ok {
			return found, true
		}
	}
	return none, false
}

package rpcerr_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// overTheWire returns the error as a client gets it.
func overTheWire(t *testing.T, err error) error {
	t.Helper()
	raw, marshalErr := proto.Marshal(status.Convert(err).Proto())
	if marshalErr != nil {
		t.Fatalf("the status does not marshal: %v", marshalErr)
	}
	st := status.Convert(err).Proto()
	proto.Reset(st)
	if err := proto.Unmarshal(raw, st); err != nil {
		t.Fatal(err)
	}
	return status.ErrorProto(st)
}

func TestNew_everything_is_read_back(t *testing.T) {
	err := overTheWire(t, rpcerr.New(codes.Unavailable, "EDGE_NOT_PROVEN", "the edge does not answer",
		rpcerr.Metadata("edge_id", "edge_1"), rpcerr.Metadata("generation", "7"),
		rpcerr.RetryAfter(1500*time.Millisecond),
		rpcerr.Violation("site.slug", "is too long"), rpcerr.Violation("site.name", "is missing"),
		rpcerr.ViolationReason("hostname", "is no name", "NAME_INVALID"),
		rpcerr.Help("https://siteplane.example/docs/diagnoses/x", "What to do"), rpcerr.Help("https://b.example", "More")))
	wrapped := fmt.Errorf("apply: %w", err)

	if status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "the edge does not answer" {
		t.Errorf("status is %v", err)
	}
	if got := rpcerr.Reason(wrapped); got != "EDGE_NOT_PROVEN" {
		t.Errorf("Reason = %q", got)
	}
	if got := rpcerr.MetadataOf(wrapped); len(got) != 2 || got["edge_id"] != "edge_1" || got["generation"] != "7" {
		t.Errorf("MetadataOf = %v", got)
	}
	if got, ok := rpcerr.RetryDelay(wrapped); !ok || got != 1500*time.Millisecond {
		t.Errorf("RetryDelay = %s, %t", got, ok)
	}
	want := []rpcerr.FieldViolation{
		{Field: "site.slug", Description: "is too long"}, {Field: "site.name", Description: "is missing"},
		{Field: "hostname", Description: "is no name", Reason: "NAME_INVALID"},
	}
	if got := rpcerr.Violations(wrapped); !slices.Equal(got, want) {
		t.Errorf("Violations = %v, want %v", got, want)
	}
	kinds := map[string]int{}
	for _, d := range status.Convert(err).Details() {
		kinds[fmt.Sprintf("%T", d)]++
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() != rpcerr.Domain {
				t.Errorf("domain is %q", d.GetDomain())
			}
		case *errdetails.Help:
			if len(d.GetLinks()) != 2 || d.GetLinks()[0].GetUrl() != "https://siteplane.example/docs/diagnoses/x" {
				t.Errorf("help is %v", d)
			}
		}
	}
	if len(kinds) != 4 || kinds["*errdetails.ErrorInfo"] != 1 {
		t.Errorf("details are %v, want one of each of the four kinds", kinds)
	}
}

func TestNew(t *testing.T) {
	t.Run("keeps its details when a text is not UTF-8", func(t *testing.T) {
		bad := "caf\xe9"
		err := overTheWire(t, rpcerr.New(codes.InvalidArgument, rpcerr.ReasonInvalidFields, bad,
			rpcerr.Metadata(bad, bad), rpcerr.ViolationReason(bad, bad, bad), rpcerr.Help(bad, bad)))
		if rpcerr.Reason(err) != rpcerr.ReasonInvalidFields {
			t.Errorf("Reason = %q", rpcerr.Reason(err))
		}
		if got := rpcerr.Violations(err); len(got) != 1 || got[0].Field != "caf\uFFFD" || got[0].Reason != "caf\uFFFD" {
			t.Errorf("Violations = %q", got)
		}
	})
	t.Run("is an error even for OK", func(t *testing.T) {
		if err := rpcerr.New(codes.OK, "X", "x"); status.Code(err) != codes.Internal {
			t.Errorf("New(OK) = %v, want INTERNAL", err)
		}
	})
}

func TestReaders_of_other_errors(t *testing.T) {
	for name, err := range map[string]error{
		"nil":                      nil,
		"no status":                errors.New("plain"),
		"a status without details": status.Error(codes.NotFound, "gone"),
	} {
		t.Run(name, func(t *testing.T) {
			if got := rpcerr.Reason(err); got != "" {
				t.Errorf("Reason = %q", got)
			}
			if got, ok := rpcerr.RetryDelay(err); ok || got != 0 {
				t.Errorf("RetryDelay = %s, %t", got, ok)
			}
			if got := rpcerr.Violations(err); got != nil {
				t.Errorf("Violations = %v", got)
			}
			if got := rpcerr.MetadataOf(err); got != nil {
				t.Errorf("MetadataOf = %v", got)
			}
		})
	}
}

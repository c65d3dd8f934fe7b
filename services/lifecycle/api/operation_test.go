package api_test

import (
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

func TestOperationService(t *testing.T) {
	s := setup(t)
	operator, viewer := as(t, s.keyOf[auth.Operator]), as(t, s.keyOf[auth.Viewer])
	siteID := s.create("Shop")
	s.world.Settle()
	s.world.Host().SetDown(true)
	updated, err := s.sites.UpdateSite(operator, masked(&lifecyclev1.Site{SiteId: siteID, Spec: websocketSpec()}, "spec"))
	s.must(err)
	opID := updated.GetOperation().GetOperationId()
	s.world.Run()
	t.Run("shows one", func(t *testing.T) {
		found, err := s.operations.GetOperation(viewer, &lifecyclev1.GetOperationRequest{OperationId: opID})
		s.must(err)
		if op := found.GetOperation(); op.GetOperationId() != opID || op.GetKind() != "update_site" || op.GetObjectId() != siteID || op.GetStep() == "" || op.GetEndTime() != nil {
			t.Errorf("the operation is %v", op)
		}
	})
	t.Run("of another tenant, as one that is not there", func(t *testing.T) {
		stranger := as(t, s.key(s.world.NewTenant("other"), auth.PlatformAdmin))
		for _, foreign := range []string{opID, "op_unknown", "op' OR 1=1 --"} {
			_, err := s.operations.GetOperation(stranger, &lifecyclev1.GetOperationRequest{OperationId: foreign})
			wantError(t, err, codes.NotFound, "NOT_FOUND")
			_, err = s.operations.CancelOperation(stranger, &lifecyclev1.CancelOperationRequest{OperationId: foreign})
			wantError(t, err, codes.NotFound, "NOT_FOUND")
		}
	})
	t.Run("a viewer takes nothing back", func(t *testing.T) {
		_, err := s.operations.CancelOperation(viewer, &lifecyclev1.CancelOperationRequest{OperationId: opID})
		wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
	})
	t.Run("needs an id", func(t *testing.T) {
		_, err := s.operations.GetOperation(viewer, &lifecyclev1.GetOperationRequest{})
		wantViolation(t, err, "operation_id", "")
		_, err = s.operations.CancelOperation(operator, &lifecyclev1.CancelOperationRequest{})
		wantViolation(t, err, "operation_id", "")
	})
	t.Run("takes one back, once", func(t *testing.T) {
		for range 2 {
			cancelled, err := s.operations.CancelOperation(operator, &lifecyclev1.CancelOperationRequest{OperationId: opID})
			s.must(err)
			if got := cancelled.GetOperation().GetState(); got != lifecyclev1.OperationState_OPERATION_STATE_COMPENSATING {
				t.Errorf("it is %s", got)
			}
		}
		s.world.Host().SetDown(false)
		s.world.Settle()
		got := s.call("GET", "/v1/operations/"+opID, s.keyOf[auth.Viewer], nil)
		if got.code != http.StatusOK || got.at("operation", "state") != "OPERATION_STATE_CANCELLED" || got.at("operation", "endTime") == "" {
			t.Errorf("in the end it is %d %v", got.code, got.body)
		}
		if site := s.got(siteID); site.GetRevision() != 1 || site.GetConfirmedRevision() != 1 {
			t.Errorf("the site is %v", site)
		}
	})
	t.Run("not one that has ended", func(t *testing.T) {
		_, err := s.operations.CancelOperation(operator, &lifecyclev1.CancelOperationRequest{OperationId: opID})
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
		wantRefused(t, s.call("POST", "/v1/operations/"+opID+":cancel", s.keyOf[auth.Operator], "{}"), http.StatusBadRequest, "9", "PRECONDITION")
	})
}

package crash_test

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// spec is a site whose origin nobody asks: a public address, which is none of the
// listeners that lifecycle gets anew with each start.
func (r *scene) spec() *lifecyclev1.SiteSpec {
	return &lifecyclev1.SiteSpec{Backend: &lifecyclev1.SiteSpec_Origin{Origin: &lifecyclev1.Origin{
		Targets: []*lifecyclev1.Target{{Address: "1.1.1.1:8080"}},
	}}}
}

// refusedSpec passes every check of ours; nginx refuses the length of the header's
// name.
func (r *scene) refusedSpec() *lifecyclev1.SiteSpec {
	spec := r.spec()
	spec.Options = &lifecyclev1.SiteOptions{RequestHeaders: []*lifecyclev1.Header{{Name: "X-" + strings.Repeat("a", 62), Value: "1"}}}
	return spec
}

func (r *scene) create(spec *lifecyclev1.SiteSpec) (siteID string) {
	r.t.Helper()
	answer, err := r.sites.CreateSite(r.t.Context(), &lifecyclev1.CreateSiteRequest{
		Site: &lifecyclev1.Site{Name: r.slug, Slug: r.slug, Spec: spec}, RequestId: r.slug + "-create",
	})
	must(r.t, err)
	return answer.GetSite().GetSiteId()
}

func (r *scene) site(siteID string) *lifecyclev1.GetSiteResponse {
	r.t.Helper()
	answer, err := r.sites.GetSite(r.t.Context(), &lifecyclev1.GetSiteRequest{SiteId: siteID})
	must(r.t, err)
	return answer
}

func (r *scene) domain(domainID string) *lifecyclev1.GetDomainResponse {
	r.t.Helper()
	answer, err := r.domains.GetDomain(r.t.Context(), &lifecyclev1.GetDomainRequest{DomainId: domainID})
	must(r.t, err)
	return answer
}

func (r *scene) awaitActive(siteID string) {
	r.t.Helper()
	r.until("the site becomes ACTIVE", func() error {
		return want(r.site(siteID).GetSite().GetStatus(), lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE)
	})
}

func (r *scene) update(siteID string, spec *lifecyclev1.SiteSpec) (operationID string) {
	r.t.Helper()
	answer, err := r.sites.UpdateSite(r.t.Context(), &lifecyclev1.UpdateSiteRequest{
		Site:       &lifecyclev1.Site{SiteId: siteID, Spec: spec},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"spec"}}, RequestId: r.slug + "-update",
	})
	must(r.t, err)
	return answer.GetOperation().GetOperationId()
}

func (r *scene) delete(siteID string) {
	r.t.Helper()
	_, err := r.sites.DeleteSite(r.t.Context(), &lifecyclev1.DeleteSiteRequest{SiteId: siteID, RequestId: r.slug + "-delete"})
	must(r.t, err)
	r.until("the site is DELETED", func() error {
		return want(r.site(siteID).GetSite().GetStatus(), lifecyclev1.SiteStatus_SITE_STATUS_DELETED)
	})
}

func (r *scene) add(siteID, hostname string, direct bool) (domainID string) {
	r.t.Helper()
	answer, err := r.domains.AddDomain(r.t.Context(), &lifecyclev1.AddDomainRequest{
		SiteId: siteID, Hostname: hostname, Direct: direct, RequestId: r.slug + "-add",
	})
	must(r.t, err)
	return answer.GetDomain().GetDomainId()
}

// prove publishes the record that the domain's owner is told of.
func (r *scene) prove(domainID string) {
	r.t.Helper()
	r.until("the owner is told what to publish", func() error {
		for _, i := range r.domain(domainID).GetDomain().GetInstructions() {
			if i.GetPurpose() == lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_OWNERSHIP {
				return r.w.dns.Replace(i.GetName(), i.GetType(), fmt.Sprintf("%q", i.GetValue()))
			}
		}
		return fmt.Errorf("no such record")
	})
}

// awaitDomain has a domain looked at until it has a status.
func (r *scene) awaitDomain(domainID string, status lifecyclev1.DomainStatus) {
	r.t.Helper()
	r.until("the domain becomes "+status.String(), func() error {
		answer, err := r.domains.CheckDomain(r.t.Context(), &lifecyclev1.CheckDomainRequest{DomainId: domainID})
		must(r.t, err)
		return want(answer.GetDomain().GetStatus(), status)
	})
}

func (r *scene) remove(domainID string) {
	r.t.Helper()
	_, err := r.domains.RemoveDomain(r.t.Context(), &lifecyclev1.RemoveDomainRequest{DomainId: domainID, RequestId: r.slug + "-remove"})
	must(r.t, err)
	r.until("the domain is RELEASED", func() error {
		return want(r.domain(domainID).GetDomain().GetStatus(), lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASED)
	})
}

// awaitStep returns an operation once it waits at a step.
func (r *scene) awaitStep(step string, look func() *lifecyclev1.Operation) (operationID string) {
	r.t.Helper()
	r.until("the operation waits at "+step, func() error {
		operation := look()
		operationID = operation.GetOperationId()
		if operation.GetStep() != step || operation.GetState() != lifecyclev1.OperationState_OPERATION_STATE_WAITING {
			return fmt.Errorf("it is %v", operation)
		}
		return nil
	})
	return operationID
}

// cancel takes an operation back. Where the first answer was lost, it may have been
// taken back by now.
func (r *scene) cancel(operationID string) {
	r.t.Helper()
	_, err := r.operations.CancelOperation(r.t.Context(), &lifecyclev1.CancelOperationRequest{OperationId: operationID, RequestId: operationID})
	if status.Code(err) == codes.FailedPrecondition {
		r.awaitEnd(operationID, lifecyclev1.OperationState_OPERATION_STATE_CANCELLED)
		return
	}
	must(r.t, err)
}

func (r *scene) awaitEnd(operationID string, state lifecyclev1.OperationState) {
	r.t.Helper()
	r.until("the operation ends", func() error {
		answer, err := r.operations.GetOperation(r.t.Context(), &lifecyclev1.GetOperationRequest{OperationId: operationID})
		must(r.t, err)
		return want(answer.GetOperation().GetState(), state)
	})
}

func want[T comparable](got, wanted T) error {
	if got != wanted {
		return fmt.Errorf("it is %v, not %v", got, wanted)
	}
	return nil
}

package crash_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/simulators/cloudflare"
)

// scenario is a short story that ends as it began, but for what is history. All
// of them together pass every failpoint.
type scenario struct {
	name string
	play func(r *scene)
}

var scenarios = []scenario{
	{"site", playSite},
	{"managed", playManaged},
	{"refused", playRefused},
	{"refused_update", playRefusedUpdate},
	{"cancelled_update", playCancelledUpdate},
	{"cancelled_activation", playCancelledActivation},
	{"lost", playLost},
	{"drift", playDrift},
}

// playSite is the whole life of a site.
func playSite(r *scene) {
	s := r.create(r.spec())
	r.awaitActive(s)
	r.note("when ACTIVE")
	spec := r.spec()
	spec.Options = &lifecyclev1.SiteOptions{ResponseHeaders: []*lifecyclev1.Header{{Name: "X-Revision", Value: "two"}}}
	r.awaitEnd(r.update(s, spec), lifecyclev1.OperationState_OPERATION_STATE_SUCCEEDED)
	r.note("when updated")
	r.delete(s)
}

// playManaged adds a name that is routed through the tunnel, and removes it.
func playManaged(r *scene) {
	s := r.create(r.spec())
	r.awaitActive(s)
	d := r.add(s, r.slug+"."+managedZone, false)
	r.awaitDomain(d, lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE)
	r.note("when routed")
	r.remove(d)
	r.note("when RELEASED")
	r.delete(s)
}

// playRefused creates a site that nginx refuses.
func playRefused(r *scene) {
	s := r.create(r.refusedSpec())
	r.until("the site is in ERROR", func() error {
		found := r.site(s)
		return want(found.GetSite().GetStatus(), lifecyclev1.SiteStatus_SITE_STATUS_ERROR)
	})
	r.note("when in ERROR")
	r.delete(s)
}

// playRefusedUpdate updates a site to something that nginx refuses.
func playRefusedUpdate(r *scene) {
	s := r.create(r.spec())
	r.awaitActive(s)
	r.awaitEnd(r.update(s, r.refusedSpec()), lifecyclev1.OperationState_OPERATION_STATE_FAILED)
	r.note("when FAILED")
	r.delete(s)
}

// playCancelledUpdate takes an update back while the edge does not answer.
func playCancelledUpdate(r *scene) {
	s := r.create(r.spec())
	r.awaitActive(s)
	r.w.agent.Shut()
	spec := r.spec()
	spec.Options = &lifecyclev1.SiteOptions{ResponseHeaders: []*lifecyclev1.Header{{Name: "X-Revision", Value: "two"}}}
	operation := r.update(s, spec)
	r.awaitStep("publish_revision", func() *lifecyclev1.Operation { return r.site(s).GetOperation() })
	r.cancel(operation)
	r.w.agent.Open()
	r.awaitEnd(operation, lifecyclev1.OperationState_OPERATION_STATE_CANCELLED)
	r.note("when CANCELLED")
	r.delete(s)
}

// playCancelledActivation takes the activation of a name back while the tunnel is
// being changed.
func playCancelledActivation(r *scene) {
	s := r.create(r.spec())
	r.awaitActive(s)
	must(r.t, r.w.cloudflare.Inject(cloudflare.Fault{Kind: cloudflare.FaultHold, Method: "PUT", Path: "/configurations$"}))
	d := r.add(s, r.slug+"."+managedZone, false)
	operation := r.awaitStep("route", func() *lifecyclev1.Operation { return r.domain(d).GetOperation() })
	r.cancel(operation)
	r.w.cloudflare.Clear()
	r.w.cloudflare.Release()
	r.awaitEnd(operation, lifecyclev1.OperationState_OPERATION_STATE_CANCELLED)
	r.note("when CANCELLED")
	r.remove(d)
	r.delete(s)
}

// playLost changes the records of a name until it is lost, and mends them.
func playLost(r *scene) {
	hostname := r.slug + "." + tenantZone
	lead := func(address string) { must(r.t, r.w.dns.Replace(hostname, "A", address)) }
	s := r.create(r.spec())
	r.awaitActive(s)
	d := r.add(s, hostname, true)
	r.prove(d)
	lead(r.w.host())
	r.awaitDomain(d, lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE)
	r.note("when ACTIVE")
	lead(r.w.elsewhere())
	r.awaitDomain(d, lifecyclev1.DomainStatus_DOMAIN_STATUS_PENDING_DNS)
	r.note("when lost")
	lead(r.w.host())
	r.awaitDomain(d, lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE)
	r.remove(d)
	r.delete(s)
}

// playDrift changes a file of nginx by hand.
func playDrift(r *scene) {
	s := r.create(r.spec())
	r.awaitActive(s)
	const byHand = "# by hand"
	file, err := os.OpenFile(filepath.Join(r.w.path("edge", "current"), "nginx.conf"), os.O_APPEND|os.O_WRONLY, 0o600)
	must(r.t, err)
	_, err = fmt.Fprintln(file, byHand)
	must(r.t, err)
	must(r.t, file.Close())
	r.until("the file is repaired", func() error {
		files, err := r.w.nginxFiles()
		if err == nil && strings.Contains(files, byHand) {
			err = fmt.Errorf("it still says %s", byHand)
		}
		return err
	})
	r.note("when repaired")
	r.delete(s)
}

// spec is a site that serves the origin.
func (r *scene) spec() *lifecyclev1.SiteSpec {
	return &lifecyclev1.SiteSpec{Backend: &lifecyclev1.SiteSpec_Origin{Origin: &lifecyclev1.Origin{
		Targets: []*lifecyclev1.Target{{Address: r.w.origin.Listener.Addr().String()}},
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
	answer, err := r.sites.CreateSite(r.ctx, &lifecyclev1.CreateSiteRequest{
		Site: &lifecyclev1.Site{Name: r.slug, Slug: r.slug, Spec: spec}, RequestId: r.slug + "-create",
	})
	must(r.t, err)
	return answer.GetSite().GetSiteId()
}

func (r *scene) site(siteID string) *lifecyclev1.GetSiteResponse {
	r.t.Helper()
	answer, err := r.sites.GetSite(r.ctx, &lifecyclev1.GetSiteRequest{SiteId: siteID})
	must(r.t, err)
	return answer
}

func (r *scene) domain(domainID string) *lifecyclev1.GetDomainResponse {
	r.t.Helper()
	answer, err := r.domains.GetDomain(r.ctx, &lifecyclev1.GetDomainRequest{DomainId: domainID})
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
	answer, err := r.sites.UpdateSite(r.ctx, &lifecyclev1.UpdateSiteRequest{
		Site:       &lifecyclev1.Site{SiteId: siteID, Spec: spec},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"spec"}}, RequestId: r.slug + "-update",
	})
	must(r.t, err)
	return answer.GetOperation().GetOperationId()
}

func (r *scene) delete(siteID string) {
	r.t.Helper()
	_, err := r.sites.DeleteSite(r.ctx, &lifecyclev1.DeleteSiteRequest{SiteId: siteID})
	must(r.t, err)
	r.until("the site is DELETED", func() error {
		return want(r.site(siteID).GetSite().GetStatus(), lifecyclev1.SiteStatus_SITE_STATUS_DELETED)
	})
}

func (r *scene) add(siteID, hostname string, direct bool) (domainID string) {
	r.t.Helper()
	answer, err := r.domains.AddDomain(r.ctx, &lifecyclev1.AddDomainRequest{
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
		answer, err := r.domains.CheckDomain(r.ctx, &lifecyclev1.CheckDomainRequest{DomainId: domainID})
		must(r.t, err)
		return want(answer.GetDomain().GetStatus(), status)
	})
}

func (r *scene) remove(domainID string) {
	r.t.Helper()
	_, err := r.domains.RemoveDomain(r.ctx, &lifecyclev1.RemoveDomainRequest{DomainId: domainID})
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

// cancel takes an operation back. One that has ended so already, because the answer
// was lost, is taken back.
func (r *scene) cancel(operationID string) {
	r.t.Helper()
	_, err := r.operations.CancelOperation(r.ctx, &lifecyclev1.CancelOperationRequest{OperationId: operationID})
	must(r.t, err)
}

func (r *scene) awaitEnd(operationID string, state lifecyclev1.OperationState) {
	r.t.Helper()
	r.until("the operation ends", func() error {
		answer, err := r.operations.GetOperation(r.ctx, &lifecyclev1.GetOperationRequest{OperationId: operationID})
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

package crash_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/simulators/cloudflare"
)

// scenario is a short story that ends as it began, but for what is history. All
// of them together pass every failpoint.
type scenario struct {
	name string
	play func(r *scene)
	// again is an operation that dies here at every failpoint, although another
	// scenario is the first to pass them: its way differs.
	again string
}

var scenarios = []scenario{
	{name: "site", play: playSite},
	{name: "managed", play: playManaged},
	{name: "refused", play: playRefused},
	{name: "refused_update", play: playRefusedUpdate, again: reconcile.UpdateSite},
	{name: "cancelled_update", play: playCancelledUpdate, again: reconcile.UpdateSite},
	{name: "cancelled_activation", play: playCancelledActivation, again: reconcile.ActivateDomain + ".route"},
	{name: "lost", play: playLost},
	{name: "drift", play: playDrift, again: "work.edge"},
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

package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// siteView shows one site and the operation that works on it.
type siteView struct {
	found *lifecyclev1.GetSiteResponse
	// domains are all domains of the site, if they were asked for. They are not
	// part of the JSON result.
	domains    []*lifecyclev1.Domain
	publicPort int
	now        time.Time
}

func (v *siteView) json() (json.RawMessage, error) { return protoJSON(v.found) }

func (v *siteView) write(p *page) {
	p.table(v.facts()...)
	if len(v.domains) > 1 {
		p.blank()
		p.table(domainTable(v.domains)...)
	}
	writeRecords(p, v.found.GetSite().GetPrimaryDomain())
	writeConditions(p, conditionsOf(v.found.GetSite()), v.now)
}

func (v *siteView) facts() [][]string {
	site := v.found.GetSite()
	facts := [][]string{
		{"ID", site.GetSiteId()},
		{"Name", site.GetName()},
		{"Slug", site.GetSlug()},
		{"Status", siteStatus(site.GetStatus())},
		{"Revision", revision(site)},
	}
	if domain := site.GetPrimaryDomain(); domain != nil {
		facts = append(facts, []string{"Domain", domainLine(domain)})
		if claimed(domain) {
			facts = append(facts, []string{"URL", publicURL(domain, v.publicPort)})
		}
	}
	if placement := site.GetPlacement(); placement != "" {
		facts = append(facts, []string{"Placement", placement})
	}
	facts = append(facts, backendFacts(site.GetSpec())...)
	if operation := v.found.GetOperation(); operation != nil {
		facts = append(facts, []string{"Operation", operationLine(operation)})
	}
	return append(facts, []string{"Created", moment(site.GetCreateTime(), v.now)}, []string{"Updated", moment(site.GetUpdateTime(), v.now)})
}

// conditionsOf are the conditions of a site and then those of its primary
// domain; their types differ.
func conditionsOf(site *lifecyclev1.Site) []*lifecyclev1.Condition {
	both := append([]*lifecyclev1.Condition{}, site.GetConditions()...)
	return append(both, site.GetPrimaryDomain().GetConditions()...)
}

func revision(site *lifecyclev1.Site) string {
	wanted, confirmed := site.GetRevision(), site.GetConfirmedRevision()
	switch confirmed {
	case wanted:
		return strconv.FormatInt(wanted, 10)
	case 0:
		return fmt.Sprintf("%d (on no edge%s)", wanted, whyUnsynced(site))
	}
	return fmt.Sprintf("%d (edges have %d%s)", wanted, confirmed, whyUnsynced(site))
}

// whyUnsynced is the reason for which the edges do not have what is wanted, behind
// a comma; empty when none is known.
func whyUnsynced(site *lifecyclev1.Site) string {
	for _, condition := range site.GetConditions() {
		if condition.GetType() == "EdgeSynced" && unmet(condition) && condition.GetReason() != "" {
			return ", " + condition.GetReason()
		}
	}
	return ""
}

func domainLine(domain *lifecyclev1.Domain) string {
	facts := []string{domainStatus(domain.GetStatus()), strings.ToLower(domainKind(domain.GetKind()))}
	if mode := domainMode(domain.GetMode()); mode != "" {
		facts = append(facts, strings.ToLower(mode))
	}
	return fmt.Sprintf("%s (%s)", domain.GetHostname(), strings.Join(facts, ", "))
}

// publicURL is where visitors find a domain. Behind Cloudflare that is HTTPS;
// an edge by itself speaks HTTP, at a port that only the config file knows.
func publicURL(domain *lifecyclev1.Domain, port int) string {
	address := url.URL{Scheme: "http", Host: domain.GetHostname(), Path: "/"}
	mode := domain.GetMode()
	behindCloudflare := mode == lifecyclev1.DomainMode_DOMAIN_MODE_MANAGED ||
		mode == lifecyclev1.DomainMode_DOMAIN_MODE_CUSTOM_HOSTNAME
	switch {
	case port != 0 && port != 80:
		address.Host = net.JoinHostPort(domain.GetHostname(), strconv.Itoa(port))
	case behindCloudflare:
		address.Scheme = "https"
	}
	return address.String()
}

func backendFacts(spec *lifecyclev1.SiteSpec) [][]string {
	var facts [][]string
	switch backend := spec.GetBackend().(type) {
	case *lifecyclev1.SiteSpec_Origin:
		facts = append(facts, []string{"Origin", originLine(backend.Origin)})
	case *lifecyclev1.SiteSpec_Redirect:
		facts = append(facts, []string{"Redirect", redirectLine(backend.Redirect)})
	}
	for _, route := range spec.GetRoutes() {
		line := route.GetPathPrefix() + " to " + originLine(route.GetOrigin())
		if route.GetStripPrefix() {
			line += ", prefix removed"
		}
		facts = append(facts, []string{"Route", line})
	}
	return facts
}

func originLine(origin *lifecyclev1.Origin) string {
	var addresses []string
	for _, target := range origin.GetTargets() {
		address := target.GetAddress()
		if target.GetWeight() > 1 {
			address += fmt.Sprintf(" (weight %d)", target.GetWeight())
		}
		addresses = append(addresses, address)
	}
	return strings.Join(addresses, ", ")
}

func redirectLine(redirect *lifecyclev1.Redirect) string {
	code := redirect.GetStatusCode()
	if code == 0 {
		code = 308
	}
	return fmt.Sprintf("%s (%d)", redirect.GetBaseUrl(), code)
}

func operationLine(operation *lifecyclev1.Operation) string {
	line := operation.GetKind()
	if operation.GetStep() != "" {
		line += " at " + operation.GetStep()
	}
	line += ", " + operationState(operation.GetState())
	if failed := operation.GetFailedAttempts(); failed > 0 {
		line += fmt.Sprintf(" after %d failed attempts", failed)
	}
	for _, part := range []string{operation.GetReason(), operation.GetMessage()} {
		if part != "" {
			line += ": " + part
		}
	}
	return line + " (" + operation.GetOperationId() + ")"
}

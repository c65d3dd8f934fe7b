package cli

import (
	"encoding/json"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// domainView shows one domain: how far it has come, the records to write for
// it, and what stands in its way.
type domainView struct {
	found *lifecyclev1.GetDomainResponse
	// checked says what is known of a look that was asked for; empty when none
	// was.
	checked    string
	publicPort int
	now        time.Time
}

func (v *domainView) json() (json.RawMessage, error) { return protoJSON(v.found) }

func (v *domainView) write(p *page) {
	domain := v.found.GetDomain()
	p.table(v.facts()...)
	if weWriteRecords(domain) {
		p.blank()
		p.printf("%s", recordsToWrite)
		p.printf("none: we write the records of this zone")
	}
	writeRecords(p, domain)
	if domain.GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASED { // of that nobody mends anything
		writeConditions(p, causal(domain.GetConditions()), v.now)
	}
}

// weWriteRecords reports whether the zone is one of ours, so that nobody else
// has to write anything.
func weWriteRecords(domain *lifecyclev1.Domain) bool {
	return domain.GetMode() == lifecyclev1.DomainMode_DOMAIN_MODE_MANAGED && claimed(domain) && len(recordsOf(domain)) == 0
}

func (v *domainView) facts() [][]string {
	domain := v.found.GetDomain()
	facts := [][]string{
		{"ID", domain.GetDomainId()},
		{"Hostname", bothForms(domain.GetHostname())},
		{"Site", domain.GetSiteId()},
		{"Mode", modeLine(domain)},
		{"Status", domainStatus(domain.GetStatus())},
		{"Primary", yesNo(domain.GetPrimary())},
	}
	if claimed(domain) {
		facts = append(facts, []string{"URL", publicURL(domain, v.publicPort)})
	}
	if v.checked != "" {
		facts = append(facts, []string{"Checked", v.checked})
	}
	facts = append(facts, []string{"Next attempt", upcoming(nextAttempt(domain.GetConditions()), v.now)})
	if operation := v.found.GetOperation(); operation != nil {
		facts = append(facts, []string{"Operation", operationLine(operation)})
	}
	return append(facts, []string{"Created", moment(domain.GetCreateTime(), v.now)}, []string{"Updated", moment(domain.GetUpdateTime(), v.now)})
}

// modeLine is the mode of a domain, and that it was asked for where another
// would have been taken.
func modeLine(domain *lifecyclev1.Domain) string {
	mode := strings.ToLower(domainMode(domain.GetMode()))
	switch {
	case mode == "" && domain.GetDirect():
		return "not chosen yet (direct was asked for)"
	case mode == "":
		return "not chosen yet"
	}
	return mode
}

func upcoming(at *timestamppb.Timestamp, now time.Time) string {
	if at == nil {
		return ""
	}
	return until(at, now) + " (" + at.AsTime().Format(time.RFC3339) + ")"
}

func yesNo(value bool) string {
	if value {
		return "yes"
	}
	return "no"
}

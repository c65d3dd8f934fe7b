package cloudflare

import (
	"fmt"

	"github.com/siteplane/siteplane/services/tunnel/internal/diagnosis"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// retried ends the fix of what we try again by ourselves.
const retried = "Then wait: the route is tried again by itself."

func recordInTheWay(r Record, zone string) diagnosis.Diagnosis {
	what := fmt.Sprintf("%s record %s", r.Type, r.Name)
	return diagnosis.Diagnosis{
		Code: diagnosis.RecordInTheWay, Actor: diagnosis.Operator,
		Summary:  fmt.Sprintf("The %s in zone %s is not ours and stands where our record must go.", what, zone),
		Observed: []string{fmt.Sprintf("%s %s %s", r.Name, r.Type, r.Content)},
		Fix:      []string{fmt.Sprintf("Delete or rename the %s in zone %s.", what, zone), retried},
		Since:    r.Modified.Time,
	}
}

func hostnameInTheWay(h CustomHostname) diagnosis.Diagnosis {
	return diagnosis.Diagnosis{
		Code: diagnosis.RecordInTheWay, Actor: diagnosis.Operator,
		Summary:  fmt.Sprintf("The zone for custom hostnames has one for %s that is not ours.", h.Hostname),
		Observed: []string{fmt.Sprintf("custom hostname %s, id %s, status %s", h.Hostname, h.ID, h.Status)},
		Fix:      []string{fmt.Sprintf("Delete the custom hostname %s in zone %s.", h.Hostname, h.ZoneID), retried},
		Since:    h.Created.Time,
	}
}

func ruleInTheWay(hostname string, r rule, tunnelID string) diagnosis.Diagnosis {
	return diagnosis.Diagnosis{
		Code: diagnosis.RecordInTheWay, Actor: diagnosis.Operator,
		Summary:  fmt.Sprintf("Tunnel %s has a rule for %s that is not ours.", tunnelID, hostname),
		Observed: []string{fmt.Sprintf("ingress rule %s%s to %s", r.Hostname, r.Path, r.Service)},
		Fix:      []string{fmt.Sprintf("Delete the public hostname %s of tunnel %s, or give it another name.", hostname, tunnelID), retried},
	}
}

func zoneNotSeen(w route.Route) diagnosis.Diagnosis {
	return diagnosis.Diagnosis{
		Code: diagnosis.CloudflarePermission, Actor: diagnosis.Operator,
		Summary:  fmt.Sprintf("The token does not see zone %s, which holds %s.", w.ZoneID, w.Hostname),
		Expected: []string{"permissions Zone:Read and Zone:DNS:Edit for the zone"},
		Fix:      []string{"Give the token these permissions, or move the zone back into the account.", retried},
	}
}

// refusedDiagnosis is for what Cloudflare refuses to do, in its own words.
func refusedDiagnosis(change Change, refused *refusal) diagnosis.Diagnosis {
	return diagnosis.Diagnosis{
		Code: diagnosis.ServiceUnavailable, Actor: diagnosis.Operator,
		Summary:  fmt.Sprintf("Cloudflare refuses a change of the %s.", change.What()),
		Observed: []string{refused.message},
		Fix:      []string{"Mend what Cloudflare names.", retried},
	}
}

func noRule(hostname, tunnelID string) diagnosis.Diagnosis {
	return diagnosis.Diagnosis{
		Code: diagnosis.TunnelNoRule, Actor: diagnosis.Operator,
		Summary: fmt.Sprintf("Tunnel %s has no rule that sends %s to the edge.", tunnelID, hostname),
		Fix:     []string{"Wait: the rule is written by itself. If it goes missing again, find out who else writes the tunnel's configuration."},
	}
}

// noCustomHostnames is the problem of routes that the settings do not allow.
func noCustomHostnames() diagnosis.Diagnosis {
	return diagnosis.Diagnosis{
		Code: diagnosis.CustomHostnamePending, Actor: diagnosis.Operator,
		Summary: "The tunnel service has no zone for custom hostnames.",
		Fix:     []string{"Set the zone with Cloudflare for SaaS and the name in it that custom hostnames lead to."},
	}
}

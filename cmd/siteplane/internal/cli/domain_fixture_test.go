package cli_test

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	domainPending   = lifecyclev1.DomainStatus_DOMAIN_STATUS_PENDING_DNS
	domainActive    = lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE
	domainRouted    = lifecyclev1.DomainStatus_DOMAIN_STATUS_ROUTED
	domainFailed    = lifecyclev1.DomainStatus_DOMAIN_STATUS_ERROR
	domainReleasing = lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASING
	domainReleased  = lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASED

	token = "siteplane-verify=3f1c0a"
)

// domainIn is the domain of a tenant's own name, seen by GetDomain.
func domainIn(status lifecyclev1.DomainStatus, conditions ...*lifecyclev1.Condition) *lifecyclev1.GetDomainResponse {
	return &lifecyclev1.GetDomainResponse{Domain: &lifecyclev1.Domain{
		DomainId: "dom_02", SiteId: "site_01", Hostname: "www.shop.example",
		Kind: lifecyclev1.DomainKind_DOMAIN_KIND_CUSTOM, Status: status, Conditions: conditions,
		Instructions: []*lifecyclev1.Instruction{{
			Purpose: lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_OWNERSHIP,
			Type:    "TXT", Name: "_siteplane-challenge.www.shop.example", Value: token,
		}},
		CreateTime: ago(5 * time.Minute), UpdateTime: ago(2 * time.Second),
	}}
}

// inMode gives a domain its mode and the records that lead visitors in it.
func inMode(found *lifecyclev1.GetDomainResponse, mode lifecyclev1.DomainMode, traffic ...*lifecyclev1.Instruction) *lifecyclev1.GetDomainResponse {
	found.Domain.Mode = mode
	found.Domain.Instructions = append(found.Domain.Instructions, traffic...)
	return found
}

func cname() *lifecyclev1.Instruction {
	return &lifecyclev1.Instruction{
		Purpose: lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_TRAFFIC,
		Type:    "CNAME", Name: "www.shop.example", Value: "edges.siteplane.example",
	}
}

func unowned(hostname string) *lifecyclev1.Condition {
	return &lifecyclev1.Condition{
		Type: "Owned", Status: lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE, Reason: "OWNERSHIP_TXT_MISSING",
		Message:  "the ownership record of " + hostname + " is not there",
		Evidence: []string{"ns1.dns.example: no TXT at _siteplane-challenge." + hostname, "ns2.dns.example: the same"},
		Actor:    diagnosisv1.Actor_ACTOR_TENANT,
		Fix:      []string{"Add: _siteplane-challenge." + hostname + " TXT " + token},
		Since:    ago(90 * time.Second), NextAttemptAt: timestamppb.New(start.Add(40 * time.Second)), TraceId: "4bf92f35",
	}
}

func misled() *lifecyclev1.Condition {
	return &lifecyclev1.Condition{
		Type: "Resolves", Status: lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE, Reason: "DNS_WRONG_TARGET",
		Message:  "www.shop.example leads to old.hoster.example",
		Evidence: []string{"ns1.shop.example: www.shop.example CNAME old.hoster.example"},
		Actor:    diagnosisv1.Actor_ACTOR_TENANT,
		Fix: []string{
			"Delete: www.shop.example CNAME old.hoster.example", "Add: www.shop.example CNAME edges.siteplane.example",
		},
		Since: ago(time.Hour), NextAttemptAt: timestamppb.New(start.Add(5 * time.Minute)),
	}
}

func contested() *lifecyclev1.Condition {
	return &lifecyclev1.Condition{
		Type: "Owned", Status: lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE, Reason: "TRANSFER_PENDING",
		Message: "another tenant holds www.shop.example and has until 2026-03-17T09:26:53Z to prove it again",
		Actor:   diagnosisv1.Actor_ACTOR_NOBODY,
		Since:   ago(time.Minute), NextAttemptAt: timestamppb.New(start.Add(72 * time.Hour)),
	}
}

// pendingDomain waits for both records in direct mode; the internationalized
// name shows in both its forms.
func pendingDomain() *lifecyclev1.GetDomainResponse {
	v4 := &lifecyclev1.Instruction{
		Purpose: lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_TRAFFIC, Type: "A", Name: "xn--bcher-kva.example", Value: "192.0.2.1",
		Note: "one of these is enough, all of them is better",
	}
	v6 := &lifecyclev1.Instruction{Purpose: v4.Purpose, Type: "AAAA", Name: v4.Name, Value: "2001:db8::1", Note: v4.Note}
	servfail := unresolved()
	servfail.Actor = diagnosisv1.Actor_ACTOR_NOBODY
	found := inMode(domainIn(domainPending, servfail, unowned(v4.GetName())), lifecyclev1.DomainMode_DOMAIN_MODE_DIRECT, v4, v6)
	found.Domain.Hostname, found.Domain.Instructions[0].Name = v4.Name, "_siteplane-challenge."+v4.Name
	return found
}

func misledDomain() *lifecyclev1.GetDomainResponse {
	waiting := &lifecyclev1.Condition{
		Type: "Serving", Status: lifecyclev1.ConditionStatus_CONDITION_STATUS_UNKNOWN, Reason: "WAITING", Since: ago(time.Hour),
	}
	return inMode(domainIn(domainRouted, waiting, misled(), confirmed("Owned")), lifecyclev1.DomainMode_DOMAIN_MODE_CUSTOM_HOSTNAME, cname())
}

// holder is an ACTIVE domain whose name another tenant has proved.
func holder() *lifecyclev1.GetDomainResponse {
	found := inMode(domainIn(domainActive, confirmed("Owned"), confirmed("Serving")), lifecyclev1.DomainMode_DOMAIN_MODE_CUSTOM_HOSTNAME, cname())
	found.Domain.Primary = true
	found.Domain.Instructions[0] = &lifecyclev1.Instruction{
		Purpose: lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_KEEP,
		Type:    "TXT", Name: "_siteplane-challenge.www.shop.example", Value: "siteplane-verify=77aa00",
		Note: "another tenant has proved this name; without this record it is theirs from 2026-03-17T09:26:53Z",
	}
	return found
}

func managedDomain() *lifecyclev1.GetDomainResponse {
	granted := &lifecyclev1.Condition{
		Type: "Owned", Status: lifecyclev1.ConditionStatus_CONDITION_STATUS_NOT_APPLICABLE, Reason: "ZONE_GRANTED", Since: ago(time.Minute),
	}
	found := inMode(domainIn(domainPending, granted), lifecyclev1.DomainMode_DOMAIN_MODE_MANAGED)
	found.Domain.Instructions = nil
	found.Operation = activation()
	return found
}

func activation() *lifecyclev1.Operation {
	return &lifecyclev1.Operation{
		OperationId: "op_02", Kind: "activate_domain", ObjectId: "dom_02", Step: "route",
		State: lifecyclev1.OperationState_OPERATION_STATE_RUNNING, CreateTime: ago(time.Second),
	}
}

func servingDomain() *lifecyclev1.GetDomainResponse {
	found := inMode(domainIn(domainActive, confirmed("Owned"), confirmed("Resolves"), confirmed("Serving")),
		lifecyclev1.DomainMode_DOMAIN_MODE_CUSTOM_HOSTNAME, cname())
	found.Domain.Primary = true
	return found
}

func hostileDomain() *lifecyclev1.GetDomainResponse {
	found := domainIn(domainPending, unowned("www.shop.example"))
	found.Domain.Instructions[0].Value, found.Domain.Instructions[0].Note = hostile, hostile
	found.Domain.Conditions[0].Evidence, found.Domain.Conditions[0].Reason = []string{hostile}, hostile
	return found
}

// blogDomain has several things wrong: one that is not known, and two that are.
func blogDomain() *lifecyclev1.GetDomainResponse {
	serving, owned := misled(), unresolved()
	serving.Type, serving.Reason = "Serving", "PROBE_NOT_OURS"
	owned.Type = "Owned"
	found := domainIn(domainRouted, owned, serving, misled())
	found.Domain.Hostname = "blog.shop.example"
	return found
}

// twoDomainPages hold a name twice: once on its way out, once claimed again.
func twoDomainPages() map[string]*lifecyclev1.ListDomainsResponse {
	old := domainIn(domainReleasing).Domain
	old.DomainId = "dom_01"
	return map[string]*lifecyclev1.ListDomainsResponse{
		"":     {Domains: []*lifecyclev1.Domain{old, pendingDomain().Domain}, NextPageToken: "more"},
		"more": {Domains: []*lifecyclev1.Domain{misledDomain().Domain, blogDomain().Domain}},
	}
}

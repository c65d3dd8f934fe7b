package api

import (
	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"
	"github.com/siteplane/siteplane/internal/platform/rpc"
)

// Policy says who may call what: lifecycle, and nobody else.
func Policy() rpc.Policy {
	lifecycle := []string{"/service/lifecycle"}
	return rpc.Policy{
		dnsvalidatorv1.DNSValidatorService_CheckAddresses_FullMethodName: lifecycle,
		dnsvalidatorv1.DNSValidatorService_CheckOwnership_FullMethodName: lifecycle,
		dnsvalidatorv1.DNSValidatorService_ProbeHostname_FullMethodName:  lifecycle,
	}
}

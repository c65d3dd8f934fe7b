package api

import (
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"strings"

	"google.golang.org/grpc/codes"

	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"
	"github.com/siteplane/siteplane/internal/platform/hostname"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/check"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/probe"
)

// invalid is INVALID_ARGUMENT for one field.
func invalid(field, description string) error {
	return rpcerr.New(codes.InvalidArgument, rpcerr.ReasonInvalidFields, field+" "+description,
		rpcerr.Violation(field, description))
}

func checkHostname(name string) error {
	if err := hostname.Check(name); err != nil {
		return invalid("hostname", err.Error())
	}
	return nil
}

// addresses reads the addresses of edges. An IPv4 address in IPv6 dress is meant
// as IPv4.
func addresses(texts []string) ([]netip.Addr, error) {
	addrs := make([]netip.Addr, 0, len(texts))
	for i, text := range texts {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return nil, invalid(fmt.Sprintf("edge_addresses[%d]", i), "is not an IP address")
		}
		addrs = append(addrs, addr.Unmap())
	}
	return addrs, nil
}

// destination reads where a hostname should lead, which must be said somehow.
func destination(request *dnsvalidatorv1.CheckAddressesRequest) (check.Destination, error) {
	wanted := check.Destination{
		Hostname: request.GetHostname(), Target: request.GetTarget(), AcceptCloudflare: request.GetAcceptCloudflare(),
	}
	if err := checkHostname(wanted.Hostname); err != nil {
		return wanted, err
	}
	if wanted.Target != "" {
		if err := checkName("target", wanted.Target); err != nil {
			return wanted, err
		}
	}
	if len(request.GetEdgeAddresses()) == 0 && wanted.Target == "" && !wanted.AcceptCloudflare {
		return wanted, invalid("edge_addresses", "must name at least one address where there is neither a target nor accept_cloudflare")
	}
	var err error
	wanted.Edges, err = addresses(request.GetEdgeAddresses())
	return wanted, err
}

// ownership reads what to look for. A record beside the hostname or above it would
// show who owns something else.
func ownership(request *dnsvalidatorv1.CheckOwnershipRequest) (check.Ownership, error) {
	wanted := check.Ownership{Hostname: request.GetHostname(), RecordName: request.GetRecordName(), Token: request.GetToken()}
	if err := checkHostname(wanted.Hostname); err != nil {
		return wanted, err
	}
	if err := checkName("record_name", wanted.RecordName); err != nil {
		return wanted, err
	}
	if !strings.HasSuffix(wanted.RecordName, "."+wanted.Hostname) {
		return wanted, invalid("record_name", "is not below the hostname")
	}
	if strings.ContainsFunc(wanted.Token, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		return wanted, invalid("token", "has a character other than printable ASCII without space, quote and backslash")
	}
	return wanted, nil
}

// checkName takes a name as hostname does, and labels with underscores too.
func checkName(field, name string) error {
	if err := hostname.Check(strings.ReplaceAll(name, "_", "0")); err != nil {
		return invalid(field, err.Error())
	}
	return nil
}

func probeRequest(request *dnsvalidatorv1.ProbeHostnameRequest) (probe.Request, error) {
	wanted := probe.Request{Hostname: request.GetHostname()}
	if err := checkHostname(wanted.Hostname); err != nil {
		return wanted, err
	}
	for _, edge := range request.GetAcceptedEdges() {
		wanted.Edges = append(wanted.Edges, probe.Edge{ID: edge.GetEdgeId(), Key: ed25519.PublicKey(edge.GetPublicKey())})
	}
	if request.GetPolicy() != dnsvalidatorv1.ProbePolicy_PROBE_POLICY_EDGE {
		return wanted, nil
	}
	if len(request.GetEdgeAddresses()) == 0 {
		return wanted, invalid("edge_addresses", "must name at least one address with policy EDGE")
	}
	var err error
	wanted.Addresses, err = addresses(request.GetEdgeAddresses())
	return wanted, err
}

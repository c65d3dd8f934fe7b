// Package id makes and checks the prefixed, time-ordered identifiers (TypeID
// over UUIDv7) that every object carries. Within one process, later ids sort
// after earlier ones.
package id

import (
	"fmt"

	"github.com/google/uuid"
	"go.jetify.com/typeid"
)

// The kinds of identifiers. Each is a string such as "site_01h455vb4pex5vsknk084sn02q".
type (
	// Tenant identifies a tenant, ten_...
	Tenant string
	// Key identifies an API key, key_...
	Key string
	// Site identifies a site, site_...
	Site string
	// Domain identifies a domain, dom_...
	Domain string
	// Edge identifies an edge, edge_...
	Edge string
	// Tunnel identifies a tunnel, tun_...
	Tunnel string
	// Operation identifies an operation, op_...
	Operation string
	// Drift identifies a drift, drift_...
	Drift string
	// JoinToken identifies a join token, join_...
	JoinToken string
)

// The prefixes of the kinds.
const (
	TenantPrefix    = "ten"
	KeyPrefix       = "key"
	SitePrefix      = "site"
	DomainPrefix    = "dom"
	EdgePrefix      = "edge"
	TunnelPrefix    = "tun"
	OperationPrefix = "op"
	DriftPrefix     = "drift"
	JoinTokenPrefix = "join"
)

// NewTenant returns a new tenant id.
func NewTenant() Tenant { return Tenant(generate(TenantPrefix)) }

// NewKey returns a new API key id.
func NewKey() Key { return Key(generate(KeyPrefix)) }

// NewSite returns a new site id.
func NewSite() Site { return Site(generate(SitePrefix)) }

// NewDomain returns a new domain id.
func NewDomain() Domain { return Domain(generate(DomainPrefix)) }

// NewEdge returns a new edge id.
func NewEdge() Edge { return Edge(generate(EdgePrefix)) }

// NewTunnel returns a new tunnel id.
func NewTunnel() Tunnel { return Tunnel(generate(TunnelPrefix)) }

// NewDrift returns a new drift id.
func NewDrift() Drift { return Drift(generate(DriftPrefix)) }

// NewJoinToken returns a new join token id.
func NewJoinToken() JoinToken { return JoinToken(generate(JoinTokenPrefix)) }

// NewOperation returns a new operation id.
func NewOperation() Operation { return Operation(generate(OperationPrefix)) }

// ParseSite checks that s is a well-formed site id.
func ParseSite(s string) (Site, error) { return Site(s), check(SitePrefix, s) }

// ParseDomain checks that s is a well-formed domain id.
func ParseDomain(s string) (Domain, error) { return Domain(s), check(DomainPrefix, s) }

// ParseKey checks that s is a well-formed key id.
func ParseKey(s string) (Key, error) { return Key(s), check(KeyPrefix, s) }

// ParseEdge checks that s is a well-formed edge id.
func ParseEdge(s string) (Edge, error) { return Edge(s), check(EdgePrefix, s) }

func generate(prefix string) string {
	// uuid.NewV7 is monotonic within a millisecond, typeid's own generator is not.
	u := uuid.Must(uuid.NewV7())
	return typeid.Must(typeid.FromUUIDBytesWithPrefix(prefix, u[:])).String()
}

func check(prefix, s string) error {
	tid, err := typeid.FromString(s)
	if err != nil {
		return fmt.Errorf("%q is no id: %w", s, err)
	}
	if tid.Prefix() != prefix {
		return fmt.Errorf("%q is no %s id", s, prefix)
	}
	return nil
}

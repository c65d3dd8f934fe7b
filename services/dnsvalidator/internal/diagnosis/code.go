package diagnosis

// Code names one kind of fault, as in the proto enum without its prefix. It is
// also the name of its page in docs/diagnoses.
type Code string

// The faults that this service can find.
const (
	DNSCNAMELoop      Code = "DNS_CNAME_LOOP"
	DNSCNAMETooLong   Code = "DNS_CNAME_TOO_LONG"
	DNSNXDomain       Code = "DNS_NXDOMAIN"
	DNSNoAddress      Code = "DNS_NO_ADDRESS"
	DNSPrivateAddress Code = "DNS_PRIVATE_ADDRESS"
	DNSWrongTarget    Code = "DNS_WRONG_TARGET"
	DNSServFail       Code = "DNS_SERVFAIL"
	DNSNSDisagree     Code = "DNS_NS_DISAGREE"
	DNSTXTDoubleLabel Code = "DNS_TXT_DOUBLE_LABEL"

	OwnershipTXTMissing Code = "OWNERSHIP_TXT_MISSING"
	OwnershipTXTWrong   Code = "OWNERSHIP_TXT_WRONG"

	ProxyUnexpected  Code = "PROXY_UNEXPECTED"
	ProxyNotOurs     Code = "PROXY_NOT_OURS"
	ProbeNotOurs     Code = "PROBE_NOT_OURS"
	ProbeUnreachable Code = "PROBE_UNREACHABLE"
)

// Severity says how much a fault stands in the way.
type Severity string

// The severities that this service gives.
const (
	Warn  Severity = "WARN"
	Error Severity = "ERROR"
)

// Actor says who must act.
type Actor string

// The actors that this service names.
const (
	Tenant   Actor = "TENANT"
	Operator Actor = "OPERATOR"
)

// kind is what is always true of a fault.
type kind struct {
	code     Code
	severity Severity
	actor    Actor
}

// kinds is the closed table of faults, in the order of what to mend first.
var kinds = []kind{
	{DNSCNAMELoop, Error, Tenant},
	{DNSCNAMETooLong, Error, Tenant},
	{DNSNSDisagree, Error, Tenant},
	{DNSNXDomain, Error, Tenant},
	{DNSNoAddress, Error, Tenant},
	{DNSTXTDoubleLabel, Error, Tenant},
	{OwnershipTXTMissing, Error, Tenant},
	{OwnershipTXTWrong, Error, Tenant},
	{DNSPrivateAddress, Error, Tenant},
	{ProxyUnexpected, Error, Tenant},
	{DNSWrongTarget, Error, Tenant},
	{DNSServFail, Error, Tenant},
	{ProxyNotOurs, Error, Tenant},
	{ProbeNotOurs, Error, Tenant},
	{ProbeUnreachable, Error, Operator},
}

package validator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	dnslib "github.com/miekg/dns"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"
	"github.com/siteplane/siteplane/services/dnsvalidator/app"
)

// Two servers of bind9 hold the zones, unbound resolves them.
const (
	hostNS1, hostNS2, loopback = "127.0.0.2", "127.0.0.3", "127.0.0.1"

	token   = "siteplane-verify=0123456789abcdef"
	foreign = "siteplane-verify=fedcba9876543210"
)

// head begins each zone; its verb is the serial number. Names are relative.
const head = `$TTL 60
@ SOA ns1.example.test. hostmaster.example.test. %d 3600 600 86400 3600
@ NS ns1.example.test.
@ NS ns2.example.test.
`

// common is what both servers have in example.test.
const common = `ns1 A 127.0.0.2
ns2 A 127.0.0.3
proof TXT "` + token + `"

_siteplane-challenge.ok TXT "` + token + `"
_siteplane-challenge.among TXT "v=spf1 -all"
_siteplane-challenge.among TXT "` + foreign + `"
_siteplane-challenge.among TXT "` + token + `"
_siteplane-challenge.strings TXT "siteplane-verify=" "0123456789abcdef"
_siteplane-challenge.alias CNAME proof
below DNAME elsewhere
_siteplane-challenge.elsewhere TXT "` + token + `"

_siteplane-challenge.pointed TXT "` + token + `"
moved CNAME www.broken.test.
_siteplane-challenge.moved TXT "` + token + `"

_siteplane-challenge.wrong TXT "` + foreign + `"
_siteplane-challenge.empty HINFO "no" "text"
_siteplane-challenge.double.example.test TXT "` + token + `"
*.wild TXT "` + token + `"
*.drawn CNAME proof
_siteplane-challenge.loop CNAME b.loop
b.loop CNAME _siteplane-challenge.loop
_siteplane-challenge.dead CNAME proof.broken.test.

@ A 127.0.0.9
edge A 127.0.0.1
aliased CNAME edge
elsewhere A 127.0.0.9
private A 10.0.0.1
cloud A 104.16.1.1
target A 127.0.0.9
pointed CNAME target
`

// Where the servers differ: the record is only at one, or differs.
const (
	onlyNS1 = `_siteplane-challenge.lags TXT "` + token + `"
_siteplane-challenge.lies TXT "` + token + `"
split A 127.0.0.1
`
	onlyNS2 = `_siteplane-challenge.lies TXT "` + foreign + `"
split A 127.0.0.9
`
)

// crowd is a token behind sixty other records, too long for UDP.
func crowd() string {
	var lines strings.Builder
	for i := range 60 {
		fmt.Fprintf(&lines, "_siteplane-challenge.crowd TXT \"%060d\"\n", i)
	}
	return lines.String() + "_siteplane-challenge.crowd TXT \"" + token + "\"\n"
}

func zoneFile(serial int, parts ...string) string {
	return fmt.Sprintf(head, serial) + strings.Join(parts, "")
}

// bind runs bind9 as if at an address. It cannot load broken.test, so it fails
// there. It holds half.test only when told, and refuses it else.
func bind(t *testing.T, host string, port int, example string, holdsHalf bool) *daemon {
	t.Helper()
	own := freePort(t, loopback)
	configuration := fmt.Sprintf(`options {
	directory "DIR"; listen-on port %d { %s; }; listen-on-v6 { none; };
	pid-file none; session-keyfile none; lock-file none; managed-keys-directory "DIR";
	recursion no; allow-transfer { none; }; notify no; dnssec-validation no;
};
controls { };
zone "example.test" { type primary; file "DIR/example"; };
zone "broken.test" { type primary; file "DIR/none"; };
`, own, loopback)
	if holdsHalf {
		configuration += `zone "half.test" { type primary; file "DIR/half"; };` + "\n"
	}
	d := launch(t, "named", map[string]string{
		"configuration": configuration, "example": example,
		"half": zoneFile(1, `_siteplane-challenge.www TXT "`+token+`"`+"\n"),
	}, "-g", "-4", "-n", "1")
	relay(t, host, port, fmt.Sprintf("%s:%d", loopback, own))
	d.await(t, fmt.Sprintf("%s:%d", host, port), "_siteplane-challenge.ok.example.test", hasText)
	return d
}

// unbound runs a resolver that finds the zones at the servers.
func unbound(t *testing.T, port, authorities int) {
	t.Helper()
	configuration := fmt.Sprintf(`server:
	interface: %s
	port: %d
	directory: "DIR"
	chroot: ""
	username: ""
	pidfile: ""
	use-syslog: no
	logfile: ""
	num-threads: 1
	do-ip6: no
	do-not-query-localhost: no
	module-config: "iterator"
	local-zone: "test." nodefault
remote-control:
	control-enable: no
`, loopback, port)
	for _, zone := range []string{"example.test", "half.test", "broken.test"} {
		configuration += fmt.Sprintf("stub-zone:\n\tname: %q\n\tstub-addr: %s@%d\n\tstub-addr: %s@%d\n", zone, hostNS1, authorities, hostNS2, authorities)
	}
	d := launch(t, "unbound", map[string]string{"configuration": configuration}, "-d")
	d.await(t, fmt.Sprintf("%s:%d", loopback, port), "_siteplane-challenge.ok.example.test", hasText)
}

// realWorld is the two servers with the resolver, and a validator that finds its
// way by itself.
type realWorld struct {
	ns1, ns2    *daemon
	authorities int
	resolver    string
	validator   dnsvalidatorv1.DNSValidatorServiceClient
}

func realDNS(t *testing.T) realWorld {
	t.Helper()
	w := realWorld{authorities: freePort(t, hostNS1, hostNS2)}
	w.ns1 = bind(t, hostNS1, w.authorities, zoneFile(2, common, crowd(), onlyNS1), true)
	w.ns2 = bind(t, hostNS2, w.authorities, zoneFile(1, common, crowd(), onlyNS2), false)
	resolver := freePort(t, loopback)
	w.resolver = fmt.Sprintf("%s:%d", loopback, resolver)
	unbound(t, resolver, w.authorities)
	w.validator = validate(t, app.Config{Resolvers: []string{w.resolver}, AuthorityPort: w.authorities, QueryTimeout: time.Second})
	return w
}

func (w realWorld) owns(t *testing.T, hostname string) *dnsvalidatorv1.CheckOwnershipResponse {
	t.Helper()
	found, err := w.validator.CheckOwnership(t.Context(), &dnsvalidatorv1.CheckOwnershipRequest{
		Hostname: hostname, RecordName: "_siteplane-challenge." + hostname, Token: token,
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const (
	confirmed    = dnsvalidatorv1.Outcome_OUTCOME_CONFIRMED
	contradicted = dnsvalidatorv1.Outcome_OUTCOME_CONTRADICTED
	unknown      = dnsvalidatorv1.Outcome_OUTCOME_UNKNOWN
)

func TestValidator_at_real_servers(t *testing.T) {
	w := realDNS(t)
	t.Run("finds who owns a name", w.findsOwners)
	t.Run("finds where a name leads", w.findsDestinations)
	t.Run("believes the servers and not an old answer of a resolver", w.believesServers) // changes the zone
}

func (w realWorld) findsOwners(t *testing.T) {
	for hostname, test := range map[string]struct {
		outcome dnsvalidatorv1.Outcome
		code    diagnosisv1.Code
	}{
		"ok.example.test":      {confirmed, 0},
		"among.example.test":   {confirmed, 0},
		"strings.example.test": {confirmed, 0},
		"crowd.example.test":   {confirmed, 0},
		"alias.example.test":   {confirmed, 0},
		"below.example.test":   {confirmed, 0},
		"pointed.example.test": {confirmed, 0},
		"moved.example.test":   {confirmed, 0}, // its alias leads to a zone that fails
		"none.example.test":    {contradicted, diagnosisv1.Code_CODE_OWNERSHIP_TXT_MISSING},
		"empty.example.test":   {contradicted, diagnosisv1.Code_CODE_OWNERSHIP_TXT_MISSING},
		"wrong.example.test":   {contradicted, diagnosisv1.Code_CODE_OWNERSHIP_TXT_WRONG},
		"wild.example.test":    {contradicted, diagnosisv1.Code_CODE_OWNERSHIP_TXT_WRONG},
		"drawn.example.test":   {contradicted, diagnosisv1.Code_CODE_OWNERSHIP_TXT_WRONG},
		"double.example.test":  {contradicted, diagnosisv1.Code_CODE_DNS_TXT_DOUBLE_LABEL},
		"loop.example.test":    {contradicted, diagnosisv1.Code_CODE_DNS_CNAME_LOOP},
		"lags.example.test":    {unknown, diagnosisv1.Code_CODE_DNS_NS_DISAGREE},
		"lies.example.test":    {unknown, diagnosisv1.Code_CODE_DNS_NS_DISAGREE},
		"dead.example.test":    {unknown, diagnosisv1.Code_CODE_DNS_SERVFAIL},
		"www.half.test":        {unknown, diagnosisv1.Code_CODE_DNS_SERVFAIL},
		"www.broken.test":      {unknown, diagnosisv1.Code_CODE_DNS_SERVFAIL},
	} {
		t.Run(hostname, func(t *testing.T) {
			found := w.owns(t, hostname)
			if got := codes(found.GetDiagnoses()); found.GetOutcome() != test.outcome || got != only(test.code) {
				t.Errorf("%s with %q, want %s with %q\n%v", found.GetOutcome(), got, test.outcome, only(test.code), found.GetObservations())
			}
		})
	}
}

func (w realWorld) findsDestinations(t *testing.T) {
	edges := &dnsvalidatorv1.CheckAddressesRequest{EdgeAddresses: []string{edge}}
	target := &dnsvalidatorv1.CheckAddressesRequest{Target: "target.example.test", AcceptCloudflare: true}
	for title, test := range map[string]struct {
		request  *dnsvalidatorv1.CheckAddressesRequest
		hostname string
		outcome  dnsvalidatorv1.Outcome
		codes    string
		fix      string
	}{
		"an edge":           {edges, "edge.example.test", confirmed, "", ""},
		"by an alias":       {edges, "aliased.example.test", confirmed, "", ""},
		"nowhere":           {edges, "none.example.test", contradicted, "CODE_DNS_NXDOMAIN", "Add: none.example.test. 300 IN A 127.0.0.1"},
		"no address":        {edges, "proof.example.test", contradicted, "CODE_DNS_NO_ADDRESS", "Add: proof.example.test. 300 IN A 127.0.0.1"},
		"elsewhere":         {edges, "elsewhere.example.test", contradicted, "CODE_DNS_WRONG_TARGET", "Delete: elsewhere.example.test. A 127.0.0.9"},
		"a private address": {edges, "private.example.test", contradicted, "CODE_DNS_PRIVATE_ADDRESS", "Delete: private.example.test. A 10.0.0.1"},
		"Cloudflare":        {edges, "cloud.example.test", contradicted, "CODE_PROXY_UNEXPECTED", "'DNS only'"},
		"servers disagree": {edges, "split.example.test", contradicted, "CODE_DNS_NS_DISAGREE CODE_DNS_WRONG_TARGET",
			"make ns2.example.test serve the same records as ns1.example.test"},
		"servers fail":                   {edges, "www.broken.test", unknown, "CODE_DNS_SERVFAIL", ""},
		"the target":                     {target, "pointed.example.test", confirmed, "", ""},
		"Cloudflare hides the target":    {target, "cloud.example.test", confirmed, "", ""},
		"elsewhere than the target":      {target, "elsewhere.example.test", contradicted, "CODE_DNS_WRONG_TARGET", "Add: elsewhere.example.test. 300 IN CNAME target.example.test."},
		"the root, not at the target":    {target, "example.test", contradicted, "CODE_DNS_WRONG_TARGET", "Add: example.test. 300 IN ALIAS target.example.test."},
		"nothing, instead of the target": {target, "none.example.test", contradicted, "CODE_DNS_NXDOMAIN", "Add: none.example.test. 300 IN CNAME target.example.test."},
	} {
		t.Run(title, func(t *testing.T) {
			request := &dnsvalidatorv1.CheckAddressesRequest{
				Hostname: test.hostname, EdgeAddresses: test.request.GetEdgeAddresses(),
				Target: test.request.GetTarget(), AcceptCloudflare: test.request.GetAcceptCloudflare(),
			}
			found, err := w.validator.CheckAddresses(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if got := codes(found.GetDiagnoses()); found.GetOutcome() != test.outcome || got != test.codes {
				t.Errorf("%s with %q, want %s with %q\n%v", found.GetOutcome(), got, test.outcome, test.codes, found.GetObservations())
			}
			if d := found.GetDiagnoses(); len(d) > 0 && !strings.Contains(strings.Join(d[0].GetFix(), "\n"), test.fix) {
				t.Errorf("fix is %q", d[0].GetFix())
			}
		})
	}
}

func (w realWorld) believesServers(t *testing.T) {
	const hostname, record = "late.example.test", "_siteplane-challenge.late.example.test"
	if found := w.owns(t, hostname); found.GetOutcome() != contradicted {
		t.Fatalf("before the record is there: %v", found)
	}
	for i, server := range []*daemon{w.ns1, w.ns2} {
		server.write(t, "example", zoneFile(3, common, crowd(), "_siteplane-challenge.late TXT \""+token+"\"\n"))
		server.reload(t)
		server.await(t, fmt.Sprintf("%s:%d", []string{hostNS1, hostNS2}[i], w.authorities), record, hasText)
	}
	found := w.owns(t, hostname)
	if found.GetOutcome() != confirmed || len(found.GetDiagnoses()) != 0 {
		t.Errorf("%s with %v", found.GetOutcome(), found.GetDiagnoses())
	}
	for _, o := range found.GetObservations() {
		if o.GetServer() == w.resolver && o.GetType() == "TXT" {
			if o.GetRcode() != dnslib.RcodeToString[dnslib.RcodeNameError] {
				t.Errorf("the resolver no longer has the old answer, so this test shows nothing: %v", o)
			}
			return
		}
	}
	t.Error("the resolver was not asked")
}

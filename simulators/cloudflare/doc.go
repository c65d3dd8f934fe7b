// Package cloudflare is Cloudflare in memory: its API and its data plane. It
// stands in for the real one where none is configured, in development and in
// tests. It is friendly until a fault is injected.
//
// It owns how Cloudflare answers: the envelope, the codes of refusals, who may
// see what, the budget of calls, how a custom hostname becomes active, and how a
// request finds its tunnel. It must not know Siteplane: no site, no edge, no
// service.
//
// Invariants:
//   - a refused call changes nothing;
//   - what is changed is in the log, in the state file and in the DNS before the
//     call is answered;
//   - ids are derived from what they name, so two equal runs end equal, and what
//     is deleted and made again has another id;
//   - a tunnel serves the zones of its own account alone.
//
// # API
//
// Under /client/v4, as Cloudflare documents it: zones, DNS records (A, AAAA,
// CNAME, TXT), tunnels with configurations, connections and token, custom
// hostnames, ips. It is Cloudflare with these differences:
//
//   - a record name with a dot in it must be in the zone (Cloudflare appends the
//     zone to it);
//   - beside a CNAME below the apex there is no TXT;
//   - custom hostnames may end in ".test", where the customers of tests live;
//   - the connector of a tunnel is the simulator itself. It connects with the first
//     configuration and obeys the next at once.
//
// A custom hostname is looked at whenever it is read or patched. It becomes
// active when it leads to a proxied name of the zone or to the address of the
// data plane, or when its ownership record is there; its certificate when it leads
// there, or when the record of the certificate authority is there. It is served
// when both are active.
//
// # Data plane
//
// A request finds the proxied record of its host, or the fallback origin of the
// zone that has the host as an active custom hostname, then the tunnel, then the
// first ingress rule that matches. Services are http://ip:port and
// http_status:N. What cannot be routed is answered with Cloudflare's codes: 1001
// unknown host, 1014 a record into another account, 1016 no fallback origin, 1033
// tunnel without connector or configuration, 1000 a circle, 502 and 523 services
// that are not reached.
//
// # Control API
//
// On the address of the API, for programs of the same machine alone, without
// token. Bodies are JSON; what is wrong is answered 400 or as the API would.
//
//	POST   /_sim/faults                               inject a Fault
//	DELETE /_sim/faults                               end all faults
//	GET    /_sim/held                                 the calls that are held now, a list of HeldCall
//	POST   /_sim/release                              let them go on
//	GET    /_sim/log                                  the calls, a list of Call
//	DELETE /_sim/log                                  forget them
//	GET    /_sim/state                                Snapshot, byte for byte
//	PUT    /_sim/tokens                               {"secret", "permissions"}: replace what a token may do
//
// and as somebody else, for instance in the dashboard (see Hand):
//
//	POST   /_sim/zones/{zone}/records                 add a Record, answers it
//	PUT    /_sim/zones/{zone}/records/{record}        replace a Record
//	DELETE /_sim/zones/{zone}/records/{record}
//	POST   /_sim/zones/{zone}/custom_hostnames        {"hostname", "custom_metadata"}, answers {"id"}
//	DELETE /_sim/zones/{zone}/custom_hostnames/{name}
//	PUT    /_sim/tunnels/{tunnel}/configuration       what the API has below "config"
//	PUT    /_sim/tunnels/{tunnel}/connected           true or false
//	DELETE /_sim/tunnels/{tunnel}                     connections or not
//
// For example, the next PUT of a configuration comes second after another's:
//
//	{"kind": "race", "method": "PUT", "path": "/configurations$", "times": 1,
//	 "configuration": {"ingress": [{"service": "http_status:404"}]}}
//
// and the next PUT of a configuration is received and waits, without effect, until
// it is released or the client goes away:
//
//	{"kind": "hold", "method": "PUT", "path": "/configurations$", "times": 1}
//
// # Standalone
//
// cmd/cloudflare-simulator takes a file with the fields of Config:
//
//	{
//	  "accounts": [{"id": "1111…", "name": "Platform"}],
//	  "zones":    [{"id": "aaaa…", "name": "platform.test", "account_id": "1111…", "fallback": "origin.platform.test"}],
//	  "tunnels":  [{"id": "6ff42ae2-…", "name": "edge", "account_id": "1111…"}],
//	  "tokens":   [{"secret": "…", "account_ids": ["1111…"],
//	                "permissions": ["zone:read", "dns:edit", "tunnel:edit", "custom_hostnames:edit"]}]
//	}
package cloudflare

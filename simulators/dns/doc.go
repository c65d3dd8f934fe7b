// Package dns is an authoritative DNS server for zones that live in memory. It
// stands in for the name servers of the world where no real ones are
// configured, in development and in tests.
//
// It owns how a zone answers (RFC 1034, wildcards by RFC 4592, negative answers
// by RFC 2308) and how a zone is changed (RFC 2136, signed by RFC 8945). It must
// not know Siteplane: no site, no edge, no service.
//
// Invariants:
//   - it answers for its own zones only, everything else is refused;
//   - a change from the network is made only when it is signed with the key, and
//     is made whole or not at all;
//   - each change raises the serial of its zone.
package dns

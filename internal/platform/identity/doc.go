// Package identity owns the installation's certificate authority and the
// certificates by which programs prove who they are to each other: SPIFFE ids in
// URI SANs, without a SPIRE server.
//
// It knows no services: a caller chooses the path ("/service/NAME",
// "/edge/ID") and what a path may do is decided elsewhere.
//
// Invariants: the CA key is never readable by others and never overwritten; no
// certificate outlives the CA; both sides of every connection are verified
// against this CA, with TLS 1.3 and no session resumption, because a resumed
// session would skip the verification.
package identity

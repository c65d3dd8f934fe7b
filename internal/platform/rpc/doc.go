// Package rpc owns how gRPC servers and connections are built: TLS, who may call
// what, validation, deadlines, traces, access log, health.
//
// It knows no service. A service registers its implementation on GRPC and says
// in a Policy who may call each method.
//
//	call -> trace -> log -> recover -> fault -> deadline -> authorize -> validate -> handler
//
// Invariants: a method without a row in the policy keeps the server from
// starting, and is denied all the same; nobody is let in by an unverified
// certificate; plaintext is refused on a network listener; what leaves a handler
// without being a status leaves the server as INTERNAL with a fixed text.
package rpc

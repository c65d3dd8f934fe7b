package infra

import (
	"errors"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
)

// Outcome is what evidence says.
type Outcome string

// The outcomes.
const (
	Confirmed    Outcome = "confirmed"
	Contradicted Outcome = "contradicted"
	// Unknown says that no evidence could be had.
	Unknown Outcome = "unknown"
)

// Finding is evidence about a hostname.
type Finding struct {
	Outcome Outcome `json:"outcome"`
	// Seen is what was seen, one line per question or attempt.
	Seen []string `json:"seen"`
	// Diagnoses say what is wrong, in the order of what to mend first.
	Diagnoses []Diagnosis `json:"diagnoses,omitempty"`
}

// Diagnosis is one fault.
type Diagnosis struct {
	// Code is one of the codes of docs/diagnoses, for instance DNS_NXDOMAIN.
	Code     string          `json:"code"`
	Actor    condition.Actor `json:"actor"`
	Summary  string          `json:"summary"`
	Expected []string        `json:"expected,omitempty"`
	Observed []string        `json:"observed,omitempty"`
	// Fix is what to do, in order; records are ready to paste.
	Fix []string `json:"fix,omitempty"`
}

// Diagnosis codes that lifecycle itself gives.
const (
	CodeNoDomain           = "NO_DOMAIN"
	CodeNoEdges            = "NO_EDGES"
	CodeCanaryUnwell       = "CANARY_UNWELL"
	CodeEdgeCloned         = "EDGE_CLONED"
	CodeConfigRejected     = "CONFIG_REJECTED"
	CodeEdgeNotProven      = "EDGE_NOT_PROVEN"
	CodeEdgeUnreachable    = "EDGE_UNREACHABLE"
	CodeServiceUnavailable = "SERVICE_UNAVAILABLE"
	CodeDomainTaken        = "DOMAIN_TAKEN"
	CodeDomainParentTaken  = "DOMAIN_PARENT_TAKEN"
	CodeTransferPending    = "TRANSFER_PENDING"
	CodeAtRisk             = "AT_RISK"
	CodeTunnelNoRule       = "TUNNEL_NO_RULE"
	CodeHeld               = "HELD_BY_SHRINK_GUARD"
	CodeDriftHeld          = "DRIFT_HELD"
)

// ErrSnapshotNeeded says that the edge needs everything: it has no base for a
// delta, or the digest did not come out.
var ErrSnapshotNeeded = errors.New("the edge needs a whole snapshot")

// ErrStaleFence says that the edge or tunnel has seen a higher fence; the caller has lost
// its lease.
var ErrStaleFence = errors.New("an older caller is refused")

// ErrNotServed says that the running configuration does not know the site.
var ErrNotServed = errors.New("the running configuration does not know the site")

// RejectedError says that the edge refuses a configuration for what is in it.
// It is permanent: the same configuration is refused again.
type RejectedError struct {
	// SiteID is the site at fault, empty when it is not known.
	SiteID string
	// Message says why, without file contents.
	Message string
}

func (e *RejectedError) Error() string { return "the edge rejects the configuration: " + e.Message }

// NotProvenError says that the edge could not prove that the configuration
// runs; what runs is what ran before.
type NotProvenError struct {
	// Message says what was seen instead.
	Message string
}

func (e *NotProvenError) Error() string { return "the edge did not prove it: " + e.Message }

// HeldError says that the receiver of a change holds it back: more would go than
// operations explain.
type HeldError struct {
	// ID names the hold, for instance hold_5d41402abc4b2a76b971.
	ID string
	// Names are up to a hundred of the names that would go, Count is how many they
	// are, and Held how many the receiver has.
	Names []string
	Count int
	Held  int
	// Message says so in one sentence.
	Message string
}

func (e *HeldError) Error() string { return CodeHeld + ": " + e.Message }

// Uncounted says that no operation comes nearer to failure by this.
func (e *HeldError) Uncounted() bool { return true }

// DriftError says that an edge drifted and that nothing was overwritten, as the
// caller asked.
type DriftError struct {
	// Message says what drifted.
	Message string
}

func (e *DriftError) Error() string { return CodeDriftHeld + ": " + e.Message }

// Uncounted says that no operation comes nearer to failure by this.
func (e *DriftError) Uncounted() bool { return true }

// RefusedError says that a provider does not let us do what is needed until
// somebody acts.
type RefusedError struct {
	Diagnosis Diagnosis
}

func (e *RefusedError) Error() string { return e.Diagnosis.Code + ": " + e.Diagnosis.Summary }

// Uncounted says that no operation comes nearer to failure by this.
func (e *RefusedError) Uncounted() bool { return true }

// UnavailableError says that a collaborator does not answer or cannot find out.
type UnavailableError struct {
	// Service is "edge", "tunnel" or "dnsvalidator".
	Service string
	// RetryAfter is its own word on when to try again, 0 for none.
	RetryAfter time.Duration
	// Err is the cause.
	Err error
}

func (e *UnavailableError) Error() string { return fmt.Sprintf("%s unavailable: %v", e.Service, e.Err) }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Uncounted says that an operation does not come nearer to failure by this: an
// error is never absence, and a collaborator that is down is not the site's
// fault.
func (e *UnavailableError) Uncounted() bool { return true }

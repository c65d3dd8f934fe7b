package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Issuer signs the certificates of edges.
type Issuer interface {
	// KeyHash returns a hash over the key that signed a PKCS #10 request; a bad one is
	// a *identity.RequestError.
	KeyHash(request []byte) ([32]byte, error)
	// Issue signs the key of a request for an edge. It has no other effect.
	Issue(edgeID id.Edge, request []byte) (identity.Issued, error)
	// CertificatePEM returns the certificate of the CA, Digest its SHA-256.
	CertificatePEM() []byte
	Digest() [32]byte
}

// WithIssuer sets what signs the certificates of edges; without it, no host can join.
func WithIssuer(i Issuer) Option { return func(c *ControlPlane) { c.issuer = i } }

// JoinRefusedError says that a token opens nothing. Why, only operators are told.
type JoinRefusedError struct{ why string }

// Error implements error; it says the same of every token.
func (*JoinRefusedError) Error() string {
	return "the join token is not valid: it is unknown, has ended or was used; make another with `siteplane edge token NAME`"
}

// EvictedError says that an edge is no part of the installation.
type EvictedError struct{ EdgeID id.Edge }

// Error implements error.
func (e *EvictedError) Error() string {
	return fmt.Sprintf("%s is not part of the installation any more: let the host join as another edge", e.EdgeID)
}

// ClonedError says that two hosts have the key of an edge.
type ClonedError struct{ EdgeID id.Edge }

// Error implements error.
func (e *ClonedError) Error() string {
	return fmt.Sprintf("%s: another host has renewed its certificate before: %s", e.EdgeID, clonedRemedy)
}

const (
	clonedRemedy  = "two hosts have its key; find the copy and stop it, evict the edge if a stranger may have the key, and let the right host join anew"
	clonedMessage = "its certificate is not renewed any more: " + clonedRemedy
	// clonedSerial is in place of the serial of an edge that was cloned: no certificate
	// has it, so that none of the hosts can renew.
	clonedSerial = "cloned"
)

// cloned reports whether two hosts were found to be an edge.
func cloned(e edge.Edge) bool { return e.Certificate.Serial == clonedSerial }

// Join is what a host says that wants to be an edge.
type Join struct {
	Token secret.Secret
	// Request is for its certificate, PKCS #10.
	Request []byte
	// Address is where its agent can be called, host:port.
	Address string
	// From is the network address of the call.
	From string
}

// Joined is the identity of a host that is an edge now, or still is.
type Joined struct {
	EdgeID id.Edge
	Name   string
	// Certificate and CA are PEM.
	Certificate, CA []byte
	ExpiresAt       time.Time
}

// JoinEdge makes the host that holds a token an edge. Of several that hold the same one,
// the first wins; with the same key it may ask again until the token ends. Errors:
// *JoinRefusedError, *lifecycle.InvalidError, *BusyError.
func (c *ControlPlane) JoinEdge(ctx context.Context, in Join) (joined Joined, err error) {
	if c.issuer == nil {
		return joined, errNoIssuer()
	}
	if err := c.tries.joins.take(c.clock()); err != nil {
		return joined, err
	}
	key, err := c.issuer.KeyHash(in.Request)
	if err := errors.Join(requestProblem(err), checkAgentAddress(in.Address)); err != nil {
		return joined, err
	}
	held, ok := readToken(in.Token)
	if digest := c.issuer.Digest(); !ok || !bytes.Equal(held.ca, digest[:]) {
		return joined, c.refused(ctx, in, held, &JoinRefusedError{why: "the text is no token of this installation"})
	}
	err = c.store.Update(ctx, func(tx store.Tx) (err error) {
		joined, err = c.join(ctx, tx, in, held, key)
		return err
	})
	var refused *JoinRefusedError
	if errors.As(err, &refused) {
		return Joined{}, c.refused(ctx, in, held, refused)
	}
	if err == nil {
		c.logger.InfoContext(ctx, "edge joined", "edge_id", joined.EdgeID, "name", joined.Name, "address", in.Address, "from", in.From)
	}
	return joined, err
}

// refused tells operators why.
func (c *ControlPlane) refused(ctx context.Context, in Join, held heldToken, err *JoinRefusedError) error {
	c.logger.WarnContext(ctx, "a host may not join", "why", err.why, "join_token_id", string(held.id), "from", in.From)
	return err
}

// requestProblem tells the caller what is wrong with a request for a certificate.
func requestProblem(err error) error {
	var problem *identity.RequestError
	if !errors.As(err, &problem) {
		return err
	}
	return &lifecycle.InvalidError{Violations: []lifecycle.Violation{{Field: "certificate_request", Description: problem.Error()}}}
}

func checkAgentAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if n, portErr := strconv.ParseUint(port, 10, 16); err == nil && portErr == nil && n > 0 && host != "" {
		return nil
	}
	return &lifecycle.InvalidError{Violations: []lifecycle.Violation{
		{Field: "address", Description: "must be host:port, where lifecycle can call the agent"},
	}}
}

// join uses the token and writes down the edge.
func (c *ControlPlane) join(ctx context.Context, tx store.Tx, in Join, held heldToken, key [32]byte) (Joined, error) {
	token, again, err := c.useToken(ctx, tx, held, key)
	if err != nil {
		return Joined{}, err
	}
	issued, err := c.issuer.Issue(token.EdgeID, in.Request)
	if err != nil {
		return Joined{}, err
	}
	e, err := c.putJoined(ctx, tx, token, in.Address, issued, again)
	if err != nil {
		return Joined{}, err
	}
	kept := auditedHost(e)
	by := auth.Principal{Subject: "edge:" + e.Name, Address: in.From}
	if err := c.leave(ctx, tx, ask{by: by, action: "JoinEdge"}, record{
		object: string(e.ID), after: kept, event: event.EdgeJoined, data: kept,
	}); err != nil {
		return Joined{}, err
	}
	return Joined{
		EdgeID: e.ID, Name: e.Name, Certificate: issued.Certificate, CA: c.issuer.CertificatePEM(), ExpiresAt: issued.NotAfter,
	}, tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: c.clock()})
}

// useToken returns the token, used now or, again, before with the same key.
func (c *ControlPlane) useToken(ctx context.Context, tx store.Tx, held heldToken, key [32]byte) (token edge.JoinToken, again bool, err error) {
	var missing *lifecycle.NotFoundError
	token, err = tx.GetJoinToken(ctx, held.id)
	switch {
	case errors.As(err, &missing):
		return token, false, &JoinRefusedError{why: "it is unknown, or was deleted"}
	case err != nil:
		return token, false, err
	case !held.opens(token):
		return token, false, &JoinRefusedError{why: "its secret is another one"}
	case !c.clock().Before(token.ExpiresAt):
		return token, false, &JoinRefusedError{why: "it has ended"}
	case !token.UsedAt.IsZero() && !bytes.Equal(token.UsedBy, key[:]):
		return token, false, &JoinRefusedError{why: "another host has used it"}
	case !token.UsedAt.IsZero():
		return token, true, nil
	}
	err = tx.UseJoinToken(ctx, token.ID, c.clock(), key[:])
	if errors.Is(err, lifecycle.ErrLostRace) {
		err = &JoinRefusedError{why: "another host has used it just now"}
	}
	return token, false, err
}

// putJoined writes down an edge that a host has joined as. One that is there keeps its
// labels and addresses of visitors.
func (c *ControlPlane) putJoined(ctx context.Context, tx store.Tx, token edge.JoinToken, address string, issued identity.Issued, again bool) (edge.Edge, error) {
	var missing *lifecycle.NotFoundError
	e, err := tx.GetEdge(ctx, token.EdgeID)
	isNew := errors.As(err, &missing)
	switch {
	case err != nil && !isNew:
		return e, err
	case e.Evicted():
		return e, &JoinRefusedError{why: "its edge was evicted"}
	case isNew:
		if _, taken, err := liveEdge(ctx, tx, token.Name); err != nil || taken {
			return e, errors.Join(err, &JoinRefusedError{why: "another edge has the name by now"})
		}
		e = edge.Edge{ID: token.EdgeID, Name: token.Name, Labels: token.Labels, PublicAddresses: token.PublicAddresses}
	}
	previous := "" // the host that was the edge before renews no more
	if again {
		previous = e.Certificate.Serial
	}
	e.Address, e.NeedsWhole = address, true
	e.Certificate = edge.Certificate{Serial: issued.Serial, Previous: previous, JoinedAt: c.clock(), ExpiresAt: issued.NotAfter}
	if isNew {
		return e, tx.PutEdge(ctx, e)
	}
	if err := tx.DescribeEdge(ctx, e); err != nil || e.FaultReason != infra.CodeEdgeCloned {
		return e, err
	}
	e.FaultReason, e.FaultMessage, e.FaultSiteID = "", "", ""
	return e, tx.UpdateEdge(ctx, e)
}

// auditHost is what the audit keeps of an edge that joins or goes.
type auditHost struct {
	Name            string      `json:"name"`
	Address         string      `json:"address"`
	PublicAddresses []string    `json:"public_addresses,omitempty"`
	Labels          edge.Labels `json:"labels,omitempty"`
	Serial          string      `json:"certificate_serial,omitempty"`
	Evicted         bool        `json:"evicted,omitempty"`
}

func auditedHost(e edge.Edge) auditHost {
	return auditHost{
		Name: e.Name, Address: e.Address, PublicAddresses: e.PublicAddresses, Labels: e.Labels,
		Serial: e.Certificate.Serial, Evicted: e.Evicted(),
	}
}

package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	enrolmentv1 "github.com/siteplane/siteplane/gen/siteplane/enrolment/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const (
	// enrolmentBytes bounds a message, enrolmentStreams the calls of one connection and
	// enrolmentLimit the time of a call: strangers call here.
	enrolmentBytes   = 16 << 10
	enrolmentStreams = 8
	enrolmentLimit   = 15 * time.Second
)

// edgePath is the SPIFFE path of an edge without its id.
const edgePath = "/edge/"

// enrolmentPolicy says which certificates each RPC demands; JoinEdge demands none.
var enrolmentPolicy = rpc.Policy{
	enrolmentv1.EnrolmentService_JoinEdge_FullMethodName:  nil,
	enrolmentv1.EnrolmentService_RenewEdge_FullMethodName: {edgePath + "*"},
}

// enrolmentAuthorizer lets hosts through that have no certificate yet: a join token is
// their only credential.
type enrolmentAuthorizer struct{ rpc.Policy }

// Authorize implements rpc.Authorizer.
func (a enrolmentAuthorizer) Authorize(ctx context.Context, method string) (context.Context, error) {
	if method == enrolmentv1.EnrolmentService_JoinEdge_FullMethodName {
		return ctx, nil
	}
	return a.Policy.Authorize(ctx, method)
}

// Enrolment gives hosts their certificates. It is apart from the public services:
// another listener, other credentials.
type Enrolment struct {
	cp        *app.ControlPlane
	telemetry *telemetry.Telemetry
}

// NewEnrolment returns an Enrolment that serves nothing yet.
func NewEnrolment(cp *app.ControlPlane, t *telemetry.Telemetry) *Enrolment {
	return &Enrolment{cp: cp, telemetry: t}
}

// ServeEnrolment serves until the context is done, then lets running calls end. The TLS
// configuration is that of identity.EnrolmentTLS.
func (e *Enrolment) ServeEnrolment(ctx context.Context, l net.Listener, tlsConfig *tls.Config) error {
	s, err := rpc.NewServer(rpc.ServerConfig{
		Listener: l, TLS: tlsConfig, Authorizer: enrolmentAuthorizer{enrolmentPolicy}, Telemetry: e.telemetry,
		MaxReceiveBytes: enrolmentBytes, MaxStreams: enrolmentStreams,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("serve enrolment: %w", err), l.Close())
	}
	enrolmentv1.RegisterEnrolmentServiceServer(s.GRPC(), &enrolmentService{cp: e.cp, logger: e.cp.Logger()})
	return s.Serve(ctx)
}

// enrolmentService implements enrolmentv1.EnrolmentServiceServer.
type enrolmentService struct {
	enrolmentv1.UnimplementedEnrolmentServiceServer

	cp     *app.ControlPlane
	logger *slog.Logger
}

// JoinEdge implements the RPC.
func (s *enrolmentService) JoinEdge(ctx context.Context, req *enrolmentv1.JoinEdgeRequest) (*enrolmentv1.JoinEdgeResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, enrolmentLimit)
	defer cancel()
	joined, err := s.cp.JoinEdge(ctx, app.Join{
		Token: secret.Secret(req.GetToken()), Request: req.GetCertificateRequest(), Address: req.GetAddress(), From: peerAddress(ctx),
	})
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &enrolmentv1.JoinEdgeResponse{
		EdgeId: string(joined.EdgeID), Name: joined.Name, Certificate: string(joined.Certificate), Ca: string(joined.CA),
		ExpireTime: timestamppb.New(joined.ExpiresAt),
	}, nil
}

// RenewEdge implements the RPC. Which edge calls says its certificate alone.
func (s *enrolmentService) RenewEdge(ctx context.Context, req *enrolmentv1.RenewEdgeRequest) (*enrolmentv1.RenewEdgeResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, enrolmentLimit)
	defer cancel()
	in, ok := renewalOf(ctx)
	if !ok {
		return nil, failure(ctx, s.logger, errors.New("a caller without a certificate was let through"))
	}
	in.Request = req.GetCertificateRequest()
	renewed, err := s.cp.RenewEdge(ctx, in)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &enrolmentv1.RenewEdgeResponse{
		Certificate: string(renewed.Certificate), Ca: string(renewed.CA), ExpireTime: timestamppb.New(renewed.ExpiresAt),
	}, nil
}

// renewalOf is what the certificate of the caller says.
func renewalOf(ctx context.Context) (app.Renewal, bool) {
	leaf, ok := rpc.PeerCertificate(ctx)
	if !ok || len(leaf.URIs) != 1 {
		return app.Renewal{}, false
	}
	edgeID, ok := strings.CutPrefix(leaf.URIs[0].Path, edgePath)
	return app.Renewal{
		EdgeID: id.Edge(edgeID), Serial: identity.SerialOf(leaf), NotBefore: leaf.NotBefore, From: peerAddress(ctx),
	}, ok
}

package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/rpc"
)

const (
	// callTimeout bounds one call.
	callTimeout = 30 * time.Second
	// maxAnswer bounds one answer; a thousand sites or a long timeline fit.
	maxAnswer = 64 << 20
)

// session is a connection to the installation that the config file leads to.
type session struct {
	sites          lifecyclev1.SiteServiceClient
	domains        lifecyclev1.DomainServiceClient
	tenants        lifecyclev1.TenantServiceClient
	zones          lifecyclev1.ZoneServiceClient
	operations     lifecyclev1.OperationServiceClient
	infrastructure lifecyclev1.InfrastructureServiceClient
	keys           lifecyclev1.KeyServiceClient
	events         lifecyclev1.EventServiceClient
	config         cliconfig.Config
	source         cliconfig.Source
	// requestID is that of the one change which the command makes.
	requestID string
}

func newSession(conn grpc.ClientConnInterface, source cliconfig.Source, config cliconfig.Config) *session {
	return &session{
		sites:          lifecyclev1.NewSiteServiceClient(conn),
		domains:        lifecyclev1.NewDomainServiceClient(conn),
		tenants:        lifecyclev1.NewTenantServiceClient(conn),
		zones:          lifecyclev1.NewZoneServiceClient(conn),
		operations:     lifecyclev1.NewOperationServiceClient(conn),
		infrastructure: lifecyclev1.NewInfrastructureServiceClient(conn),
		keys:           lifecyclev1.NewKeyServiceClient(conn),
		events:         lifecyclev1.NewEventServiceClient(conn),
		config:         config, source: source,
	}
}

// connected makes a command's RunE of a function that needs a session.
func (a *app) connected(run func(*cobra.Command, *session, []string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, args []string) error {
		s, hangUp, err := a.connect()
		if err != nil {
			return err
		}
		return errors.Join(run(command, s, args), hangUp())
	}
}

// connect finds the installation that is meant, and how to end the session with it.
func (a *app) connect() (*session, func() error, error) {
	source, config, err := cliconfig.Find(a.deps.Getenv, a.choice)
	if errors.Is(err, cliconfig.ErrTwoChoices) {
		err = &usageError{errors.New("give either --config or --context")}
	}
	if err != nil {
		return nil, nil, err
	}
	conn, err := dial(config)
	if err != nil {
		return nil, nil, err
	}
	return newSession(conn, source, config), conn.Close, nil
}

func dial(config cliconfig.Config) (*grpc.ClientConn, error) {
	roots, err := config.Roots()
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(config.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots})),
		grpc.WithPerRPCCredentials(rpc.Bearer(config.Key)),
		grpc.WithUserAgent("siteplane-cli"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", config.Address, err)
	}
	return conn, nil
}

// method is one method of a client.
type method[Request, Response any] func(context.Context, *Request, ...grpc.CallOption) (*Response, error)

// call makes one call within limit. Its error is a *callError, CANCELED when
// the user interrupted it.
func call[Request, Response any](ctx context.Context, s *session, limit time.Duration,
	do method[Request, Response], request *Request,
) (*Response, error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	response, err := do(bounded, request)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	return response, nil
}

// failed is what came of a call instead of an answer.
func (s *session) failed(ctx context.Context, err error) *callError {
	failed := &callError{address: s.config.Address, file: s.source.File, status: status.Convert(err)}
	if ctx.Err() != nil {
		failed.status = status.New(codes.Canceled, "interrupted")
	}
	return failed
}

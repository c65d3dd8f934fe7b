// Command go creates a site, follows it until visitors reach it, lists the sites and
// deletes it again. It needs what every client of Siteplane needs, and nothing else:
// the generated package, gRPC and an API key.
//
//	go run ./examples/go -config "$HOME/.local/state/siteplane/cli.json" -origin 192.0.2.10:8080
//
// `siteplane up` says where it has written the config. Its exit code is 0 when all of
// it went well.
package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func main() {
	configFile := flag.String("config", os.Getenv("SITEPLANE_CONFIG"), "file with address, CA and key")
	origin := flag.String("origin", "", "address of the web server that answers for the site, ip:port")
	keep := flag.Bool("keep", false, "do not delete the site again")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := run(ctx, *configFile, *origin, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "failed:", explain(err))
		os.Exit(1)
	}
}

func run(ctx context.Context, configFile, origin string, keep bool) error {
	conn, err := dial(configFile)
	if err != nil {
		return err
	}
	defer conn.Close()
	sites, events := lifecyclev1.NewSiteServiceClient(conn), lifecyclev1.NewEventServiceClient(conn)

	// Watch before anything happens. The first answer has no event: it says that the
	// stream is open, so nothing is missed from here on.
	watch, err := events.WatchEvents(ctx, &lifecyclev1.WatchEventsRequest{
		Filter: &lifecyclev1.EventFilter{Types: []string{"site.*", "domain.*"}},
	})
	if err != nil {
		return err
	}
	if _, err := watch.Recv(); err != nil {
		return err
	}

	created, err := sites.CreateSite(ctx, &lifecyclev1.CreateSiteRequest{
		// With a request id the call may be repeated, for instance after a timeout,
		// without making a second site.
		RequestId: rand.Text(),
		Site: &lifecyclev1.Site{Name: "Go example", Spec: &lifecyclev1.SiteSpec{
			Backend: &lifecyclev1.SiteSpec_Origin{Origin: &lifecyclev1.Origin{
				Targets: []*lifecyclev1.Target{{Address: origin}},
			}},
		}},
	})
	if err != nil {
		return err
	}
	siteID := created.GetSite().GetSiteId()
	fmt.Println("created", siteID)
	if err := follow(ctx, sites, watch, siteID); err != nil {
		return err
	}

	listed, err := sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{Filter: "status = ACTIVE"})
	if err != nil {
		return err
	}
	for _, site := range listed.GetSites() {
		fmt.Println("listed", site.GetSiteId(), site.GetPrimaryDomain().GetHostname())
	}
	if keep {
		return nil
	}
	if _, err := sites.DeleteSite(ctx, &lifecyclev1.DeleteSiteRequest{SiteId: siteID, RequestId: rand.Text()}); err != nil {
		return err
	}
	return follow(ctx, sites, watch, siteID)
}

// follow reads the site after each event until it is ACTIVE, gone or failed, and prints
// how it is on the way.
func follow(ctx context.Context, sites lifecyclev1.SiteServiceClient, watch lifecyclev1.EventService_WatchEventsClient, siteID string) error {
	for {
		next, err := watch.Recv()
		if err != nil {
			return err
		}
		if next.GetEvent() == nil { // a sign of life
			continue
		}
		answer, err := sites.GetSite(ctx, &lifecyclev1.GetSiteRequest{SiteId: siteID})
		if err != nil {
			return err
		}
		site := answer.GetSite()
		fmt.Println(next.GetEvent().GetType(), next.GetEvent().GetSubject(), "site", name(site.GetStatus()))
		for _, c := range append(site.GetConditions(), site.GetPrimaryDomain().GetConditions()...) {
			fmt.Println("  ", c.GetType(), name(c.GetStatus()), c.GetReason())
		}
		switch site.GetStatus() {
		case lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE, lifecyclev1.SiteStatus_SITE_STATUS_DELETED:
			return nil
		case lifecyclev1.SiteStatus_SITE_STATUS_ERROR:
			return fmt.Errorf("the site failed: %s", answer.GetOperation().GetMessage())
		}
	}
}

// name is an enum's value without its prefix.
func name(value fmt.Stringer) string {
	_, short, _ := strings.Cut(value.String(), "STATUS_")
	return short
}

// dial connects with what the config file says.
func dial(configFile string) (*grpc.ClientConn, error) {
	text, err := os.ReadFile(configFile)
	if err != nil {
		return nil, err
	}
	var config struct{ Address, CA, Key string }
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("read %s: %w", configFile, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(config.CA)) {
		return nil, errors.New("the config has no CA")
	}
	return grpc.NewClient(config.Address,
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")),
		grpc.WithPerRPCCredentials(bearer(config.Key)))
}

// bearer sends an API key with every call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }

// explain adds what an error of Siteplane carries: a reason to switch on, and the
// fields that are wrong.
func explain(err error) string {
	text := err.Error()
	for _, detail := range status.Convert(err).Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			text += "\n  reason " + d.GetReason()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				text += "\n  " + v.GetField() + ": " + v.GetDescription()
			}
		}
	}
	return text
}

package main

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/test/split"
)

// replayedRequestSameAnswer: a request that is repeated, even after lifecycle was
// killed and the site went on, is answered as the first one was, and there is one
// site; another body under its id is refused.
func replayedRequestSameAnswer(ctx context.Context, d *demo) error {
	request := &lifecyclev1.CreateSiteRequest{RequestId: "demo-replay", Site: &lifecyclev1.Site{
		Name: "once", Spec: &lifecyclev1.SiteSpec{Backend: &lifecyclev1.SiteSpec_Origin{
			Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{{Address: d.origin.address}}},
		}},
	}}
	first, err := d.create(ctx, request)
	if err != nil {
		return err
	}
	if err := eventually(ctx, activeLimit, func(ctx context.Context) error { return d.isActive(ctx, first.GetSite().GetSiteId()) }); err != nil {
		return err
	}
	if err := errors.Join(d.installation.Kill(split.Lifecycle), d.installation.Restart(ctx, split.Lifecycle)); err != nil {
		return err
	}
	again, err := d.create(ctx, request)
	if err != nil {
		return err
	}
	if !proto.Equal(first, again) {
		return fmt.Errorf("the repeated request was answered %v, not %v", again, first)
	}
	other := proto.CloneOf(request)
	other.Site.Name = "twice"
	_, err = d.create(ctx, other)
	return errors.Join(refused("another body", err, codes.AlreadyExists, "REQUEST_ID_REUSED"), d.cli.named(ctx, "once", 1), d.cli.named(ctx, "twice", 0))
}

// create asks for a site over gRPC.
func (d *demo) create(ctx context.Context, request *lifecyclev1.CreateSiteRequest) (answer *lifecyclev1.CreateSiteResponse, err error) {
	err = with(d.cli.config, func(conn *grpc.ClientConn) error {
		answer, err = lifecyclev1.NewSiteServiceClient(conn).CreateSite(ctx, request)
		return err
	})
	return answer, err
}

// named demands so many sites of a name, or of a pattern with *.
func (c *cli) named(ctx context.Context, name string, want int) error {
	return with(c.config, func(conn *grpc.ClientConn) error {
		list, err := lifecyclev1.NewSiteServiceClient(conn).ListSites(ctx, &lifecyclev1.ListSitesRequest{Filter: `name = "` + name + `"`})
		if err == nil && len(list.GetSites()) != want {
			err = fmt.Errorf("there are %d sites %q, not %d", len(list.GetSites()), name, want)
		}
		return err
	})
}

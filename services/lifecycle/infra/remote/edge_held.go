package remote

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// heldLimit is how many sites and hostnames one list may name, far more than an
// edge is made for.
const heldLimit = 1_000_000

// ListHeld implements infra.EdgeProvider. A list that breaks off is none.
func (p *Edges) ListHeld(ctx context.Context, edge id.Edge, sums [][]byte) (infra.Held, error) {
	client, err := p.client(ctx, edge)
	if err != nil {
		return infra.Held{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	stream, err := client.ListHeld(ctx, &edgev1.ListHeldRequest{BucketSums: sums})
	if err != nil {
		return infra.Held{}, edgeError(err)
	}
	return collect(stream)
}

// collect reads a list to its end.
func collect(stream grpc.ServerStreamingClient[edgev1.ListHeldResponse]) (infra.Held, error) {
	held, named := infra.Held{Sites: map[id.Site][]string{}}, 0
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return held, nil
		}
		if err != nil {
			return infra.Held{}, edgeError(err)
		}
		held.Hostnames = max(held.Hostnames, int(part.GetHostnameCount()))
		for _, s := range part.GetSites() {
			site := id.Site(s.GetSiteId())
			held.Sites[site] = append(held.Sites[site], s.GetHostnames()...)
			named += 1 + len(s.GetHostnames())
		}
		if named > heldLimit {
			return infra.Held{}, &infra.UnavailableError{Service: "edge", Err: fmt.Errorf("its list names more than %d sites and hostnames", heldLimit)}
		}
	}
}

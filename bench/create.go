package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	createSitesCount = 50
	// createLimit bounds the way of one site to ACTIVE.
	createLimit = time.Minute
	// The wanted ratios to one apply.
	createTargetP50, createTargetP95 = 4.0, 8.0
)

// createToActive creates 50 sites one after another on `siteplane up` with real nginx:
// from the CreateSite call until the event says that the site is ACTIVE, over gRPC. The
// client watches (WatchEvents) and does not poll, so what it waits for is the product's
// and not its own.
//
// Baseline: the median of as many applies of one changed site by an edge agent with 50
// sites, one after each site, so that noise of the machine hits both. A site needs two
// applies on its way, under its internal name and under its own; the rest of the ratio
// is journal and history (some 25 commits), the probes, and waiting for each other.
//
// Value and ratio are the median's; the 95th percentile is in the note, and OK demands
// the targets of both.
func createToActive(ctx context.Context) (measured result, err error) {
	bare, err := nginxDir()
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(bare)) }()
	baseline, err := startAgent(ctx, bare, benchSites(createSitesCount))
	if err != nil {
		return result{}, fmt.Errorf("start the agent: %w", err)
	}
	defer func() { err = errors.Join(err, baseline.stop()) }()
	dir, err := nginxDir()
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	installation, err := startInstallation(ctx, dir)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, installation.stop()) }()
	ours, applies, err := createAll(ctx, installation.conn, baseline)
	if err != nil {
		return result{}, err
	}
	return created(ours, applies), nil
}

// createAll takes the time of each site and of as many applies.
func createAll(ctx context.Context, conn *grpc.ClientConn, baseline *agent) (ours, applies []time.Duration, err error) {
	watch, err := watchSites(ctx, conn)
	if err != nil {
		return nil, nil, err
	}
	defer watch.stop()
	for number := range createSitesCount {
		took, err := watch.create(ctx, number)
		if err != nil {
			return nil, nil, fmt.Errorf("create site %d: %w", number, err)
		}
		ours = append(ours, took)
		if took, err = baseline.changeSite(ctx, number); err != nil {
			return nil, nil, fmt.Errorf("run the baseline: %w", err)
		}
		applies = append(applies, took)
	}
	return ours, applies, nil
}

// created is the result of the times of sites and of applies.
func created(ours, applies []time.Duration) result {
	p50, p95, base := median(ours).Seconds(), percentile(ours, 95).Seconds(), median(applies).Seconds()
	return result{
		Value: p50, Unit: "s", Baseline: base, Ratio: p50 / base,
		Target: fmt.Sprintf("p50 <= %v x, p95 <= %v x", createTargetP50, createTargetP95),
		OK:     p50 <= createTargetP50*base && p95 <= createTargetP95*base,
		Note:   fmt.Sprintf("p95 %s s, ratio %s; followed by WatchEvents", short(p95), short(p95/base)),
	}
}

// siteWatch creates sites and sees what becomes of them.
type siteWatch struct {
	sites  lifecyclev1.SiteServiceClient
	events lifecyclev1.EventService_WatchEventsClient
	stop   context.CancelFunc
}

// watchSites returns once the server is at the beginning of the events to come.
func watchSites(ctx context.Context, conn *grpc.ClientConn) (*siteWatch, error) {
	ctx, cancel := context.WithCancel(ctx)
	events, err := lifecyclev1.NewEventServiceClient(conn).WatchEvents(ctx, &lifecyclev1.WatchEventsRequest{
		Filter: &lifecyclev1.EventFilter{Types: []string{"site.status_changed"}},
	})
	if err == nil {
		_, err = events.Recv() // a cursor without an event
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watch events: %w", err)
	}
	return &siteWatch{sites: lifecyclev1.NewSiteServiceClient(conn), events: events, stop: cancel}, nil
}

// create returns how long a site took from the call to ACTIVE.
func (w *siteWatch) create(ctx context.Context, number int) (time.Duration, error) {
	// The stream has no deadline of its own.
	late := time.AfterFunc(createLimit, w.stop)
	defer late.Stop()
	begun := time.Now()
	made, err := w.sites.CreateSite(ctx, &lifecyclev1.CreateSiteRequest{Site: &lifecyclev1.Site{
		Name: fmt.Sprintf("shop-%06d", number),
		Spec: &lifecyclev1.SiteSpec{Backend: &lifecyclev1.SiteSpec_Origin{
			Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{{Address: origin(number, 1)}}},
		}},
	}})
	if err != nil {
		return 0, err
	}
	err = w.untilActive(made.GetSite().GetSiteId())
	took := time.Since(begun)
	if err != nil {
		return 0, fmt.Errorf("not ACTIVE after %s: %w", took.Round(time.Millisecond), err)
	}
	return took, nil
}

// untilActive reads events until one says that the site is ACTIVE.
func (w *siteWatch) untilActive(siteID string) error {
	for {
		seen, err := w.events.Recv()
		if err != nil {
			return fmt.Errorf("watch events: %w", err)
		}
		if seen.GetEvent().GetSubject() != siteID {
			continue
		}
		switch to := seen.GetEvent().GetData().GetFields()["to"].GetStringValue(); to {
		case "ACTIVE":
			return nil
		case "ERROR":
			return fmt.Errorf("it is %s: %v", to, seen.GetEvent().GetData())
		}
	}
}

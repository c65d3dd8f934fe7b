package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/siteplane/siteplane/internal/platform/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// ServeAdmin serves health and metrics to platform admins until the context is
// done. Like every listener it asks for a key.
func (a *API) ServeAdmin(ctx context.Context, l net.Listener, tlsConfig *tls.Config) error {
	registry, m := prometheus.NewRegistry(), &metrics{}
	registry.MustRegister(m)
	s, err := admin.New(admin.Config{
		Listener: l, TLS: tlsConfig, Authorize: a.authorizeAdmin, Registry: registry, Logger: a.cp.Logger(),
		Serving: func() bool { return ctx.Err() == nil },
	})
	if err != nil {
		return errors.Join(fmt.Errorf("serve admin: %w", err), l.Close())
	}
	keeping, stop := context.WithCancel(ctx)
	var kept sync.WaitGroup
	kept.Go(func() { a.keep(keeping, m) })
	defer kept.Wait()
	defer stop()
	return s.Serve(ctx)
}

func (a *API) authorizeAdmin(r *http.Request) error {
	caller, err := a.cp.Auth().Authenticate(r.Context(), bearer(r.Header.Values("Authorization")))
	if err != nil {
		return errors.Join(admin.ErrUnauthenticated, err)
	}
	return a.cp.Auth().Authorize(r.Context(), caller, auth.PlatformAdmin)
}

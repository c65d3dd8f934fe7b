package app_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

func TestStopNginx(t *testing.T) {
	t.Run("without nginx is no error", func(t *testing.T) {
		e := newEdge(t)
		check(t, app.StopNginx(context.Background(), e.config))
	})
	t.Run("cuts off a request that does not end", func(t *testing.T) {
		e := startEdge(t)
		arrived, release := make(chan struct{}), make(chan struct{})
		origin := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(arrived)
			<-release
		}))
		defer origin.Close()
		defer close(release)
		e.mustPut(1, newSite(1, strings.TrimPrefix(origin.URL, "http://"), "slow.example.com"))
		conn, err := net.Dial("tcp", e.public)
		check(t, err)
		defer func() { check(t, conn.Close()) }()
		_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: slow.example.com\r\n\r\n"))
		check(t, err)
		<-arrived
		e.stopAgent()
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		check(t, app.StopNginx(ctx, e.config))
		if conn, err := net.Dial("tcp", e.public); err == nil {
			check(t, conn.Close())
			t.Error("nginx still listens")
		}
	})
}

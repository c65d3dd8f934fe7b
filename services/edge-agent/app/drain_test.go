package app_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// websocketTo opens one and leaves it open; ended says when the edge cut it off.
func websocketTo(t *testing.T, address, host string) (ended <-chan time.Time) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	check(t, err)
	_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", host)
	check(t, err)
	check(t, conn.SetReadDeadline(time.Now().Add(2*time.Minute)))
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	check(t, err)
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("websocket: %s", response.Status)
	}
	closed := make(chan time.Time, 1)
	go func() {
		_, _ = reader.ReadByte()
		closed <- time.Now()
		_ = conn.Close()
	}()
	return closed
}

// F35: connections that are held keep old workers; a hundred reloads do not pile
// them up, and nobody is answered wrongly.
func TestApply_held_connections_through_100_reloads(t *testing.T) {
	const reloads, bursts, burst, most = 100, 5, 10, 2
	e := startEdge(t, func(config *app.Config) {
		config.ShutdownTimeout, config.MaxDraining, config.DrainPatience = 3*time.Second, most, 100*time.Millisecond
	})
	held := newSite(1, startUpgrader(t), "held.example.com")
	held.Spec.Options = &edgev1.Options{Websocket: true}
	address := startOrigin(t, "main")
	e.mustPut(1, held, newSite(2, address, "shop.example.com"))
	eventually(t, "no worker drains", func() bool { return e.state().GetDrainingWorkers() == 0 })
	workers := len(children(t, int32(e.master())))
	stop := e.visit("shop.example.com")

	type hold struct {
		ended    <-chan time.Time
		replaced time.Time
	}
	var holds []hold
	refused, crowd := 0, 0
	for number := range reloads {
		var opened []hold
		for range burst {
			if number < bursts {
				opened = append(opened, hold{ended: websocketTo(t, e.public, "held.example.com")})
			}
		}
		generation := uint64(number + 2)
		host := fmt.Sprintf("new%d.example.com", number%20)
		site := newSite(10+number%20, address, host)
		site.Revision = int64(number + 1)
		eventually(t, "the apply passes", func() bool {
			_, err := e.put(generation, site)
			if rpcerr.Reason(err) == "EDGE_DRAINING" {
				wantReason(t, err, "Unavailable", "EDGE_DRAINING", "workers of former generations still serve long requests")
				refused++
				return false
			}
			check(t, err)
			return true
		})
		e.wantStatus(host, "/", 200)
		crowd = max(crowd, len(children(t, int32(e.master()))))
		for _, each := range opened {
			each.replaced = time.Now()
			holds = append(holds, each)
		}
	}
	if bad := stop(); bad != "" {
		t.Errorf("a visitor got %s", bad)
	}
	if refused == 0 {
		t.Error("no apply was ever refused: the bound was not reached")
	}
	if crowd > (most+1)*workers {
		t.Errorf("there were %d workers at once, want at most %d", crowd, (most+1)*workers)
	}
	for _, each := range holds {
		if late := (<-each.ended).Sub(each.replaced); late > 20*time.Second {
			t.Errorf("a held connection ended %s after its generation", late)
		}
	}
	if len(holds) != bursts*burst {
		t.Errorf("%d connections were held", len(holds))
	}
	eventually(t, "all old workers have ended", func() bool {
		return e.state().GetDrainingWorkers() == 0 && len(children(t, int32(e.master()))) == workers
	})
}

// visit asks for a host again and again; stop returns the first answer that was
// not right.
func (e *edge) visit(host string) (stop func() (bad string)) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	first := ""
	group.Go(func() {
		for ctx.Err() == nil && first == "" {
			code, body, err := ask(e.public, host)
			if err != nil || code != http.StatusOK || !strings.HasPrefix(body, "main ") {
				first = fmt.Sprintf("%d %q %v", code, body, err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	return func() string {
		cancel()
		group.Wait()
		return first
	}
}

// ask fetches the root over a fresh connection, for goroutines that may not end
// a test.
func ask(address, host string) (code int, body string, err error) {
	conn, err := net.DialTimeout("tcp", address, 30*time.Second)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, "", err
	}
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host); err != nil {
		return 0, "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	line, _ := bufio.NewReader(response.Body).ReadString('\n')
	return response.StatusCode, line, nil
}

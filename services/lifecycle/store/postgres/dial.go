package postgres

import (
	"context"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// userTimeout is how long what was sent may stay without the other host's word that it
// came: a host that is gone, and not just slow, is noticed by then.
const userTimeout = 10 * time.Second

// dial connects, with probes of a connection that is quiet.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 2},
		Control: func(network, _ string, raw syscall.RawConn) (err error) {
			if network == "unix" {
				return nil
			}
			failed := raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
			})
			if failed != nil {
				return failed
			}
			return err
		},
	}
	return dialer.DialContext(ctx, network, address)
}

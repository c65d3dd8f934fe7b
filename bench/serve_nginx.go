package main

import (
	"context"
	"fmt"
	"net"
)

// originNginx answers every request at every loopback address with 200.
type originNginx struct {
	*bareNginx
	port string
}

func startOriginNginx(ctx context.Context, dir string) (*originNginx, error) {
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	if err := listener.Close(); err != nil {
		return nil, err
	}
	bare, err := makeBareNginx(dir)
	if err != nil {
		return nil, err
	}
	o := &originNginx{bareNginx: bare, port: port}
	return o, o.serve(ctx, fmt.Sprintf(`
		keepalive_requests 1000000;
		server { listen %s; return 200 "hello\n"; }`, port))
}

// handNginx is a baseline: what somebody writes by hand for one site.
type handNginx struct {
	*bareNginx
	public string
}

func startHandNginx(ctx context.Context, dir, origin string) (*handNginx, error) {
	public, err := freeAddress()
	if err != nil {
		return nil, err
	}
	bare, err := makeBareNginx(dir)
	if err != nil {
		return nil, err
	}
	h := &handNginx{bareNginx: bare, public: public}
	return h, h.serve(ctx, fmt.Sprintf(`
		upstream origin { server %s; keepalive 32; }
		server {
			listen %s;
			location / {
				proxy_http_version 1.1;
				proxy_set_header Connection "";
				proxy_set_header Host $host;
				proxy_set_header X-Forwarded-For $remote_addr;
				proxy_set_header X-Forwarded-Host $host;
				proxy_set_header X-Forwarded-Proto $scheme;
				proxy_pass http://origin;
			}
		}`, origin, public))
}

// serve starts nginx with servers and returns when it answers.
func (n *bareNginx) serve(ctx context.Context, servers string) error {
	text := fmt.Sprintf(`
		pid %[1]s/nginx.pid;
		error_log %[1]s/error.log;
		worker_processes auto;
		worker_rlimit_nofile 16384;
		events { worker_connections 4096; }
		http {
			access_log off;
			%[2]s
			server { listen unix:%[3]s; return 200 '{"generation":1,"pid":$pid}'; }
			%[4]s
		}`, n.dir, n.temporary(), n.socket(), servers)
	if err := n.write([]byte(text)); err != nil {
		return err
	}
	return n.start(ctx, 1)
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// plainNginx is the baseline: what somebody writes in an afternoon, one server
// block per site, tested and reloaded by nginx's own commands.
type plainNginx struct {
	*bareNginx
	public     string
	sites      int
	generation uint64
}

func startPlainNginx(ctx context.Context, dir string, sites int) (*plainNginx, error) {
	public, err := freeAddress()
	if err != nil {
		return nil, err
	}
	bare, err := makeBareNginx(dir)
	if err != nil {
		return nil, err
	}
	p := &plainNginx{bareNginx: bare, public: public, sites: sites, generation: 1}
	if err := p.write(p.text()); err != nil {
		return nil, err
	}
	return p, p.start(ctx, p.generation)
}

// changeOneSite takes the time until a new generation is proved.
func (p *plainNginx) changeOneSite(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	p.generation++
	if err := p.write(p.text()); err != nil {
		return 0, err
	}
	if err := p.run(ctx, "-t", "-q"); err != nil {
		return 0, err
	}
	old, err := p.workers()
	if err != nil {
		return 0, err
	}
	if err := p.run(ctx, "-s", "reload"); err != nil {
		return 0, err
	}
	if err := p.prove(ctx, p.generation, old); err != nil {
		return 0, err
	}
	return time.Since(begun), nil
}

func (p *plainNginx) text() []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "pid %[1]s/nginx.pid;\nerror_log %[1]s/error.log;\nworker_processes auto;\nevents {}\nhttp {\n", p.dir)
	text.WriteString("access_log off;\nserver_names_hash_bucket_size 512;\nserver_names_hash_max_size 65536;\n")
	text.WriteString(p.temporary())
	fmt.Fprintf(&text, "server { listen %s default_server; return 421; }\n", p.public)
	fmt.Fprintf(&text, "server { listen unix:%s; return 200 '{\"generation\":%d,\"pid\":$pid}'; }\n", p.socket(), p.generation)
	for number := range p.sites {
		fmt.Fprintf(&text, "server {\n listen %s;\n server_name %s;\n client_max_body_size 1m;\n location / {\n  proxy_set_header Host $host;\n  proxy_pass http://%s;\n }\n}\n",
			p.public, hostname(number), origin(number, p.revision(number)))
	}
	text.WriteString("}\n")
	return text.Bytes()
}

func (p *plainNginx) revision(number int) int64 {
	if number == 4711 {
		return int64(p.generation)
	}
	return 1
}

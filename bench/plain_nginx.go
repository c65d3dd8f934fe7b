package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// plainNginx is the baseline: what somebody writes in an afternoon, one server
// block per site, tested and reloaded by nginx's own commands.
type plainNginx struct {
	dir        string
	public     string
	sites      int
	generation int64
}

func startPlainNginx(ctx context.Context, dir string, sites int) (*plainNginx, error) {
	public, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o711); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	p := &plainNginx{dir: dir, public: public, sites: sites, generation: 1}
	if err := p.write(); err != nil {
		return nil, err
	}
	if err := p.nginx(ctx); err != nil {
		return nil, err
	}
	if err := p.prove(ctx, nil); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// changeOneSite takes the time until a new generation is proved.
func (p *plainNginx) changeOneSite(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	p.generation++
	if err := p.write(); err != nil {
		return 0, err
	}
	if err := p.nginx(ctx, "-t", "-q"); err != nil {
		return 0, err
	}
	old, err := p.workers()
	if err != nil {
		return 0, err
	}
	if err := p.nginx(ctx, "-s", "reload"); err != nil {
		return 0, err
	}
	if err := p.prove(ctx, old); err != nil {
		return 0, err
	}
	return time.Since(begun), nil
}

func (p *plainNginx) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	master, err := p.master()
	if err != nil {
		return err
	}
	if err := p.nginx(ctx, "-s", "stop"); err != nil {
		return err
	}
	for alive(master) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the baseline's nginx to end: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

func (p *plainNginx) file() string   { return filepath.Join(p.dir, "nginx.conf") }
func (p *plainNginx) socket() string { return filepath.Join(p.dir, "status.sock") }

func (p *plainNginx) nginx(ctx context.Context, arguments ...string) error {
	arguments = append(arguments, "-c", p.file(), "-p", p.dir, "-e", filepath.Join(p.dir, "error.log"))
	command := exec.CommandContext(ctx, "nginx", arguments...)
	command.WaitDelay = time.Second
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("run nginx: %w: %s", err, bytes.TrimSpace(output))
	}
	return nil
}

func (p *plainNginx) write() error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "pid %[1]s/nginx.pid;\nerror_log %[1]s/error.log;\nworker_processes auto;\nevents {}\nhttp {\n", p.dir)
	text.WriteString("access_log off;\nserver_names_hash_bucket_size 512;\nserver_names_hash_max_size 65536;\n")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&text, "%s_temp_path %s/%s;\n", kind, p.dir, kind)
	}
	fmt.Fprintf(&text, "server { listen %s default_server; return 421; }\n", p.public)
	fmt.Fprintf(&text, "server { listen unix:%s; return 200 '{\"generation\":%d,\"pid\":$pid}'; }\n", p.socket(), p.generation)
	for number := range p.sites {
		fmt.Fprintf(&text, "server {\n listen %s;\n server_name %s;\n client_max_body_size 1m;\n location / {\n  proxy_set_header Host $host;\n  proxy_pass http://%s;\n }\n}\n",
			p.public, hostname(number), origin(number, p.revision(number)))
	}
	text.WriteString("}\n")
	if err := os.WriteFile(p.file(), text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the baseline's files: %w", err)
	}
	return nil
}

func (p *plainNginx) revision(number int) int64 {
	if number == 4711 {
		return p.generation
	}
	return 1
}

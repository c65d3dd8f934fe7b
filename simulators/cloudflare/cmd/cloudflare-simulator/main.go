// Command cloudflare-simulator runs Cloudflare's API and data plane in memory,
// with the accounts, zones, tunnels and tokens of a JSON file. See the package
// simulators/cloudflare for the form of the file and for the control API.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/siteplane/siteplane/simulators/cloudflare"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cloudflare-simulator:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	cfg, err := configure(args)
	if err != nil {
		return err
	}
	server, err := cloudflare.Listen(cfg)
	if err != nil {
		return err
	}
	cfg.Logger.Info("cloudflare listening", "api", server.URL(), "data", server.DataAddr(), "control", server.ControlURL()+"/_sim")
	return server.Serve(ctx)
}

// configure reads the flags and the file. A flag that is given wins over the
// file.
func configure(args []string) (cloudflare.Config, error) {
	flags := flag.NewFlagSet("cloudflare-simulator", flag.ContinueOnError)
	file := flags.String("config", "", "JSON file with accounts, zones, tunnels and tokens")
	addr := flags.String("addr", "127.0.0.1:8787", "ip:port of the API")
	dataAddr := flags.String("data-addr", "127.0.1.1:8088", "ip:port of the data plane")
	resolver := flags.String("resolver", "", "ip:port of the DNS server that is asked where custom hostnames lead")
	stateFile := flags.String("state-file", "", "where to keep what the API changes; empty for nowhere")
	dnsServer := flags.String("dns-server", "", "ip:port of the DNS server to publish records to; empty for none")
	dnsKey := flags.String("dns-key-file", "", "TSIG key for it, as nsupdate -k reads it")
	if err := flags.Parse(args); err != nil {
		return cloudflare.Config{}, err
	}

	cfg := cloudflare.Config{Addr: *addr, DataAddr: *dataAddr, Resolver: *resolver, StateFile: *stateFile}
	if err := read(*file, &cfg); err != nil {
		return cfg, err
	}
	flags.Visit(func(f *flag.Flag) {
		for name, to := range map[string]*string{
			"addr": &cfg.Addr, "data-addr": &cfg.DataAddr, "resolver": &cfg.Resolver, "state-file": &cfg.StateFile,
		} {
			if f.Name == name {
				*to = f.Value.String()
			}
		}
	})
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	return cfg, publishTo(&cfg, *dnsServer, *dnsKey)
}

func read(path string, cfg *cloudflare.Config) error {
	if path == "" {
		return nil
	}
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(cfg); err != nil {
		return fmt.Errorf("parse configuration %s: %w", path, err)
	}
	return nil
}

func publishTo(cfg *cloudflare.Config, server, keyFile string) error {
	if (server == "") != (keyFile == "") {
		return errors.New("dns-server and dns-key-file must be given together")
	}
	if server == "" {
		return nil
	}
	update, err := cloudflare.DNSUpdate{Server: server}.ReadKeyFile(keyFile)
	cfg.Publish = update
	return err
}

// Command dns-simulator runs an authoritative DNS server for zones given as
// files in presentation format. Changes by nsupdate last until it ends, those of
// kept zones for good.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/siteplane/siteplane/simulators/dns"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "dns-simulator:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("dns-simulator", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8053", "ip:port for UDP and TCP")
	keyName := flags.String("key-name", "siteplane", "name of the TSIG key for updates")
	keyFile := flags.String("key-file", "", "where the TSIG key for nsupdate -k is, made where it is missing; without it updates are refused")
	var zones []dns.Zone
	flags.Func("zone", "origin=file of a zone, or origin for an empty one; may be repeated", func(value string) error {
		z, err := readZone(value)
		zones = append(zones, z)
		return err
	})
	flags.Func("kept-zone", "origin=file of a zone whose changes are written to the file, made where it is missing; may be repeated", func(value string) error {
		origin, path, ok := strings.Cut(value, "=")
		zones = append(zones, dns.Zone{Origin: origin, File: path})
		if !ok || path == "" {
			return fmt.Errorf("%q is not origin=file", value)
		}
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}

	cfg := dns.Config{Addr: *addr, Zones: zones, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	if *keyFile != "" {
		secret, err := dns.EnsureKeyFile(*keyFile, *keyName)
		if err != nil {
			return err
		}
		cfg.TSIGName, cfg.TSIGSecret = *keyName, secret
	}
	server, err := dns.Listen(cfg)
	if err != nil {
		return err
	}
	cfg.Logger.Info("dns listening", "addr", server.Addr(), "zones", len(zones))
	return server.Serve(ctx)
}

func readZone(value string) (dns.Zone, error) {
	origin, path, ok := strings.Cut(value, "=")
	if !ok {
		return dns.Zone{Origin: origin}, nil
	}
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return dns.Zone{}, fmt.Errorf("read zone file: %w", err)
	}
	return dns.Zone{Origin: origin, Records: strings.Split(string(content), "\n")}, nil
}

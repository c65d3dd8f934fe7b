package main

import (
	"context"

	"github.com/siteplane/siteplane/test/split"
)

// installation is what the checks look at, in one process (upForm) or in several
// (splitForm). The names of services are those of package split.
type installation interface {
	// Start starts it and returns once it is up.
	Start(ctx context.Context) error
	// Kill ends the process in which a service runs, as a power cut does.
	Kill(name string) error
	// Restart starts that process again on the data that it left, and returns once
	// it answers.
	Restart(ctx context.Context, name string) error
	// Ended gets a value, or is closed, when something that runs now has ended.
	Ended() <-chan struct{}
	// Died says what has ended by itself, and how; nil for nothing.
	Died() error
	// End ends whatever runs, nginx too.
	End() error
	// Where says where things are; complete once Start has returned.
	Where() places
}

// places are where things are.
type places struct {
	// DNS and Cloudflare's API are the simulators, DNSKey the file of the key for
	// updates. Sites is the port of the edge.
	DNS, DNSKey, CloudflareURL, SitesPort string
	// EdgeDir and TunnelDir are the services' data directories; NginxConf is what
	// nginx runs.
	EdgeDir, TunnelDir, NginxConf string
	// Database is lifecycle's file or URL, CLIConfig what the command line reads.
	Database, CLIConfig string
	// Log is what lifecycle has logged.
	Log string
}

// splitForm is an installation whose services are programs of their own.
type splitForm struct{ *split.Installation }

func newSplitForm(ctx context.Context, c config, dir, otlp, database string) (splitForm, error) {
	made, err := split.New(ctx, split.Config{Bin: c.bin(), Dir: dir, PortBase: c.portBase, OTLPEndpoint: otlp, Database: database})
	return splitForm{made}, err
}

// Where says where things are.
func (f splitForm) Where() places {
	return places{
		DNS: f.DNSAddress(), DNSKey: f.DNSKey(), CloudflareURL: f.CloudflareURL(), SitesPort: portOf(f.Edge()),
		EdgeDir: f.EdgeDir(), TunnelDir: f.TunnelDir(), NginxConf: f.NginxConf(),
		Database: f.Database(), CLIConfig: f.CLIConfig(), Log: f.LogFile(split.Lifecycle),
	}
}

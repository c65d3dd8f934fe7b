package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	agent "github.com/siteplane/siteplane/services/edge-agent/app"
)

// joinFlags are the flags of `edge join`.
type joinFlags struct {
	server, token, tokenFile, advertise, dir string
	force                                    bool
}

const joinExample = `  siteplane edge join --server lifecycle.example.com:9094 --advertise 10.0.0.7:9091 --token-file token
  ssh admin siteplane edge token fra1 | siteplane edge join --server lifecycle.example.com:9094 --advertise 10.0.0.7:9091`

// edgeJoin runs on the host of an edge, and needs no installation that it knows.
func (a *app) edgeJoin() *cobra.Command {
	flags := &joinFlags{}
	command := &cobra.Command{
		Use:   "join --server HOST:PORT --advertise HOST:PORT",
		Short: "Make the host on which it runs an edge, with a token of `edge token`",
		Long: "Make the host on which it runs an edge. The key is made here and stays here; the token says\n" +
			"whom to believe, and is the only credential: no config file is read. Run it as the user that\n" +
			"runs the agent, to whom the folder will belong. It may be repeated when it was interrupted.\n\n" +
			"Give the token on the standard input or with --token-file: everybody on a host sees --token.",
		Example: joinExample,
		Args:    Args(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return flags.check() },
		RunE: func(command *cobra.Command, _ []string) error {
			view, err := flags.join(command)
			if err != nil {
				return err
			}
			hint(command, "start its agent, as deploy/systemd/edge-agent.service does; it renews the certificate by itself:")
			hint(command, "  %s", view.start())
			return a.print(command, view)
		},
	}
	flags.addTo(command)
	return command
}

func (f *joinFlags) addTo(command *cobra.Command) {
	set := command.Flags()
	set.SortFlags = false
	set.StringVar(&f.server, "server", "", "where lifecycle enrols, `HOST:PORT`: its --listen-enrolment")
	set.StringVar(&f.advertise, "advertise", "", "where lifecycle will call the agent of this host, `HOST:PORT`")
	set.StringVar(&f.tokenFile, "token-file", "", "`FILE` with the token (default the standard input)")
	set.StringVar(&f.token, "token", "", "the `TOKEN` itself, which everybody on this host sees")
	set.StringVar(&f.dir, "dir", "/var/lib/siteplane/pki", "`DIR` that takes key and certificate: the --pki of the agent")
	set.BoolVar(&f.force, "force", false, "replace the identity of the edge that this host was before")
}

func (f *joinFlags) check() error {
	var problems []error
	if f.server == "" || f.advertise == "" {
		problems = append(problems, errors.New("--server and --advertise are needed"))
	}
	if f.token != "" && f.tokenFile != "" {
		problems = append(problems, errors.New("give either --token or --token-file"))
	}
	if err := errors.Join(problems...); err != nil {
		return &usageError{err}
	}
	return nil
}

func (f *joinFlags) join(command *cobra.Command) (*joinView, error) {
	token, err := f.token, error(nil)
	if token == "" {
		if token, err = readSecret(command, "the token", f.tokenFile); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return nil, err
	}
	cfg := agent.JoinConfig{Server: f.server, Token: token, Address: f.advertise, Dir: dir, Force: f.force}
	if err := cfg.Validate(); err != nil {
		return nil, &usageError{err}
	}
	joined, err := agent.Join(command.Context(), cfg)
	if err != nil {
		return nil, joinFailed(f.server, err)
	}
	return &joinView{joined: joined, dir: dir, advertise: f.advertise}, nil
}

// joinError is what came of a join instead of an edge.
type joinError struct {
	server string
	status *status.Status
}

// joinFailed leaves the errors of this host as they are.
func joinFailed(server string, err error) error {
	var answered interface{ GRPCStatus() *status.Status }
	if errors.As(err, &answered) {
		return &joinError{server: server, status: answered.GRPCStatus()}
	}
	return err
}

func (e *joinError) Error() string { return e.status.Message() }

func (e *joinError) exitCode() int {
	if code, known := exitOfStatus[e.status.Code()]; known {
		return code
	}
	return ExitError
}

func (e *joinError) problem() problem {
	found := problem{text: e.Error()}
	if reason := rpcerr.Reason(e.status.Err()); reason != "" {
		found.details = []string{"reason: " + reason}
	}
	switch e.status.Code() {
	case codes.Unavailable, codes.DeadlineExceeded:
		found.next = fmt.Sprintf("see that lifecycle enrols at %s (--listen-enrolment), that the token is of this installation, and that no firewall is between; "+
			"then run the command again, the token is not spent", e.server)
	case codes.Unauthenticated:
		found.next = "make another with `siteplane edge token NAME`: a token ends after ten minutes, and lets one host in"
	}
	return found
}

// joinView shows the edge that a host is now.
type joinView struct {
	joined         agent.Joined
	dir, advertise string
}

func (v *joinView) json() (json.RawMessage, error) {
	return json.Marshal(map[string]string{
		"edgeId": v.joined.EdgeID, "name": v.joined.Name, "dir": v.dir,
		"certificateExpireTime": v.joined.Until.UTC().Format(time.RFC3339),
	})
}

func (v *joinView) write(p *page) {
	p.table(
		[]string{"Edge", v.joined.EdgeID},
		[]string{"Name", v.joined.Name},
		[]string{"Identity", v.dir},
		[]string{"Until", v.joined.Until.UTC().Format(time.RFC3339)},
	)
}

// start is the command of the agent: it listens where lifecycle calls, on all
// addresses where that is a name.
func (v *joinView) start() string {
	listen := v.advertise
	if host, port, err := net.SplitHostPort(v.advertise); err == nil {
		if _, err := netip.ParseAddr(host); err != nil {
			listen = ":" + port
		}
	}
	return fmt.Sprintf("edge-agent --pki %s --listen %s --public-listen IP:80", v.dir, listen)
}

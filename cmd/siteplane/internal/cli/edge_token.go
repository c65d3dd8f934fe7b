package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// maxTokenLifetime is how long a join token holds at most.
const maxTokenLifetime = 10 * time.Minute

// tokenFlags are the flags of `edge token`.
type tokenFlags struct {
	labels    labelFlags
	addresses []string
	lifetime  time.Duration
	server    string
	advertise string
}

const tokenExample = `  siteplane edge token fra1 --label region=eu --public-address 203.0.113.7
  siteplane edge token fra1 | ssh fra1 siteplane edge join --server lifecycle.example.com:9094 --advertise 10.0.0.7:9091`

func (a *app) edgeToken() *cobra.Command {
	flags := &tokenFlags{}
	command := &cobra.Command{
		Use:   "token NAME",
		Short: "Let one host join as an edge, within ten minutes",
		Long: "Let one host join as an edge, once and within ten minutes. The token goes to the standard output,\n" +
			"what to do with it beside it. The host becomes a new edge; where an edge of that name is part of\n" +
			"the installation, it takes its place, with its labels and addresses, for a host that was set up anew.\n" +
			"An earlier token of the name ends.",
		Example: tokenExample,
		Args:    exactly("NAME"),
		PreRunE: func(*cobra.Command, []string) error { return flags.check() },
	}
	flags.addTo(command)
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		made, err := change(command.Context(), s, s.infrastructure.CreateJoinToken, flags.request(args[0]))
		if err != nil {
			return err
		}
		flags.explain(command, s, made, a.deps.Now())
		return a.print(command, &newTokenView{made: made, now: a.deps.Now()})
	})
}

func (f *tokenFlags) addTo(command *cobra.Command) {
	set := command.Flags()
	set.SortFlags = false
	set.Var(&f.labels, "label", "`KEY=VALUE` of a new edge, which placements select it by; repeat for more")
	set.StringSliceVar(&f.addresses, "public-address", nil, "`IP` at which visitors reach a new edge; repeat for more")
	set.DurationVar(&f.lifetime, "lifetime", maxTokenLifetime, "how `LONG` it can be used, at most 10m")
	set.StringVar(&f.server, "server", "", "where the host reaches lifecycle's --listen-enrolment, `HOST:PORT`, for the command that is shown")
	set.StringVar(&f.advertise, "advertise", "", "where lifecycle will call the agent, `HOST:PORT`, for the command that is shown")
}

func (f *tokenFlags) check() error {
	for _, address := range f.addresses {
		if _, err := netip.ParseAddr(address); err != nil {
			return &usageError{fmt.Errorf("--public-address must be an IP address, not %q", address)}
		}
	}
	if f.lifetime < time.Second || f.lifetime > maxTokenLifetime {
		return &usageError{fmt.Errorf("--lifetime must be between 1s and %s, not %s", "10m", f.lifetime)}
	}
	return nil
}

func (f *tokenFlags) request(name string) *lifecyclev1.CreateJoinTokenRequest {
	request := &lifecyclev1.CreateJoinTokenRequest{Name: name, Lifetime: durationpb.New(f.lifetime)}
	if len(f.labels) > 0 {
		request.Labels = &lifecyclev1.EdgeLabels{Labels: f.labels}
	}
	if len(f.addresses) > 0 {
		request.PublicAddresses = &lifecyclev1.EdgeAddresses{Addresses: f.addresses}
	}
	return request
}

// explain says what to do with a token. Where lifecycle enrols only its operator knows.
func (f *tokenFlags) explain(command *cobra.Command, s *session, made *lifecyclev1.CreateJoinTokenResponse, now time.Time) {
	if made.GetToken() == "" {
		hint(command, "the request was repeated: the token was shown the first time, and is not shown again")
		return
	}
	token := made.GetJoinToken()
	server := f.server
	if server == "" {
		host, _, _ := net.SplitHostPort(s.config.Address)
		server = net.JoinHostPort(host, "ENROLMENT-PORT")
	}
	hint(command, "the token is for one host, which becomes %s (%s), and ends %s", token.GetName(), token.GetEdgeId(), until(token.GetExpireTime(), now))
	hint(command, "run there, as the user that runs its agent, and give it the token on the standard input:")
	hint(command, "  siteplane edge join --server %s --advertise %s", server, cmp.Or(f.advertise, "ADDRESS-OF-THAT-HOST:9091"))
}

// newTokenView shows a new token; the table is the text alone, for a pipe.
type newTokenView struct {
	made *lifecyclev1.CreateJoinTokenResponse
	now  time.Time
}

func (v *newTokenView) json() (json.RawMessage, error) { return protoJSON(v.made) }

func (v *newTokenView) write(p *page) {
	if v.made.GetToken() != "" {
		p.printf("%s", v.made.GetToken())
	}
}

func (a *app) edgeTokens() *cobra.Command {
	return &cobra.Command{
		Use:   "tokens",
		Short: "List the tokens that can be used, newest first",
		Args:  Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			list, err := call(command.Context(), s, callTimeout, s.infrastructure.ListJoinTokens, &lifecyclev1.ListJoinTokensRequest{})
			if err != nil {
				return err
			}
			return a.print(command, &tokenListView{tokens: list.GetJoinTokens(), now: a.deps.Now()})
		}),
	}
}

// tokenListView shows tokens as one table or one JSON object.
type tokenListView struct {
	tokens []*lifecyclev1.JoinToken
	now    time.Time
}

func (v *tokenListView) json() (json.RawMessage, error) { return listJSON("joinTokens", v.tokens) }

func (v *tokenListView) write(p *page) {
	rows := [][]string{{"ID", "NAME", "EDGE", "LABELS", "VISITORS", "ENDS"}}
	for _, token := range v.tokens {
		rows = append(rows, []string{
			token.GetJoinTokenId(), token.GetName(), token.GetEdgeId(), labelLine(token.GetLabels()),
			strings.Join(token.GetPublicAddresses(), ", "), until(token.GetExpireTime(), v.now),
		})
	}
	p.table(rows...)
}

func (a *app) edgeRevoke() *cobra.Command {
	command := &cobra.Command{
		Use:   "revoke TOKEN",
		Short: "End a token before its time, by its id, join_...",
		Args:  exactly("TOKEN"),
	}
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		id, _, _ := strings.Cut(args[0], ".") // of the whole token, the first part is its id
		_, err := change(command.Context(), s, s.infrastructure.DeleteJoinToken, &lifecyclev1.DeleteJoinTokenRequest{JoinTokenId: id})
		if err != nil {
			return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, "`siteplane edge tokens` shows the tokens")
		}
		return a.print(command, &revokedTokenView{id: id})
	})
}

// revokedTokenView shows what a command has ended.
type revokedTokenView struct{ id string }

func (v *revokedTokenView) json() (json.RawMessage, error) {
	return json.Marshal(map[string]string{"joinTokenId": v.id})
}

func (v *revokedTokenView) write(p *page) { p.printf("%s has ended", v.id) }

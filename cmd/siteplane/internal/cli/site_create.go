package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// createFlags are the flags of `site create`.
type createFlags struct {
	slug            string
	hostname        string
	direct          bool
	origin          targets
	redirect        string
	redirectCode    uint32
	routes          routes
	stripPrefix     bool
	maxBody         size
	connectTimeout  time.Duration
	readTimeout     time.Duration
	websocket       bool
	responseHeaders headers
	requestHeaders  headers
	requestID       string
	wait            waitFlags
}

const createExample = `  siteplane site create shop --origin 10.0.0.5:8080 --wait
  siteplane site create shop --origin 10.0.0.5:8080,3 --origin 10.0.0.6:8080 --route /api/=10.0.0.7:9000
  siteplane site create shop --origin 10.0.0.5:8080 --domain www.shop.example
  siteplane site create old-shop --redirect https://shop.example.com`

func (a *app) siteCreate() *cobra.Command {
	flags := &createFlags{}
	command := &cobra.Command{
		Use:     "create NAME",
		Short:   "Create a site under the platform domain, or under a hostname of your own",
		Example: createExample,
		Args:    exactly("NAME"),
		PreRunE: func(command *cobra.Command, _ []string) error { return flags.check(command) },
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			request := &lifecyclev1.CreateSiteRequest{
				Site: flags.siteNamed(args[0], command), RequestId: flags.requestID,
				PrimaryHostname: flags.hostname, Direct: flags.direct,
			}
			return a.create(command, s, request, flags.wait)
		}),
	}
	flags.addTo(command)
	return flags.wait.addTo(command, "site", "ACTIVE")
}

func (a *app) create(command *cobra.Command, s *session, request *lifecyclev1.CreateSiteRequest, wait waitFlags) error {
	if request.RequestId == "" {
		request.RequestId = a.deps.NewID()
	}
	created, err := call(command.Context(), s, callTimeout, s.sites.CreateSite, request)
	if err != nil {
		if hostname := request.GetPrimaryHostname(); hostname != "" {
			err = advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NAME_TAKEN, slugOrHostname(request.GetSite().GetSlug(), hostname))
		}
		return repeatable(err, request.GetRequestId())
	}
	return a.finishSite(command, s, wait, untilActive(), snapshot(created))
}

// slugOrHostname says what to do about a name that is taken. A slug that nobody
// asked for is never the one: the server finds another.
func slugOrHostname(slug, hostname string) string {
	claimed := "`siteplane domain get " + asciiForm(hostname) + "` shows the claim that you have already"
	if slug == "" {
		return claimed
	}
	return "choose another name with --slug; of a hostname, " + claimed
}

func (f *createFlags) addTo(command *cobra.Command) {
	set := command.Flags()
	set.SortFlags = false
	set.StringVar(&f.slug, "slug", "", "`LABEL` under the platform domain (default made from NAME)")
	set.StringVar(&f.hostname, "domain", "", "`HOSTNAME` of your own that becomes the primary domain (default the platform name)")
	set.BoolVar(&f.direct, "direct", false, directUsage)
	set.Var(&f.origin, "origin", "`IP:PORT[,WEIGHT]` to forward to; repeat for more")
	set.StringVar(&f.redirect, "redirect", "", "answer with a redirect to this `URL` instead")
	set.Uint32Var(&f.redirectCode, "redirect-code", 0, "`CODE` of the redirect: 301, 302, 307 or 308 (default 308)")
	set.Var(&f.routes, "route", "`/PREFIX/=IP:PORT[,WEIGHT]` with an origin of its own; repeat for more")
	set.BoolVar(&f.stripPrefix, "strip-prefix", false, "remove the prefix of every --route before forwarding")
	set.Var(&f.maxBody, "max-body", "largest request body as `SIZE`, for instance 10MiB (default 1MiB)")
	set.DurationVar(&f.connectTimeout, "connect-timeout", 0, "longest `TIME` to wait for a connection to the origin (default 5s)")
	set.DurationVar(&f.readTimeout, "read-timeout", 0, "longest `TIME` of silence of the origin (default 60s)")
	set.BoolVar(&f.websocket, "websocket", false, "forward connection upgrades")
	set.Var(&f.responseHeaders, "response-header", "`'NAME: VALUE'` added to every answer; repeat for more")
	set.Var(&f.requestHeaders, "request-header", "`'NAME: VALUE'` set on every forwarded request; repeat for more")
	set.StringVar(&f.requestID, "request-id", "", "`ID` that makes the command safe to repeat (default a new one)")
}

// check refuses combinations that mean nothing. What values may be is the
// server's to say.
func (f *createFlags) check(command *cobra.Command) error {
	switch changed := command.Flags().Changed; {
	case changed("origin") == changed("redirect"):
		return &usageError{errors.New("give either --origin or --redirect")}
	case changed("direct") && !changed("domain"):
		return &usageError{errors.New("--direct needs --domain")}
	case changed("redirect-code") && !changed("redirect"):
		return &usageError{errors.New("--redirect-code needs --redirect")}
	case changed("strip-prefix") && !changed("route"):
		return &usageError{errors.New("--strip-prefix needs --route")}
	}
	return f.wait.check(command)
}

func (f *createFlags) siteNamed(name string, command *cobra.Command) *lifecyclev1.Site {
	spec := &lifecyclev1.SiteSpec{Routes: f.routes.messages(f.stripPrefix), Options: f.options(command)}
	if command.Flags().Changed("redirect") {
		redirect := &lifecyclev1.Redirect{BaseUrl: f.redirect, StatusCode: f.redirectCode}
		spec.Backend = &lifecyclev1.SiteSpec_Redirect{Redirect: redirect}
	} else {
		spec.Backend = &lifecyclev1.SiteSpec_Origin{Origin: &lifecyclev1.Origin{Targets: f.origin}}
	}
	return &lifecyclev1.Site{Name: name, Slug: f.slug, Spec: spec}
}

func (f *createFlags) options(command *cobra.Command) *lifecyclev1.SiteOptions {
	options := &lifecyclev1.SiteOptions{
		MaxBodyBytes:    int64(f.maxBody),
		Websocket:       f.websocket,
		ResponseHeaders: f.responseHeaders,
		RequestHeaders:  f.requestHeaders,
	}
	// A timeout of 0 that was asked for is sent, so that the server refuses it.
	if command.Flags().Changed("connect-timeout") {
		options.ConnectTimeout = durationpb.New(f.connectTimeout)
	}
	if command.Flags().Changed("read-timeout") {
		options.ReadTimeout = durationpb.New(f.readTimeout)
	}
	return options
}

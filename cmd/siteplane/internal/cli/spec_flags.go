package cli

import (
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// specFlags are the flags of every command that describes a spec.
type specFlags struct {
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
	maintenance     bool
	compress        bool
	rate            int32
}

// specFlagNames are what specFlags are called on the command line.
var specFlagNames = []string{
	"origin", "redirect", "redirect-code", "route", "strip-prefix", "max-body", "connect-timeout", "read-timeout",
	"websocket", "response-header", "request-header", "maintenance", "compress", "rate",
}

// addTo adds the flags; unset says of a flag what holds without it.
func (f *specFlags) addTo(command *cobra.Command, unset func(value string) string) {
	set := command.Flags()
	set.Var(&f.origin, "origin", "`IP:PORT[,WEIGHT]` to forward to; repeat for more")
	set.StringVar(&f.redirect, "redirect", "", "answer with a redirect to this `URL` instead")
	set.Uint32Var(&f.redirectCode, "redirect-code", 0, "`CODE` of the redirect: 301, 302, 307 or 308"+unset("308"))
	set.Var(&f.routes, "route", "`/PREFIX/=IP:PORT[,WEIGHT]` with an origin of its own; repeat for more")
	set.BoolVar(&f.stripPrefix, "strip-prefix", false, "remove the prefix of every --route before forwarding")
	set.Var(&f.maxBody, "max-body", "largest request body as `SIZE`, for instance 10MiB"+unset("1MiB"))
	set.DurationVar(&f.connectTimeout, "connect-timeout", 0, "longest `TIME` to wait for a connection to the origin"+unset("5s"))
	set.DurationVar(&f.readTimeout, "read-timeout", 0, "longest `TIME` of silence of the origin"+unset("60s"))
	set.BoolVar(&f.websocket, "websocket", false, "forward connection upgrades")
	set.Var(&f.responseHeaders, "response-header", "`'NAME: VALUE'` added to every answer; repeat for more")
	set.Var(&f.requestHeaders, "request-header", "`'NAME: VALUE'` set on every forwarded request; repeat for more")
	set.BoolVar(&f.compress, "compress", false, "compress answers of text")
	set.Int32Var(&f.rate, "rate", 0, "`REQUESTS` a second that each edge takes, in bursts of twice as many: 1, 2, 5, 10 ... 5000"+unset("no limit"))
	set.BoolVar(&f.maintenance, "maintenance", false, "answer every request 503 with a maintenance page")
}

// given reports whether any of the flags is on the command line.
func (f *specFlags) given(command *cobra.Command) bool {
	return slices.ContainsFunc(specFlagNames, command.Flags().Changed)
}

// check refuses combinations that mean nothing in any spec. What values may be is
// the server's to say.
func (f *specFlags) check(command *cobra.Command) error {
	if changed := command.Flags().Changed; changed("strip-prefix") && !changed("route") {
		return &usageError{errors.New("--strip-prefix needs --route")}
	}
	return nil
}

// applyTo writes what the flags say into a spec, and leaves the rest of it.
func (f *specFlags) applyTo(spec *lifecyclev1.SiteSpec, command *cobra.Command) {
	changed := command.Flags().Changed
	if changed("origin") {
		spec.Backend = &lifecyclev1.SiteSpec_Origin{Origin: &lifecyclev1.Origin{Targets: f.origin}}
	}
	if changed("redirect") {
		redirect := &lifecyclev1.Redirect{BaseUrl: f.redirect, StatusCode: spec.GetRedirect().GetStatusCode()}
		spec.Backend = &lifecyclev1.SiteSpec_Redirect{Redirect: redirect}
	}
	if redirect := spec.GetRedirect(); redirect != nil && changed("redirect-code") {
		redirect.StatusCode = f.redirectCode
	}
	if changed("route") {
		spec.Routes = f.routes.messages(f.stripPrefix)
	}
	if spec.Options == nil {
		spec.Options = &lifecyclev1.SiteOptions{}
	}
	f.applyOptions(spec.GetOptions(), changed)
}

func (f *specFlags) applyOptions(options *lifecyclev1.SiteOptions, changed func(string) bool) {
	if changed("max-body") {
		options.MaxBodyBytes = int64(f.maxBody)
	}
	// A timeout of 0 that was asked for is sent, so that the server refuses it.
	if changed("connect-timeout") {
		options.ConnectTimeout = durationpb.New(f.connectTimeout)
	}
	if changed("read-timeout") {
		options.ReadTimeout = durationpb.New(f.readTimeout)
	}
	if changed("websocket") {
		options.Websocket = f.websocket
	}
	if changed("response-header") {
		options.ResponseHeaders = f.responseHeaders
	}
	if changed("request-header") {
		options.RequestHeaders = f.requestHeaders
	}
	if changed("maintenance") {
		options.Maintenance = f.maintenance
	}
	if changed("compress") {
		options.Compress = f.compress
	}
	if changed("rate") {
		options.RequestsPerSecond = f.rate
	}
}

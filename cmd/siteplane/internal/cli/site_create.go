package cli

import (
	"errors"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// createFlags are the flags of `site create`.
type createFlags struct {
	slug      string
	hostname  string
	direct    bool
	placement string
	spec      specFlags
	wait      waitFlags
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
	}
	flags.addTo(command)
	a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		request := &lifecyclev1.CreateSiteRequest{
			Site: flags.siteNamed(args[0], command), PrimaryHostname: flags.hostname, Direct: flags.direct,
		}
		return a.create(command, s, request, flags.wait)
	})
	return flags.wait.addTo(command, "site", "ACTIVE or waits for you")
}

func (a *app) create(command *cobra.Command, s *session, request *lifecyclev1.CreateSiteRequest, wait waitFlags) error {
	created, err := change(command.Context(), s, s.sites.CreateSite, request)
	if err != nil {
		if hostname := request.GetPrimaryHostname(); hostname != "" {
			err = advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NAME_TAKEN, slugOrHostname(request.GetSite().GetSlug(), hostname))
		}
		return err
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
	set.StringVar(&f.placement, "placement", "", "`PLACEMENT` whose edges serve it, for good (default the one named default)")
	f.spec.addTo(command, func(value string) string { return " (default " + value + ")" })
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
	}
	if err := f.spec.check(command); err != nil {
		return err
	}
	return f.wait.check(command)
}

func (f *createFlags) siteNamed(name string, command *cobra.Command) *lifecyclev1.Site {
	spec := &lifecyclev1.SiteSpec{}
	f.spec.applyTo(spec, command)
	return &lifecyclev1.Site{Name: name, Slug: f.slug, Placement: f.placement, Spec: spec}
}

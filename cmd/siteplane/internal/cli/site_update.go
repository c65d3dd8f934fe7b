package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// updateFlags are the flags of `site update`.
type updateFlags struct {
	name  string
	spec  specFlags
	clear map[string]*bool
	wait  waitFlags
}

// clearable are the lists that a flag of their own empties, by the flag that
// fills them.
var clearable = map[string]string{
	"route":           "clear-routes",
	"response-header": "clear-response-headers",
	"request-header":  "clear-request-headers",
}

const updateExample = `  siteplane site update shop --origin 10.0.0.8:8080 --wait
  siteplane site update shop --websocket --max-body 10MiB
  siteplane site update shop --maintenance
  siteplane site update shop --clear-routes --response-header 'X-Frame-Options: DENY'
  siteplane site update shop --name "The Shop"`

func (a *app) siteUpdate() *cobra.Command {
	flags := &updateFlags{clear: map[string]*bool{}}
	command := &cobra.Command{
		Use:   "update SITE",
		Short: "Change a site's name, where it leads, or its options",
		Long: "Change a site's name, where it leads, or its options. What no flag names stays as it is;\n" +
			"flags that repeat take the place of the whole list. The site serves what it served\n" +
			"before until the edges have proved the change.",
		Example: updateExample,
		Args:    exactly("SITE"),
		PreRunE: func(command *cobra.Command, _ []string) error { return flags.check(command) },
	}
	flags.addTo(command)
	a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		request, err := flags.request(command, s, args[0])
		if err != nil {
			return err
		}
		return a.update(command, s, request, flags.wait)
	})
	return flags.wait.addTo(command, "new revision", "proved by the edges")
}

func (f *updateFlags) addTo(command *cobra.Command) {
	set := command.Flags()
	set.SortFlags = false
	set.StringVar(&f.name, "name", "", "`NAME` for people")
	f.spec.addTo(command, func(string) string { return "" })
	for _, list := range []string{"route", "response-header", "request-header"} {
		f.clear[list] = set.Bool(clearable[list], false, "have no --"+list+" any more")
	}
}

func (f *updateFlags) check(command *cobra.Command) error {
	changed := command.Flags().Changed
	switch {
	case !changed("name") && !f.changesSpec(command):
		return &usageError{errors.New("say what shall change: --name, or a part of the spec")}
	case changed("origin") && changed("redirect"):
		return &usageError{errors.New("give either --origin or --redirect")}
	case changed("origin") && changed("redirect-code"):
		return &usageError{errors.New("--redirect-code is for a site that redirects, not for one with an --origin")}
	}
	for list, clear := range f.clear {
		if *clear && changed(list) {
			return &usageError{fmt.Errorf("give either --%s or --%s", list, clearable[list])}
		}
	}
	if err := f.spec.check(command); err != nil {
		return err
	}
	return f.wait.check(command)
}

func (f *updateFlags) changesSpec(command *cobra.Command) bool {
	for _, clear := range f.clear {
		if *clear {
			return true
		}
	}
	return f.spec.given(command)
}

// request asks for the change. A spec goes as a whole, so the one that the site has
// is read first, and the etag keeps what somebody else changes meanwhile.
func (f *updateFlags) request(command *cobra.Command, s *session, named string) (*lifecyclev1.UpdateSiteRequest, error) {
	id, err := s.siteID(command.Context(), named)
	if err != nil {
		return nil, err
	}
	request := &lifecyclev1.UpdateSiteRequest{Site: &lifecyclev1.Site{SiteId: id}, UpdateMask: &fieldmaskpb.FieldMask{}}
	if command.Flags().Changed("name") {
		request.Site.Name = f.name
		request.UpdateMask.Paths = append(request.UpdateMask.Paths, "name")
	}
	if !f.changesSpec(command) {
		return request, nil
	}
	found, err := call(command.Context(), s, callTimeout, s.sites.GetSite, &lifecyclev1.GetSiteRequest{SiteId: id})
	if err != nil {
		return nil, err
	}
	if request.Site.Spec, err = f.changed(found.GetSite(), command); err != nil {
		return nil, err
	}
	request.Site.Etag = found.GetSite().GetEtag()
	request.UpdateMask.Paths = append(request.UpdateMask.Paths, "spec")
	return request, nil
}

// changed is the spec of a site with what the flags say.
func (f *updateFlags) changed(site *lifecyclev1.Site, command *cobra.Command) (*lifecyclev1.SiteSpec, error) {
	if site.GetSpec() == nil { // a tombstone
		return nil, &missingError{kind: "site", name: site.GetSiteId()}
	}
	spec := proto.CloneOf(site.GetSpec())
	f.spec.applyTo(spec, command)
	if command.Flags().Changed("redirect-code") && spec.GetRedirect() == nil {
		return nil, &usageError{errors.New("--redirect-code needs --redirect: the site does not redirect yet")}
	}
	if *f.clear["route"] {
		spec.Routes = nil
	}
	if *f.clear["response-header"] {
		spec.Options.ResponseHeaders = nil
	}
	if *f.clear["request-header"] {
		spec.Options.RequestHeaders = nil
	}
	return spec, nil
}

func (a *app) update(command *cobra.Command, s *session, request *lifecyclev1.UpdateSiteRequest, wait waitFlags) error {
	updated, err := change(command.Context(), s, s.sites.UpdateSite, request)
	if err != nil {
		return err
	}
	return a.afterRevision(command, s, wait, snapshot(updated))
}

// afterRevision ends a command that has made a revision of a site's spec: it waits
// until the edges have proved it, if the user asked for that.
func (a *app) afterRevision(command *cobra.Command, s *session, wait waitFlags, made *lifecyclev1.GetSiteResponse) error {
	site := made.GetSite()
	if wait.wait || made.GetOperation() != nil {
		return a.finishSite(command, s, wait, untilRevision(site.GetRevision()), made)
	}
	if site.GetStatus() == lifecyclev1.SiteStatus_SITE_STATUS_ERROR {
		hint(command, "the site is in ERROR; take it to the edges with: siteplane site retry %s", site.GetSiteId())
	}
	return a.printSite(command, s, made, nil)
}

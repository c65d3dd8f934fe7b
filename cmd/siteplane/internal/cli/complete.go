package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// completeTimeout is how long somebody who pressed TAB waits.
const completeTimeout = 2 * time.Second

// completeArguments teaches every command below root what may stand in its places:
// the names in its usage line and in the usage of its flags say it.
func (a *app) completeArguments(root *cobra.Command) {
	for _, command := range root.Commands() {
		a.completeArguments(command)
	}
	if places := places(root); len(places) > 0 {
		root.ValidArgsFunction = func(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) >= len(places) {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.suggest(command.Context(), places[len(args)])
		}
	}
	a.completeFlags(root, root.LocalNonPersistentFlags())
	a.completeFlags(root, root.PersistentFlags())
}

func (a *app) completeFlags(command *cobra.Command, flags *pflag.FlagSet) {
	flags.VisitAll(func(flag *pflag.Flag) {
		place, _ := pflag.UnquoteUsage(flag)
		if flag.Value.Type() == "bool" || place == "" {
			return
		}
		// It fails only for a flag that has one already.
		_ = command.RegisterFlagCompletionFunc(flag.Name, func(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.suggest(command.Context(), place)
		})
	})
}

// places are the arguments of a command as its usage line names them.
func places(command *cobra.Command) []string {
	var places []string
	for _, word := range strings.Fields(command.Use)[1:] {
		if strings.HasPrefix(word, "--") {
			break // a flag that is needed
		}
		places = append(places, strings.Trim(word, "[]"))
	}
	return places
}

// suggest lists what may stand in a place. It is silent about errors: the command
// itself tells them.
func (a *app) suggest(ctx context.Context, place string) ([]string, cobra.ShellCompDirective) {
	switch place {
	case "FILE", "DIR":
		return nil, cobra.ShellCompDirectiveDefault
	case "TYPE":
		return []string{"site.*", "domain.*", "operation.*", "tenant.*", "key.*", "zone.*", "edge.*", "join_token.*", "placement.*", "drift.*", "hold.*"}, cobra.ShellCompDirectiveNoFileComp
	}
	var found []string
	for alternative := range strings.SplitSeq(place, "|") {
		if strings.ToUpper(alternative) == alternative {
			found = append(found, a.names(ctx, alternative)...)
		} else {
			found = append(found, alternative)
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// names are those of all objects of a kind; none where they cannot be had soon.
func (a *app) names(ctx context.Context, kind string) []string {
	if kind == "CONTEXT" {
		contexts, err := cliconfig.ContextsOf(a.deps.Getenv)
		if err != nil {
			return nil
		}
		names, _ := contexts.Names() // none is as good as an error here
		return names
	}
	list, known := namers[kind]
	if !known {
		return nil
	}
	s, hangUp, err := a.connect()
	if err != nil {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	names, _ := list(bounded, s) // none is as good as an error here
	_ = hangUp()                 // nothing is left to be said on it
	return names
}

// namers list the names of objects by what the help calls one.
var namers = map[string]func(context.Context, *session) ([]string, error){
	"SITE": namer(listAllSites, func(site *lifecyclev1.Site) string {
		return described(site.GetSlug(), site.GetSiteId(), site.GetName())
	}),
	"DOMAIN": namer(listAllDomains, func(domain *lifecyclev1.Domain) string {
		return described(domain.GetHostname(), domain.GetDomainId(), domainStatus(domain.GetStatus()))
	}),
	"TENANT": namer(listAllTenants, func(tenant *lifecyclev1.Tenant) string {
		return described(tenant.GetName(), tenant.GetTenantId(), tenantState(tenant.GetState()))
	}),
	"KEY": namer(listAllKeys, func(key *lifecyclev1.Key) string { return described(key.GetKeyId(), "", key.GetName()) }),
	"EDGE": namer(edges().list, func(edge *lifecyclev1.Edge) string {
		return described(edge.GetName(), edge.GetEdgeId(), "")
	}),
	"PLACEMENT": namer(listPlacements, func(placement *lifecyclev1.Placement) string {
		return described(placement.GetName(), "", labelLine(placement.GetEdgeLabels()))
	}),
	"TUNNEL": namer(tunnels().list, func(tunnel *lifecyclev1.Tunnel) string {
		return described(tunnel.GetName(), tunnel.GetTunnelId(), "")
	}),
	"ZONE": namer(listGrants, (*lifecyclev1.ZoneGrant).GetZoneName),
}

func listAllSites(ctx context.Context, s *session) ([]*lifecyclev1.Site, error) {
	return listSites(ctx, s, selectFlags{})
}

func listAllDomains(ctx context.Context, s *session) ([]*lifecyclev1.Domain, error) {
	return listDomains(ctx, s, "", selectFlags{})
}

func listAllTenants(ctx context.Context, s *session) ([]*lifecyclev1.Tenant, error) {
	return listTenants(ctx, s, listFlags{})
}

func listAllKeys(ctx context.Context, s *session) ([]*lifecyclev1.Key, error) {
	return listKeys(ctx, s, "", false, listFlags{})
}

// namer lists what objects are called, each once.
func namer[Object any](list func(context.Context, *session) ([]Object, error), name func(Object) string) func(context.Context, *session) ([]string, error) {
	return func(ctx context.Context, s *session) ([]string, error) {
		objects, err := list(ctx, s)
		var names []string
		for _, object := range objects {
			names = append(names, name(object))
		}
		slices.Sort(names)
		return slices.CompactFunc(names, sameName), err
	}
}

func sameName(a, b string) bool {
	a, _, _ = strings.Cut(a, "\t")
	b, _, _ = strings.Cut(b, "\t")
	return a == b
}

// described is a name, or the id of what has none, and a description as shells
// show them. Neither may break the lines of the protocol, or a terminal.
func described(name, id, description string) string {
	if name == "" {
		name = id
	}
	if description == "" || description == name {
		return escape(name)
	}
	return escape(name) + "\t" + escape(description)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// keyFlags are the flags of `key create`.
type keyFlags struct {
	role    role
	sites   []string
	expires string
	tenant  string
	keep    keepFlags
}

const keyExample = `  siteplane key create ci --role operator --site shop --expires 720h
  siteplane key create anna --role admin --add-context anna`

func (a *app) keyCreate() *cobra.Command {
	flags := &keyFlags{}
	command := &cobra.Command{
		Use:   "create NAME --role ROLE",
		Short: "Make a key; its text is shown once",
		Long: "Make a key; its text is shown once. A viewer reads, an operator changes sites and domains,\n" +
			"an admin does everything within the tenant, a platform-admin everything in the installation.\n" +
			"A key for single sites knows nothing of the others, and may only view or operate.",
		Example: keyExample,
		Args:    exactly("NAME"),
		PreRunE: func(*cobra.Command, []string) error { return flags.check(a) },
	}
	flags.addTo(command)
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		request, err := flags.request(command.Context(), s, args[0], a.deps.Now())
		if err != nil {
			return err
		}
		created, err := change(command.Context(), s, s.keys.CreateKey, request)
		if err != nil {
			return err
		}
		return flags.keep.showNew(a, command, s, created.GetApiKey(), func(kept [][]string) document {
			return &keyView{key: created.GetKey(), message: created, text: created.GetApiKey(), kept: kept, now: a.deps.Now()}
		})
	})
}

func (f *keyFlags) addTo(command *cobra.Command) {
	set := command.Flags()
	set.SortFlags = false
	set.Var(&f.role, "role", "what it may do: `viewer|operator|admin|platform-admin`")
	set.StringArrayVar(&f.sites, "site", nil, "only `SITE`; repeat for more (default all of the tenant)")
	set.StringVar(&f.expires, "expires", "", "`WHEN` it ends by itself, for instance 720h or 2027-01-31T00:00:00Z (default never)")
	set.StringVar(&f.tenant, "tenant", "", "a key of this `TENANT` instead of your own (platform admins)")
	f.keep.addTo(command)
}

func (f *keyFlags) check(a *app) error {
	if f.role == 0 {
		return &usageError{errors.New("--role is needed: " + f.role.Type())}
	}
	if _, err := expiry(f.expires, a.deps.Now()); err != nil {
		return &usageError{err}
	}
	for _, site := range f.sites {
		if f.tenant != "" && !strings.HasPrefix(site, sitePrefix) {
			return &usageError{errors.New("with --tenant, --site takes ids: slugs are looked up in your own tenant")}
		}
	}
	return f.keep.check(a)
}

func (f *keyFlags) request(ctx context.Context, s *session, name string, now time.Time) (*lifecyclev1.CreateKeyRequest, error) {
	request := &lifecyclev1.CreateKeyRequest{Name: name, Role: lifecyclev1.Role(f.role)}
	var err error
	if request.ExpireTime, err = expiry(f.expires, now); err != nil {
		return nil, err
	}
	if request.TenantId, err = s.tenantIDOrOwn(ctx, f.tenant); err != nil {
		return nil, err
	}
	for _, site := range f.sites {
		id, err := s.siteID(ctx, site)
		if err != nil {
			return nil, err
		}
		request.SiteIds = append(request.SiteIds, id)
	}
	return request, nil
}

// expiry is a time, or how far ahead it is; nil for never.
func expiry(text string, now time.Time) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	if ahead, err := time.ParseDuration(text); err == nil {
		return timestamppb.New(now.Add(ahead)), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("--expires must be a duration such as 720h, or a time such as 2027-01-31T00:00:00Z, not %q", text)
	}
	return timestamppb.New(at), nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// key is the command group for API keys.
func (a *app) key() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "key",
		Short: "Make and revoke the API keys of your tenant (admins)",
		Long:  "Make and revoke the API keys of your tenant. KEY is a key's id, or its name where only one\nhas it.",
	})
	command.AddCommand(a.keyCreate(), a.keyList(), a.keyRevoke())
	return command
}

func (a *app) keyList() *cobra.Command {
	flags, tenant, all := listFlags{}, "", false
	command := &cobra.Command{
		Use:     "list",
		Short:   "List the keys, newest first: what they may do, when they were used",
		Args:    Args(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return flags.check() },
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			id, err := s.tenantIDOrOwn(command.Context(), tenant)
			if err != nil {
				return err
			}
			keys, err := listKeys(command.Context(), s, id, all, flags)
			if err != nil {
				return err
			}
			return a.print(command, &keyListView{keys: keys, now: a.deps.Now()})
		}),
	}
	command.Flags().BoolVar(&all, "all", false, "list those that were revoked or have expired, too")
	command.Flags().StringVar(&tenant, "tenant", "", ofTenantUsage)
	return flags.addTo(command, "keys")
}

const ofTenantUsage = "those of this `TENANT` instead of your own (platform admins)"

// listKeys returns the keys of all pages, up to the limit; an empty tenant id means
// the caller's own.
func listKeys(ctx context.Context, s *session, tenantID string, all bool, flags listFlags) ([]*lifecyclev1.Key, error) {
	return allPages(flags.limit, func(token string) ([]*lifecyclev1.Key, string, error) {
		page, err := call(ctx, s, callTimeout, s.keys.ListKeys,
			&lifecyclev1.ListKeysRequest{TenantId: tenantID, All: all, PageSize: flags.pageSize, PageToken: token})
		return page.GetKeys(), page.GetNextPageToken(), err
	})
}

func (a *app) keyRevoke() *cobra.Command {
	command := &cobra.Command{
		Use:   "revoke KEY",
		Short: "End a key: calls with it fail from now on",
		Args:  exactly("KEY"),
	}
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		id, err := s.keyID(command.Context(), args[0])
		if err != nil {
			return err
		}
		revoked, err := change(command.Context(), s, s.keys.RevokeKey, &lifecyclev1.RevokeKeyRequest{KeyId: id})
		if err != nil {
			return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, "`siteplane key list --all` shows the keys")
		}
		return a.print(command, &keyView{key: revoked.GetKey(), message: revoked, now: a.deps.Now()})
	})
}

// keyID is the id of the key that an id or a name names.
func (s *session) keyID(ctx context.Context, named string) (string, error) {
	if strings.HasPrefix(named, keyPrefix) {
		return named, nil
	}
	keys, err := listKeys(ctx, s, "", false, listFlags{})
	if err != nil {
		return "", err
	}
	var ids []string
	for _, key := range keys {
		if key.GetName() == named {
			ids = append(ids, key.GetKeyId())
		}
	}
	switch len(ids) {
	case 0:
		return "", &missingError{kind: "key", name: named}
	case 1:
		return ids[0], nil
	}
	return "", &usageError{fmt.Errorf("several keys are called %q: say which one of %s", named, strings.Join(ids, ", "))}
}

// role is the value of --role.
type role lifecyclev1.Role

// roleNames are the roles on the command line, by what they hold.
var roleNames = []struct {
	name  string
	value lifecyclev1.Role
}{
	{"viewer", lifecyclev1.Role_ROLE_VIEWER},
	{"operator", lifecyclev1.Role_ROLE_OPERATOR},
	{"admin", lifecyclev1.Role_ROLE_ADMIN},
	{"platform-admin", lifecyclev1.Role_ROLE_PLATFORM_ADMIN},
}

func (r *role) String() string { return roleName(lifecyclev1.Role(*r)) }

// Set takes the name of a role.
func (r *role) Set(name string) error {
	for _, known := range roleNames {
		if known.name == strings.ReplaceAll(name, "_", "-") {
			*r = role(known.value)
			return nil
		}
	}
	return errors.New("must be viewer, operator, admin or platform-admin")
}

// Type names the value in the help text.
func (r *role) Type() string { return "viewer|operator|admin|platform-admin" }

func roleName(value lifecyclev1.Role) string {
	return strings.ReplaceAll(strings.ToLower(bare(value.String(), "ROLE_")), "_", "-")
}

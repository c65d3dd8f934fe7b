package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// ownTenant names the caller's tenant.
const ownTenant = "me"

const whereTenants = "`siteplane tenant list` shows the tenants"

// tenant is the command group for tenants.
func (a *app) tenant() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "tenant",
		Short: "Make, limit, suspend and delete tenants (platform admins), and see your own",
		Long:  "Make, limit, suspend and delete tenants, and see your own. TENANT is a tenant's id or its name.",
	})
	command.AddCommand(a.tenantCreate(), a.tenantGet(), a.tenantList(), a.tenantLimits(),
		a.tenantSuspend(), a.tenantResume(), a.tenantDelete())
	return command
}

func (a *app) tenantGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get [TENANT|me]",
		Short: "Show a tenant, by default your own: its state, its limits, what it uses of them",
		Args:  upTo(0, "TENANT"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			tenant, err := s.getTenant(command.Context(), append(args, ownTenant)[0])
			if err != nil {
				return err
			}
			return a.print(command, &tenantView{tenant: tenant, now: a.deps.Now()})
		}),
	}
}

func (s *session) getTenant(ctx context.Context, named string) (*lifecyclev1.Tenant, error) {
	if named != ownTenant {
		id, err := s.tenantID(ctx, named)
		if err != nil {
			return nil, err
		}
		named = id
	}
	found, err := call(ctx, s, callTimeout, s.tenants.GetTenant, &lifecyclev1.GetTenantRequest{TenantId: named})
	if err != nil {
		return nil, advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, whereTenants)
	}
	return found.GetTenant(), nil
}

func (a *app) tenantList() *cobra.Command {
	flags := listFlags{}
	command := &cobra.Command{
		Use:     "list",
		Short:   "List the tenants, by name, with what they use of their limits",
		Args:    Args(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return flags.check() },
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			tenants, err := listTenants(command.Context(), s, flags)
			if err != nil {
				return err
			}
			return a.print(command, &tenantListView{tenants: tenants, now: a.deps.Now()})
		}),
	}
	return flags.addTo(command, "tenants")
}

// listTenants returns the tenants of all pages, up to the limit.
func listTenants(ctx context.Context, s *session, flags listFlags) ([]*lifecyclev1.Tenant, error) {
	return allPages(flags.limit, func(token string) ([]*lifecyclev1.Tenant, string, error) {
		page, err := call(ctx, s, callTimeout, s.tenants.ListTenants,
			&lifecyclev1.ListTenantsRequest{PageSize: flags.pageSize, PageToken: token})
		return page.GetTenants(), page.GetNextPageToken(), err
	})
}

func (a *app) tenantLimits() *cobra.Command {
	flags := &limitFlags{}
	command := &cobra.Command{
		Use:   "limits TENANT",
		Short: "Set limits of a tenant; those that no flag names stay",
		Long: "Set limits of a tenant; those that no flag names stay, and `default` gives one back to the\n" +
			"installation. What is above a new limit stays, too; there just cannot come more.",
		Example: "  siteplane tenant limits shop --sites 50 --domains 200\n" +
			"  siteplane tenant limits shop --sites default",
		Args: exactly("TENANT"),
		PreRunE: func(*cobra.Command, []string) error {
			if !flags.given() {
				return &usageError{errors.New("say which limit shall change; `siteplane tenant get TENANT` shows them")}
			}
			return nil
		},
	}
	flags.addTo(command, "")
	return a.changesTenant(command, func(ctx context.Context, s *session, id string) (tenantAnswer, error) {
		tenant, err := s.getTenant(ctx, id)
		if err != nil {
			return nil, err
		}
		return change(ctx, s, s.tenants.SetTenantLimits,
			&lifecyclev1.SetTenantLimitsRequest{TenantId: id, Limits: flags.applyTo(tenant.GetOwnLimits())})
	})
}

func (a *app) tenantSuspend() *cobra.Command {
	reason := ""
	command := &cobra.Command{
		Use:   "suspend TENANT --reason TEXT",
		Short: "Let a tenant's keys read and do nothing else; its sites go on serving",
		Args:  exactly("TENANT"),
		PreRunE: func(*cobra.Command, []string) error {
			if reason == "" {
				return &usageError{errors.New("--reason is needed; the tenant reads it")}
			}
			return nil
		},
	}
	command.Flags().StringVar(&reason, "reason", "", "`TEXT` that tells the tenant why")
	return a.changesTenant(command, func(ctx context.Context, s *session, id string) (tenantAnswer, error) {
		return change(ctx, s, s.tenants.SuspendTenant, &lifecyclev1.SuspendTenantRequest{TenantId: id, Reason: reason})
	})
}

func (a *app) tenantResume() *cobra.Command {
	command := &cobra.Command{
		Use:   "resume TENANT",
		Short: "End a suspension",
		Args:  exactly("TENANT"),
	}
	return a.changesTenant(command, func(ctx context.Context, s *session, id string) (tenantAnswer, error) {
		return change(ctx, s, s.tenants.ResumeTenant, &lifecyclev1.ResumeTenantRequest{TenantId: id})
	})
}

func (a *app) tenantDelete() *cobra.Command {
	command := &cobra.Command{
		Use:   "delete TENANT",
		Short: "Delete a tenant that has no site left, with its keys and grants",
		Args:  exactly("TENANT"),
	}
	return a.changesTenant(command, func(ctx context.Context, s *session, id string) (tenantAnswer, error) {
		return change(ctx, s, s.tenants.DeleteTenant, &lifecyclev1.DeleteTenantRequest{TenantId: id})
	})
}

// tenantAnswer is the answer of a call that changes a tenant.
type tenantAnswer interface{ GetTenant() *lifecyclev1.Tenant }

// changesTenant makes a command of a call that changes one tenant.
func (a *app) changesTenant(command *cobra.Command, run func(ctx context.Context, s *session, id string) (tenantAnswer, error)) *cobra.Command {
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		id, err := s.tenantID(command.Context(), args[0])
		if err != nil {
			return err
		}
		changed, err := run(command.Context(), s, id)
		if err != nil {
			return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, whereTenants)
		}
		return a.print(command, &tenantView{tenant: changed.GetTenant(), now: a.deps.Now()})
	})
}

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// tenant is the command group for tenants.
func (a *app) tenant() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "tenant",
		Short: "Create and list the tenants of the installation (platform admins)",
	})
	command.AddCommand(a.tenantCreate(), a.tenantList())
	return command
}

func (a *app) tenantCreate() *cobra.Command {
	file := ""
	command := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a tenant and a key of its admin, which is shown once",
		Args:  exactly("NAME"),
		PreRunE: func(*cobra.Command, []string) error {
			return free(file)
		},
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			return a.createTenant(command, s, args[0], file)
		}),
	}
	command.Flags().StringVar(&file, "write-config", "",
		"write a new config `FILE` with the key of the tenant, for use with --config")
	return command
}

// free refuses a file that is there already: it may hold a key that was shown
// once.
func free(file string) error {
	if file == "" {
		return nil
	}
	_, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at the config file to be: %w", err)
	}
	return &usageError{fmt.Errorf("--write-config %s: the file is there already; name a new one", file)}
}

// createTenant prints the key even when the config file cannot be written,
// because it is never shown again.
func (a *app) createTenant(command *cobra.Command, s *session, name, file string) error {
	created, err := call(command.Context(), s, callTimeout, s.tenants.CreateTenant, &lifecyclev1.CreateTenantRequest{Name: name})
	if err != nil {
		return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NAME_TAKEN, "choose another name; `siteplane tenant list` shows those in use")
	}
	view := &tenantView{created: created}
	var written error
	if file != "" {
		if written = writeConfig(file, s.config, created.GetApiKey()); written == nil {
			view.file = file
		}
	}
	hint(command, "the key is shown once and is nowhere kept; keep it now")
	return errors.Join(a.format.print(command.OutOrStdout(), view), written)
}

// writeConfig writes a config for another key of the same installation.
func writeConfig(file string, config cliconfig.Config, key string) error {
	config.Key = key
	if err := cliconfig.Write(file, config); err != nil {
		return fmt.Errorf("the tenant was created, but not its config file: %w", err)
	}
	return nil
}

// tenantView shows a new tenant and its key.
type tenantView struct {
	created *lifecyclev1.CreateTenantResponse
	// file is the config file that was written; empty when none was.
	file string
}

func (v *tenantView) json() (json.RawMessage, error) { return protoJSON(v.created) }

func (v *tenantView) write(p *page) {
	facts := [][]string{
		{"ID", v.created.GetTenant().GetTenantId()},
		{"Name", v.created.GetTenant().GetName()},
		{"Key", v.created.GetApiKey()},
	}
	if v.file != "" {
		facts = append(facts, []string{"Config", v.file})
	}
	p.table(facts...)
}

func (a *app) tenantList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the tenants, by name",
		Args:  Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			list, err := call(command.Context(), s, callTimeout, s.tenants.ListTenants, &lifecyclev1.ListTenantsRequest{})
			if err != nil {
				return err
			}
			return a.format.print(command.OutOrStdout(), &tenantListView{tenants: list.GetTenants(), now: a.deps.Now()})
		}),
	}
}

// tenantListView shows tenants as one table or one JSON object.
type tenantListView struct {
	tenants []*lifecyclev1.Tenant
	now     time.Time
}

func (v *tenantListView) json() (json.RawMessage, error) { return listJSON("tenants", v.tenants) }

func (v *tenantListView) write(p *page) {
	rows := [][]string{{"ID", "NAME", "AGE"}}
	for _, tenant := range v.tenants {
		rows = append(rows, []string{tenant.GetTenantId(), tenant.GetName(), age(tenant.GetCreateTime(), v.now)})
	}
	p.table(rows...)
}

package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func (a *app) tenantCreate() *cobra.Command {
	limits, keep := &limitFlags{}, &keepFlags{}
	command := &cobra.Command{
		Use:     "create NAME",
		Short:   "Create a tenant and a key of its admin, which is shown once",
		Args:    exactly("NAME"),
		PreRunE: func(*cobra.Command, []string) error { return keep.check(a) },
	}
	limits.addTo(command, "limit-")
	keep.addTo(command)
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		request := &lifecyclev1.CreateTenantRequest{Name: args[0]}
		if limits.given() {
			request.Limits = limits.applyTo(nil)
		}
		created, err := change(command.Context(), s, s.tenants.CreateTenant, request)
		if err != nil {
			return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NAME_TAKEN, "choose another name; `siteplane tenant list` shows those in use")
		}
		return keep.showNew(a, command, s, created.GetApiKey(), func(kept [][]string) document {
			return &newTenantView{created: created, kept: kept}
		})
	})
}

// newTenantView shows a new tenant and its key.
type newTenantView struct {
	created *lifecyclev1.CreateTenantResponse
	// kept are facts about where the key is kept.
	kept [][]string
}

func (v *newTenantView) json() (json.RawMessage, error) { return protoJSON(v.created) }

func (v *newTenantView) write(p *page) {
	facts := [][]string{
		{"ID", v.created.GetTenant().GetTenantId()},
		{"Name", v.created.GetTenant().GetName()},
		{"Key", v.created.GetApiKey()},
	}
	p.table(append(facts, v.kept...)...)
}

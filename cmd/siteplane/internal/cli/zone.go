package cli

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// zone is the command group for the installation's own DNS zones.
func (a *app) zone() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "zone",
		Short: "Say which tenants may use names in the installation's own DNS zones (platform admins)",
	})
	command.AddCommand(a.zoneGrant(), a.zoneList())
	return command
}

func (a *app) zoneGrant() *cobra.Command {
	tenant := ""
	command := &cobra.Command{
		Use:   "grant ZONE --tenant TENANT",
		Short: "Let a tenant claim any name in a zone without proof; TENANT is an id or a name",
		Args:  exactly("ZONE"),
		PreRunE: func(*cobra.Command, []string) error {
			if tenant == "" {
				return &usageError{errors.New("--tenant is needed")}
			}
			return nil
		},
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			id, err := s.tenantID(command.Context(), tenant)
			if err != nil {
				return err
			}
			granted, err := call(command.Context(), s, callTimeout, s.zones.GrantZone,
				&lifecyclev1.GrantZoneRequest{ZoneName: asciiForm(args[0]), TenantId: id})
			if err != nil {
				return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, "`siteplane tenant list` shows the tenants")
			}
			return a.format.print(command.OutOrStdout(), &grantView{granted: granted, now: a.deps.Now()})
		}),
	}
	command.Flags().StringVar(&tenant, "tenant", "", "`TENANT` that may claim names in the zone")
	return command
}

// grantView shows one grant.
type grantView struct {
	granted *lifecyclev1.GrantZoneResponse
	now     time.Time
}

func (v *grantView) json() (json.RawMessage, error) { return protoJSON(v.granted) }

func (v *grantView) write(p *page) {
	grant := v.granted.GetGrant()
	p.table(
		[]string{"Zone", grant.GetZoneName()},
		[]string{"Tenant", grant.GetTenantId()},
		[]string{"Granted", moment(grant.GetCreateTime(), v.now)},
	)
}

func (a *app) zoneList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the grants, by zone and tenant",
		Args:  Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			list, err := call(command.Context(), s, callTimeout, s.zones.ListZoneGrants, &lifecyclev1.ListZoneGrantsRequest{})
			if err != nil {
				return err
			}
			return a.format.print(command.OutOrStdout(), &grantListView{grants: list.GetGrants(), now: a.deps.Now()})
		}),
	}
}

// grantListView shows grants as one table or one JSON object.
type grantListView struct {
	grants []*lifecyclev1.ZoneGrant
	now    time.Time
}

func (v *grantListView) json() (json.RawMessage, error) { return listJSON("grants", v.grants) }

func (v *grantListView) write(p *page) {
	rows := [][]string{{"ZONE", "TENANT", "AGE"}}
	for _, grant := range v.grants {
		rows = append(rows, []string{grant.GetZoneName(), grant.GetTenantId(), age(grant.GetCreateTime(), v.now)})
	}
	p.table(rows...)
}

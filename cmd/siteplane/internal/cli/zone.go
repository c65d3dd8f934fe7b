package cli

import (
	"cmp"
	"context"
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
		Long:  "Say which tenants may use names in the installation's own DNS zones. TENANT is an id or a name.",
	})
	command.AddCommand(a.zoneGrant(), a.zoneRevoke(), a.zoneList())
	return command
}

func (a *app) zoneGrant() *cobra.Command {
	return a.grants(&cobra.Command{
		Use:   "grant ZONE TENANT",
		Short: "Let a tenant claim any name in a zone without proof",
	}, func(command *cobra.Command, s *session, zone, tenantID string) error {
		granted, err := change(command.Context(), s, s.zones.GrantZone, &lifecyclev1.GrantZoneRequest{ZoneName: zone, TenantId: tenantID})
		if err != nil {
			return err
		}
		return a.print(command, &grantView{grant: granted.GetGrant(), now: a.deps.Now()})
	})
}

func (a *app) zoneRevoke() *cobra.Command {
	return a.grants(&cobra.Command{
		Use:   "revoke ZONE TENANT",
		Short: "Take a grant back: names that are claimed from now on need proof",
	}, func(command *cobra.Command, s *session, zone, tenantID string) error {
		request := &lifecyclev1.RevokeZoneRequest{ZoneName: zone, TenantId: tenantID}
		if _, err := change(command.Context(), s, s.zones.RevokeZone, request); err != nil {
			return err
		}
		hint(command, "domains of the tenant that are in the zone already go on")
		return a.print(command, &grantView{grant: &lifecyclev1.ZoneGrant{ZoneName: zone, TenantId: tenantID}, revoked: true})
	})
}

// grants makes a command of what is done about one tenant in one zone.
func (a *app) grants(command *cobra.Command, run func(command *cobra.Command, s *session, zone, tenantID string) error) *cobra.Command {
	flag := command.Flags().String("tenant", "", "`TENANT`, where it is not the second argument")
	command.Args = Args(func(_ *cobra.Command, args []string) error {
		if len(args) < 1 || len(args) > 2 || (len(args) == 2) == (*flag != "") {
			return errors.New("needs one ZONE and one TENANT")
		}
		return nil
	})
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		named := cmp.Or(*flag, args[len(args)-1])
		id, err := s.tenantID(command.Context(), named)
		if err != nil {
			return err
		}
		return advise(run(command, s, asciiForm(args[0]), id), lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, whereTenants)
	})
}

// grantView shows one grant, or that it was taken back.
type grantView struct {
	grant   *lifecyclev1.ZoneGrant
	revoked bool
	now     time.Time
}

func (v *grantView) json() (json.RawMessage, error) {
	grant, err := protoJSON(v.grant)
	if err != nil {
		return nil, err
	}
	name := "grant"
	if v.revoked {
		name = "revoked"
	}
	return json.Marshal(map[string]json.RawMessage{name: grant})
}

func (v *grantView) write(p *page) {
	granted := moment(v.grant.GetCreateTime(), v.now)
	if v.revoked {
		granted = "no more"
	}
	p.table(
		[]string{"Zone", v.grant.GetZoneName()},
		[]string{"Tenant", v.grant.GetTenantId()},
		[]string{"Granted", granted},
	)
}

func (a *app) zoneList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the grants, by zone and tenant",
		Args:  Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			grants, err := listGrants(command.Context(), s)
			if err != nil {
				return err
			}
			return a.print(command, &grantListView{grants: grants, now: a.deps.Now()})
		}),
	}
}

func listGrants(ctx context.Context, s *session) ([]*lifecyclev1.ZoneGrant, error) {
	list, err := call(ctx, s, callTimeout, s.zones.ListZoneGrants, &lifecyclev1.ListZoneGrantsRequest{})
	return list.GetGrants(), err
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

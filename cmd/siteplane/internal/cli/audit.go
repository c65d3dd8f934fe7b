package cli

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// audit is the command group for who changed what.
func (a *app) audit() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "audit",
		Short: "See who changed what (admins)",
	})
	command.AddCommand(a.auditList())
	return command
}

func (a *app) auditList() *cobra.Command {
	request, object, limit := &lifecyclev1.ListAuditRequest{}, "", fewEntries
	command := &cobra.Command{
		Use:   "list",
		Short: "List who changed what, newest first; -o json shows before and after",
		Args:  Args(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error {
			if limit < 1 {
				return &usageError{errors.New("--limit must be more than 0")}
			}
			return nil
		},
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) (err error) {
			if request.ObjectId, err = s.auditedID(command.Context(), object); err != nil {
				return err
			}
			entries, err := listAudit(command.Context(), s, request, limit)
			if err != nil {
				return err
			}
			if len(entries) == limit {
				hint(command, "there may be more than these %d; --limit shows more", limit)
			}
			return a.print(command, &auditView{entries: entries, tenants: request.GetInstallation()})
		}),
	}
	command.Flags().StringVar(&object, "object", "", "only changes of this `SITE|DOMAIN|ZONE|ID`")
	command.Flags().StringVar(&request.Actor, "actor", "", "only changes by this `ACTOR`, for instance key:key_...")
	command.Flags().BoolVar(&request.Installation, "all-tenants", false, "changes "+allTenantsUsage)
	command.Flags().IntVar(&limit, "limit", fewEntries, "stop after `N` entries")
	return command
}

// auditedID is what the audit calls an object that somebody names. Zones are there by
// their names, which are none of a domain.
func (s *session) auditedID(ctx context.Context, named string) (string, error) {
	id, err := s.objectID(ctx, named)
	var missing *missingError
	if errors.As(err, &missing) && missing.kind == "domain" {
		return asciiForm(named), nil
	}
	return id, err
}

// listAudit returns the entries of all pages, up to the limit.
func listAudit(ctx context.Context, s *session, request *lifecyclev1.ListAuditRequest, limit int) ([]*lifecyclev1.AuditEntry, error) {
	request.PageSize = int32(min(limit, manyEntries))
	return allPages(limit, func(token string) ([]*lifecyclev1.AuditEntry, string, error) {
		request.PageToken = token
		page, err := call(ctx, s, callTimeout, s.events.ListAudit, request)
		return page.GetEntries(), page.GetNextPageToken(), err
	})
}

// auditView shows audit entries as one table or one JSON object.
type auditView struct {
	entries []*lifecyclev1.AuditEntry
	// tenants says that the tenants are shown, too.
	tenants bool
}

func (v *auditView) json() (json.RawMessage, error) { return listJSON("entries", v.entries) }

func (v *auditView) write(p *page) {
	heading := []string{"TIME", "ACTOR", "ADDRESS", "ACTION", "OBJECT"}
	if v.tenants {
		heading = slices.Insert(heading, 1, "TENANT")
	}
	rows := [][]string{heading}
	for _, entry := range v.entries {
		row := []string{
			entry.GetTime().AsTime().Format(time.RFC3339), entry.GetActor(), entry.GetAddress(), entry.GetAction(), entry.GetObjectId(),
		}
		if v.tenants {
			row = slices.Insert(row, 1, entry.GetTenantId())
		}
		rows = append(rows, row)
	}
	p.table(rows...)
}

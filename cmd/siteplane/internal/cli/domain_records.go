package cli

import (
	"encoding/json"
	"strings"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// recordTTL is the time to live that is suggested for records, in seconds.
const recordTTL = 300

func (a *app) domainRecords() *cobra.Command {
	return &cobra.Command{
		Use:   "records DOMAIN",
		Short: "Print the records that a domain needs, as lines of a zone file",
		Example: `  siteplane domain records www.shop.example >> zones/shop.example
  siteplane domain records www.shop.example | sed 's/^/update add /; $a send' | nsupdate`,
		Args: exactly("DOMAIN"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			id, err := s.domainID(command.Context(), args[0])
			if err != nil {
				return err
			}
			found, err := call(command.Context(), s, callTimeout, s.domains.GetDomain, &lifecyclev1.GetDomainRequest{DomainId: id})
			if err != nil {
				return err
			}
			records := recordsOf(found.GetDomain())
			if len(records) == 0 {
				hint(command, "it needs no records from you")
			}
			return a.print(command, &recordsView{records: records})
		}),
	}
}

// recordsView shows records as a zone file, or as one JSON object.
type recordsView struct{ records []*lifecyclev1.Instruction }

func (v *recordsView) json() (json.RawMessage, error) { return listJSON("records", v.records) }

func (v *recordsView) write(p *page) {
	for _, r := range v.records {
		value := r.GetValue()
		switch r.GetType() {
		case "TXT":
			value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
		case "CNAME":
			value = dns.Fqdn(value)
		}
		p.printf("%s %d IN %s %s", dns.Fqdn(r.GetName()), recordTTL, r.GetType(), value)
	}
}

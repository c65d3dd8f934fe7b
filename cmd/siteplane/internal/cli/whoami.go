package cli

import (
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func (a *app) whoami() *cobra.Command {
	return &cobra.Command{
		Use:   "whoami",
		Short: "Show which key and tenant this is, what they may, and where that comes from",
		Args:  Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			caller, err := call(command.Context(), s, callTimeout, s.keys.GetCaller, &lifecyclev1.GetCallerRequest{})
			if err != nil {
				return err
			}
			return a.print(command, &callerView{caller: caller, session: s, now: a.deps.Now()})
		}),
	}
}

// callerView shows who calls which installation.
type callerView struct {
	caller  *lifecyclev1.GetCallerResponse
	session *session
	now     time.Time
}

func (v *callerView) json() (json.RawMessage, error) {
	caller, err := protoJSON(v.caller)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Caller  json.RawMessage `json:"caller"`
		Address string          `json:"address"`
		Config  string          `json:"config"`
		Context string          `json:"context"`
		Because string          `json:"because"`
	}{caller, v.session.config.Address, v.session.source.File, v.session.source.Context, v.session.source.Because})
}

func (v *callerView) write(p *page) {
	tenant, source := v.caller.GetTenant(), v.session.source
	facts := [][]string{{"Installation", v.session.config.Address}, {"Config", source.File + " (" + source.Because + ")"}}
	if source.Context != "" {
		facts = append(facts, []string{"Context", source.Context})
	}
	p.table(facts...)
	p.blank()
	p.printf("Key")
	p.table(keyFacts(v.caller.GetKey(), v.now)...)
	p.blank()
	p.printf("Tenant")
	(&tenantView{tenant: tenant, now: v.now}).write(p)
}

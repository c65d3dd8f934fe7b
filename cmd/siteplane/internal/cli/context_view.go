package cli

import (
	"encoding/json"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// contextView shows one context, never its key.
type contextView struct {
	Name       string `json:"name"`
	Current    bool   `json:"current"`
	Address    string `json:"address"`
	PublicPort int    `json:"publicPort,omitempty"`
	File       string `json:"file"`
	// Problem says what is wrong with the file; empty for nothing.
	Problem string `json:"problem,omitempty"`
}

// viewContext never fails: a context that cannot be used says so.
func viewContext(contexts cliconfig.Contexts, name, current string) *contextView {
	view := &contextView{Name: name, Current: name == current}
	config, err := contexts.Read(name)
	view.Address, view.PublicPort = config.Address, config.PublicPort
	if err != nil {
		view.Problem = err.Error()
	}
	view.File, _ = contexts.Path(name) // a name that is no name has a problem already
	return view
}

func contextViews(contexts cliconfig.Contexts) ([]*contextView, error) {
	names, err := contexts.Names()
	if err != nil {
		return nil, err
	}
	current, err := contexts.Current()
	if err != nil {
		return nil, err
	}
	var views []*contextView
	for _, name := range names {
		views = append(views, viewContext(contexts, name, current))
	}
	return views, nil
}

func (v *contextView) json() (json.RawMessage, error) { return json.Marshal(v) }

func (v *contextView) write(p *page) {
	p.table(
		[]string{"Context", v.Name},
		[]string{"Current", yesNo(v.Current)},
		[]string{"Address", v.Address},
		[]string{"File", v.File},
	)
}

// contextListView shows contexts as one table or one JSON object.
type contextListView struct{ contexts []*contextView }

func (v *contextListView) json() (json.RawMessage, error) {
	return json.Marshal(map[string][]*contextView{"contexts": append([]*contextView{}, v.contexts...)})
}

func (v *contextListView) write(p *page) {
	rows := [][]string{{"CURRENT", "NAME", "ADDRESS", "PROBLEM"}}
	for _, context := range v.contexts {
		mark := ""
		if context.Current {
			mark = "*"
		}
		rows = append(rows, []string{mark, context.Name, context.Address, context.Problem})
	}
	p.table(rows...)
}

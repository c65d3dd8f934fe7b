package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func (a *app) siteDiff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff SITE [FROM [TO]]",
		Short: "Show how two revisions of a site's spec differ",
		Long: "Show how two revisions of a site's spec differ. TO is the wanted one by default, FROM the one\n" +
			"that the edges have proved or, where that is the same, the one before.",
		Args: upTo(1, "SITE", "FROM", "TO"),
		PreRunE: func(_ *cobra.Command, args []string) error {
			_, err := revisionNumbers(args[1:])
			return err
		},
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			id, err := s.siteID(command.Context(), args[0])
			if err != nil {
				return err
			}
			revisions, err := listRevisions(command.Context(), s, id, listFlags{})
			if err != nil {
				return err
			}
			view, err := diffOf(revisions, args[1:])
			if err != nil {
				return err
			}
			return a.print(command, view)
		}),
	}
}

func revisionNumbers(args []string) ([]int64, error) {
	var numbers []int64
	for _, arg := range args {
		number, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || number < 1 {
			return nil, &usageError{fmt.Errorf("%q is no number of a revision", arg)}
		}
		numbers = append(numbers, number)
	}
	return numbers, nil
}

// diffOf compares the revisions that are named, or those that are meant without.
func diffOf(revisions []*lifecyclev1.SiteRevision, args []string) (*diffView, error) {
	numbers, err := revisionNumbers(args)
	if err != nil {
		return nil, err
	}
	var from, to *lifecyclev1.SiteRevision
	if len(numbers) == 2 {
		to, err = revisionNumbered(revisions, numbers[1])
	} else {
		to, err = wantedRevision(revisions)
	}
	if err != nil {
		return nil, err
	}
	if len(numbers) > 0 {
		from, err = revisionNumbered(revisions, numbers[0])
	} else {
		from, err = diffBase(revisions, to)
	}
	if err != nil {
		return nil, err
	}
	return newDiff(from, to)
}

// diffBase is the revision to compare another with: the one that the edges have
// proved, else the one before; the same where there is neither.
func diffBase(revisions []*lifecyclev1.SiteRevision, to *lifecyclev1.SiteRevision) (*lifecyclev1.SiteRevision, error) {
	for _, revision := range revisions {
		if revision.GetConfirmed() && revision != to {
			return revision, nil
		}
	}
	before, err := previousRevision(revisions, to)
	var none *missingRevisionError
	if errors.As(err, &none) {
		return to, nil
	}
	return before, err
}

// diffView shows how two revisions differ.
type diffView struct {
	From int64  `json:"from"`
	To   int64  `json:"to"`
	Diff string `json:"diff"`
}

func newDiff(from, to *lifecyclev1.SiteRevision) (*diffView, error) {
	old, err := specText(from.GetSpec())
	if err != nil {
		return nil, err
	}
	new, err := specText(to.GetSpec())
	if err != nil {
		return nil, err
	}
	diff := udiff.Unified(fmt.Sprintf("revision %d", from.GetNumber()), fmt.Sprintf("revision %d", to.GetNumber()), old, new)
	return &diffView{From: from.GetNumber(), To: to.GetNumber(), Diff: diff}, nil
}

func specText(spec *lifecyclev1.SiteSpec) (string, error) {
	raw, err := protoJSON(spec)
	if err != nil {
		return "", err
	}
	return yamlOf(raw)
}

func (v *diffView) json() (json.RawMessage, error) { return json.Marshal(v) }

func (v *diffView) write(p *page) {
	if v.Diff == "" {
		p.printf("no difference between revision %d and revision %d", v.From, v.To)
		return
	}
	writeDiff(p, "", v.Diff)
}

// writeDiff adds a unified diff, each line behind an indent.
func writeDiff(p *page, indent, diff string) {
	for line := range strings.Lines(diff) {
		line = strings.TrimSuffix(line, "\n")
		p.coloured(diffColour(line), indent+line)
	}
}

func diffColour(line string) colour {
	switch {
	case strings.HasPrefix(line, "+"):
		return green
	case strings.HasPrefix(line, "-"):
		return red
	}
	return plain
}

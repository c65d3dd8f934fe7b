package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
)

// split is servers of one zone that say different things about one name.
type split struct {
	name, zone string
	// right and wrong are the servers by what their word leads to.
	right, wrong []string
}

// parted returns the first name on the way about which some servers are right,
// and right alone, while others are wrong.
func parted(steps []chain.Step, right, wrong []chain.End) split {
	byPath := map[string]*split{}
	for _, step := range steps {
		path := strings.Join(step.Path, " ")
		if byPath[path] == nil {
			byPath[path] = &split{name: bare(step.Path[len(step.Path)-1]), zone: bare(step.Zone)}
		}
		s, leads := byPath[path], func(e chain.End) bool { return step.LeadsTo(e) }
		switch {
		case slices.ContainsFunc(wrong, leads):
			s.wrong = append(s.wrong, bare(step.Server))
		case slices.ContainsFunc(right, leads):
			s.right = append(s.right, bare(step.Server))
		}
	}
	for _, step := range steps {
		if s := byPath[strings.Join(step.Path, " ")]; len(s.right) > 0 && len(s.wrong) > 0 {
			return *s
		}
	}
	return split{}
}

// disagree reports whether there is a split.
func (s split) disagree() bool { return len(s.right) > 0 }

// diagnose words the split; what is said of the name is "right" at some servers.
func (s split) diagnose(right string, ends []chain.End) diagnosis.Diagnosis {
	d := diagnosis.New(diagnosis.DNSNSDisagree, fmt.Sprintf("The name servers of %s disagree about %s: it %s at %s, but not at %s.",
		s.zone, s.name, right, and(s.right), and(s.wrong)))
	d.Observed = observed(ends)
	d.Fix = []string{
		"If the records are new, wait some minutes: they spread from the first name server to the others.",
		fmt.Sprintf("Otherwise have the provider that hosts DNS for %s make %s serve the same records as %s.", s.zone, and(s.wrong), and(s.right)),
	}
	return d
}

func and(names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	return strings.Join(names, " and ")
}

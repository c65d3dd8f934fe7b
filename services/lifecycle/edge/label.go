package edge

import (
	"maps"
	"regexp"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
)

const maxLabels = 32

var (
	labelKey   = regexp.MustCompile(`^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
)

// Check notes what is wrong with them, at a field.
func (l Labels) Check(problems *lifecycle.Violations, field string) {
	if len(l) > maxLabels {
		problems.Add(field, "there are %d labels, which is more than %d", len(l), maxLabels)
	}
	for _, key := range slices.Sorted(maps.Keys(l)) {
		if !labelKey.MatchString(key) {
			problems.Add(field, "the key %q is not of up to 63 small letters, digits and -._/, with a letter or digit at both ends", key)
		}
		if !labelValue.MatchString(l[key]) {
			problems.Add(field, "the value %q of %q is not of up to 63 letters, digits and -._, with a letter or digit at both ends", l[key], key)
		}
	}
}

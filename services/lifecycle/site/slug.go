package site

import "strings"

// maxSlug is the longest slug, in bytes.
const maxSlug = 40

// SlugFrom makes a slug out of a name: lower-case letters and digits, runs of
// everything else become one hyphen. A name without any gives "site".
func SlugFrom(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	slug := b.String()
	slug = strings.Trim(slug[:min(len(slug), maxSlug)], "-")
	if slug == "" {
		return "site"
	}
	return slug
}

// WithSuffix appends a suffix to a slug and keeps it within its length.
func WithSuffix(slug, suffix string) string {
	keep := min(len(slug), maxSlug-len(suffix)-1)
	return strings.TrimRight(slug[:keep], "-") + "-" + suffix
}

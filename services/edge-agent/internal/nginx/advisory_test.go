package nginx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

// S09: versions with known weaknesses are named, those that are mended are not.
func TestWeaknesses(t *testing.T) {
	const all2026 = "CVE-2026-9256 CVE-2026-42945"
	for version, want := range map[string]string{
		"1.22.1":      all2026 + " CVE-2025-23419",
		"1.26.2":      all2026 + " CVE-2025-23419",
		"1.26.3":      all2026,
		"1.27.3":      all2026 + " CVE-2025-23419",
		"1.27.4":      all2026,
		"1.28.3":      all2026,
		"1.30.0":      all2026,
		"1.30.1":      "CVE-2026-9256",
		"1.30.2":      "",
		"1.30.4":      "",
		"1.30.10":     "",
		"1.31.0":      "CVE-2026-9256",
		"1.31.2":      "",
		"1.31.3":      "",
		"1.32.0":      "",
		"2.0.0":       "",
		"1.10.3":      all2026 + " CVE-2017-7529",
		"1.11.0":      all2026 + " CVE-2017-7529 CVE-2016-4450",
		"1.30.4.1":    "",
		"1.30.1-rc":   "CVE-2026-9256",
		"1.x.1":       "",
		"unknown":     "",
		"":            "",
		"1.22":        "",
		"99999999999": "",
	} {
		var found []string
		for _, sentence := range nginx.Weaknesses(version, "") {
			fields := strings.Fields(sentence)
			at := slices.Index(fields, "for")
			found = append(found, strings.TrimSuffix(fields[at+1], ","))
			if !strings.HasPrefix(sentence, "nginx "+version+" is known for ") || !strings.Contains(sentence, ", mended in 1.") {
				t.Errorf("it is said: %s", sentence)
			}
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
	t.Run("with the distribution's word", func(t *testing.T) {
		for _, sentence := range nginx.Weaknesses("1.22.1", "nginx 1.22.1-9+deb12u11") {
			if !strings.Contains(sentence, "may have mended it in nginx 1.22.1-9+deb12u11") {
				t.Errorf("it is said: %s", sentence)
			}
		}
	})
}

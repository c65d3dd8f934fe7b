package hostname

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	label := strings.Repeat("a", 63)
	for name, want := range map[string]string{
		"www.example.com":                  "",
		"a.b":                              "",
		"xn--mnchen-3ya.de":                "",
		"1-2.3.example":                    "",
		label + ".example":                 "",
		label + "a.example":                "has a label longer than 63 bytes",
		"localhost":                        "needs at least two labels",
		"":                                 "has an empty label; write it without a trailing dot",
		"www.example.com.":                 "has an empty label; write it without a trailing dot",
		"www..example.com":                 "has an empty label; write it without a trailing dot",
		"WWW.example.com":                  "has a character other than a-z, 0-9, hyphen and dot",
		"münchen.de":                       "has a character other than a-z, 0-9, hyphen and dot",
		"_dmarc.example.com":               "has a character other than a-z, 0-9, hyphen and dot",
		"*.example.com":                    "has a character other than a-z, 0-9, hyphen and dot",
		"example.com:80":                   "has a character other than a-z, 0-9, hyphen and dot",
		"https://example.com":              "has a character other than a-z, 0-9, hyphen and dot",
		"a\n.example.com":                  "has a character other than a-z, 0-9, hyphen and dot",
		"-a.example.com":                   "has a label that starts or ends with a hyphen",
		"a-.example.com":                   "has a label that starts or ends with a hyphen",
		"192.0.2.1":                        "ends with a number, like an address",
		"2130706433.1":                     "ends with a number, like an address",
		strings.Repeat(label+".", 4) + "x": "is longer than 253 bytes",
	} {
		got := ""
		if err := Check(name); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Check(%q) = %q, want %q", name, got, want)
		}
	}
}

package diagnosis

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
)

// pages is where every diagnosis has its page.
const pages = "../../../../docs/diagnoses"

func TestPages_agree_with_the_table(t *testing.T) {
	severity := map[Severity]string{Warn: "warning", Error: "error"}
	actor := map[Actor]string{Tenant: "the tenant", Operator: "the operator"}
	for _, k := range kinds {
		want := fmt.Sprintf("\nSeverity: %s. Who acts: %s.\n", severity[k.severity], actor[k.actor])
		page, err := os.ReadFile(filepath.Join(pages, string(k.code)+".md"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), want) {
			t.Errorf("the page of %s does not say %q", k.code, want)
		}
	}
}

// codes returns the codes of the proto enum without their prefix, sorted.
func codes() []string {
	var all []string
	for number, name := range diagnosisv1.Code_name {
		if number != int32(diagnosisv1.Code_CODE_UNSPECIFIED) {
			all = append(all, strings.TrimPrefix(name, "CODE_"))
		}
	}
	slices.Sort(all)
	return all
}

func TestPages_one_for_each_code(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(pages, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		found = append(found, strings.TrimSuffix(filepath.Base(file), ".md"))
	}
	slices.Sort(found)
	if !slices.Equal(found, codes()) {
		t.Errorf("pages are\n%v\ncodes are\n%v", found, codes())
	}
}

// head is how a page says how bad it is and who acts, in words for the values of
// the enums.
var head = regexp.MustCompile(`(?m)^Severity: (information|warning|error|fatal)\. Who acts: (the tenant|the operator|a certificate authority|Cloudflare|nobody)\.$`)

func TestPages_link_to_pages(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)]*)\)`)
	for _, code := range codes() {
		page, err := os.ReadFile(filepath.Join(pages, code+".md"))
		if err != nil {
			t.Fatal(err)
		}
		if len(head.FindAll(page, -1)) != 1 {
			t.Errorf("%s: not one line says how bad it is and who acts", code)
		}
		for _, found := range link.FindAllSubmatch(page, -1) {
			if _, err := os.Stat(filepath.Join(pages, string(found[1]))); err != nil {
				t.Errorf("%s: %v", code, err)
			}
		}
	}
}

func TestPages_say_what_to_do(t *testing.T) {
	for _, code := range codes() {
		page, err := os.ReadFile(filepath.Join(pages, code+".md"))
		if err != nil {
			t.Fatal(err)
		}
		last := 0
		for _, part := range []string{
			"# " + code + "\n", "\nSeverity: ", " Who acts: ",
			"\n## What it means\n\n", "\n## How we know\n\n", "\n## What to do\n\n1. ",
		} {
			at := strings.Index(string(page), part)
			if at < last {
				t.Errorf("%s: %q is missing or out of order", code, part)
			}
			last = at
		}
	}
}

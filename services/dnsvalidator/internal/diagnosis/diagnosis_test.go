package diagnosis

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
)

// pages is where every diagnosis of the enum has its page.
const pages = "../../../../docs/diagnoses"

// enum returns the codes of the proto enum without their prefix.
func enum() []string {
	var codes []string
	for number, name := range diagnosisv1.Code_name {
		if number != int32(diagnosisv1.Code_CODE_UNSPECIFIED) {
			codes = append(codes, strings.TrimPrefix(name, "CODE_"))
		}
	}
	slices.Sort(codes)
	return codes
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
	if !slices.Equal(found, enum()) {
		t.Errorf("pages are\n%v\ncodes are\n%v", found, enum())
	}
}

func TestPages_say_what_to_do(t *testing.T) {
	for _, code := range enum() {
		page := read(t, code)
		last := 0
		for _, part := range []string{"# " + code + "\n", "\nSeverity: ", "Who acts: ", "\n## What it means\n", "\n## How we know\n", "\n## What to do\n\n1. "} {
			at := strings.Index(page, part)
			if at < last {
				t.Errorf("%s: %q is missing or out of order", code, part)
			}
			last = at
		}
	}
}

func TestPages_agree_with_the_table(t *testing.T) {
	severity := map[Severity]string{Warn: "warning", Error: "error"}
	actor := map[Actor]string{Tenant: "the tenant", Operator: "the operator"}
	for _, k := range kinds {
		want := fmt.Sprintf("\nSeverity: %s. Who acts: %s.\n", severity[k.severity], actor[k.actor])
		if !strings.Contains(read(t, string(k.code)), want) {
			t.Errorf("the page of %s does not say %q", k.code, want)
		}
	}
}

func read(t *testing.T, code string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(pages, code+".md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestKinds_are_in_the_enums(t *testing.T) {
	seen := map[Code]bool{}
	for _, k := range kinds {
		if diagnosisv1.Code_value["CODE_"+string(k.code)] == 0 || seen[k.code] {
			t.Errorf("code %s is not in the enum or twice in the table", k.code)
		}
		if diagnosisv1.Severity_value["SEVERITY_"+string(k.severity)] == 0 {
			t.Errorf("severity %s is not in the enum", k.severity)
		}
		if diagnosisv1.Actor_value["ACTOR_"+string(k.actor)] == 0 {
			t.Errorf("actor %s is not in the enum", k.actor)
		}
		seen[k.code] = true
	}
}

func TestSort_puts_first_what_to_mend_first(t *testing.T) {
	all := []Diagnosis{New(ProbeUnreachable, ""), New(DNSServFail, ""), New(DNSWrongTarget, ""), New(DNSCNAMELoop, "")}
	Sort(all)
	for i, want := range []Code{DNSCNAMELoop, DNSWrongTarget, DNSServFail, ProbeUnreachable} {
		if all[i].Code != want {
			t.Errorf("place %d has %s, want %s", i, all[i].Code, want)
		}
	}
}

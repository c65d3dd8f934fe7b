package diagnosis

import (
	"testing"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
)

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

package cli

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func TestChanges(t *testing.T) {
	tests := []struct {
		name   string
		change func(*lifecyclev1.Condition)
		news   bool
	}{
		{"nothing", func(*lifecyclev1.Condition) {}, false},
		{"type", func(c *lifecyclev1.Condition) { c.Type = "Serving" }, true},
		{"status", func(c *lifecyclev1.Condition) { c.Status = lifecyclev1.ConditionStatus_CONDITION_STATUS_TRUE }, true},
		{"reason", func(c *lifecyclev1.Condition) { c.Reason = "DNS_NXDOMAIN" }, true},
		{"message", func(c *lifecyclev1.Condition) { c.Message = "else" }, true},
		{"actor", func(c *lifecyclev1.Condition) { c.Actor = diagnosisv1.Actor_ACTOR_TENANT }, true},
		{"fix", func(c *lifecyclev1.Condition) { c.Fix = []string{"wait"} }, true},
		{"evidence", func(c *lifecyclev1.Condition) { c.Evidence = []string{"took 3 ms"} }, false},
		{"time", func(c *lifecyclev1.Condition) { c.NextAttemptAt = timestamppb.New(time.Unix(1, 0)) }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := &lifecyclev1.Condition{Type: "Resolves"}
			next := proto.CloneOf(before)
			test.change(next)
			seen := func(c *lifecyclev1.Condition) sight {
				return sight{name: "site x", conditions: []*lifecyclev1.Condition{c}}
			}
			if lines := changes(seen(before), seen(next)); (len(lines) > 0) != test.news {
				t.Errorf("changes are %q, news: %v", lines, test.news)
			}
		})
	}
}

package machine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMachine_Markdown(t *testing.T) {
	const want = "## door\n\n" +
		"```mermaid\n" +
		"stateDiagram-v2\n" +
		"    [*] --> OPEN\n" +
		"    OPEN --> SHUT: close\n" +
		"    SHUT --> OPEN: open\n" +
		"    OPEN --> GONE: wreck\n" +
		"    SHUT --> GONE: wreck\n" +
		"```\n\n" +
		"| from | event | to | only when |\n" +
		"|---|---|---|---|\n" +
		"| OPEN | close | SHUT | nobody stands in it |\n" +
		"| SHUT | open | OPEN | not locked |\n" +
		"| OPEN, SHUT | wreck | GONE | ever |\n"
	if diff := cmp.Diff(want, door.Markdown()); diff != "" {
		t.Fatalf("not as wanted (-want +got):\n%s", diff)
	}
}

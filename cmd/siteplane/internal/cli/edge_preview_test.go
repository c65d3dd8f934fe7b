package cli_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

func TestEdgePreview(t *testing.T) {
	r := setup(t)
	troubled(r.infrastructure)
	for _, format := range []string{"table", "json", "yaml"} {
		r.golden("edge_preview."+format, cli.ExitChanges, "edge", "preview", "frankfurt", "-o", format)
	}
	r.golden("edge_preview_coloured", cli.ExitChanges, "edge", "preview", "frankfurt", "--color", "always")
	r.infrastructure.preview = &lifecyclev1.PreviewEdgeResponse{}
	r.golden("edge_preview_none", cli.ExitOK, "edge", "preview", "edge_01")
	r.golden("edge_preview_missing", cli.ExitNotFound, "edge", "preview", "tun_01")
	r.sites.fail = rpcerr.New(codes.Unavailable, "UNAVAILABLE", "edge agent does not answer", rpcerr.RetryAfter(time.Second))
	if got := r.run("edge", "preview", "edge_01"); got.code != cli.ExitUnavailable {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
}

// Only who looks at a terminal gets colours, and never what a file commands.
func TestEdgePreview_on_a_terminal(t *testing.T) {
	r := setup(t)
	troubled(r.infrastructure)
	plain := r.run("edge", "preview", "frankfurt")
	r.terminal = true
	coloured := r.run("edge", "preview", "frankfurt")
	if strings.Contains(plain.stdout, "\x1b") || !strings.Contains(coloured.stdout, "\x1b[32m+    b 1; # \\x1b[2J\x1b[0m") {
		t.Errorf("plain:\n%q\ncoloured:\n%q", plain.stdout, coloured.stdout)
	}
}

func TestEdgeGet_says_why_a_host_does_not_answer(t *testing.T) {
	r := setup(t)
	troubled(r.infrastructure)
	r.infrastructure.look = &lifecyclev1.EdgeLook{Unreachable: "edge unavailable: connection refused"}
	r.golden("edge_get_unreachable", cli.ExitOK, "edge", "get", "paris")
}

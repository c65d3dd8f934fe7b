package main

import (
	"strings"
	"testing"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func TestJudgeLog(t *testing.T) {
	entries := []*lifecyclev1.TimelineEntry{half("publish", ""), half("publish", "ok")}
	const noise = `{"msg":"server accepts calls","address":"127.0.0.1:1"}` + "\n"
	const intent = `{"msg":"step intent","operation_id":"op_1","step":"publish","attempt":1,"trace_id":"` + someTrace + `"}` + "\n"
	const outcome = `{"msg":"step outcome","operation_id":"op_1","step":"publish","attempt":1,"result":"ok",` +
		`"external_response":{"edge_1":2},"trace_id":"` + someTrace + `"}` + "\n"
	good := noise + intent + outcome
	for name, c := range map[string]struct{ log, want string }{
		"complete":             {good, ""},
		"empty":                {"", "no line"},
		"no intent":            {noise + outcome, `no line "step intent"`},
		"no outcome":           {noise + intent, `no line "step outcome"`},
		"no response":          {strings.Replace(good, `"external_response":{"edge_1":2},`, "", 1), "no external_response"},
		"only empty responses": {strings.Replace(good, `{"edge_1":2}`, "{}", 1), "nothing is shown"},
		"another operation":    {strings.Replace(good, "op_1", "op_2", 1), "no line"},
		"another result":       {strings.Replace(good, `"ok"`, `"retry"`, 1), "no line"},
		"another trace":        {intent + strings.Replace(outcome, "0123", "3210", 1), "no line"},
		"a line of text":       {good + "panic: x\n", "no JSON"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, judgeLog([]byte(c.log), entries), c.want) })
	}
	t.Run("of nothing", func(t *testing.T) { expect(t, judgeLog([]byte(good), nil), "nothing is shown") })
}

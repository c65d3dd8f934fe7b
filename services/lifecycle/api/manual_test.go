package api_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"

	"github.com/siteplane/siteplane/gen/openapi"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
)

// table returns the rows of a table of docs/api.md, whose columns are named so.
func table(t *testing.T, columns ...string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n| "+strings.Join(columns, " | ")+" |\n")
	if !found {
		t.Fatalf("no table has the columns %v", columns)
	}
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		rows = append(rows, strings.Split(strings.Trim(line, "| \n"), " | "))
	}
	return rows[1:]
}

func firstOf(rows [][]string) (names []string) {
	for _, row := range rows {
		names = append(names, row[0])
	}
	return names
}

// codeIn finds the code with which the proto's comment on a reason begins.
var codeIn = regexp.MustCompile("- `([A-Z_]+)`: ([A-Z_]+): ")

// reasons is what the OpenAPI document says of them.
func reasons(t *testing.T) string {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(openapi.JSON)
	if err != nil {
		t.Fatal(err)
	}
	return document.Components.Schemas["ErrorInfo"].Value.Properties["reason"].Value.Description
}

var word = regexp.MustCompile(`[a-z_]+`)

// wantTold fails unless docs/api.md tells of every field that an event's data has.
func wantTold(t *testing.T, eventType string, data map[string]any) {
	t.Helper()
	told := map[string]string{}
	for _, row := range table(t, "type", "subject", "data") {
		told[row[0]] = row[2]
	}
	text := told[eventType]
	if other, _, found := strings.Cut(strings.TrimPrefix(text, "as "), ", and "); found {
		text += " " + told[other]
	}
	for name := range data {
		if !slices.Contains(word.FindAllString(text, -1), name) {
			t.Errorf("docs/api.md does not tell of %s in %s", name, eventType)
		}
	}
}

func TestManual(t *testing.T) {
	t.Run("tells every reason of an error, with its code", func(t *testing.T) {
		rows := table(t, "reason", "gRPC", "HTTP", "what to do")
		want := codeIn.FindAllStringSubmatch(reasons(t), -1)
		if len(rows) != len(want) || len(want) != lifecyclev1.ErrorReason(0).Descriptor().Values().Len()-1 {
			t.Fatalf("it tells of %d reasons, the protos of %d", len(rows), len(want))
		}
		for i, row := range rows {
			var code codes.Code
			if err := code.UnmarshalJSON([]byte(strconv.Quote(want[i][2]))); err != nil {
				t.Error(err)
			}
			if got := row[:3]; !slices.Equal(got, []string{want[i][1], want[i][2], strconv.Itoa(runtime.HTTPStatusFromCode(code))}) {
				t.Errorf("it tells %v, want %v", got, want[i])
			}
		}
	})
	t.Run("tells every type of an event", func(t *testing.T) {
		var want []string
		for _, each := range event.Types() {
			want = append(want, string(each))
		}
		if got := firstOf(table(t, "type", "subject", "data")); !slices.Equal(got, want) {
			t.Errorf("it tells of\n%v\nwant\n%v", got, want)
		}
	})
	t.Run("tells every field of a filter", func(t *testing.T) {
		s := setup(t)
		for _, row := range table(t, "list", "fields of a filter") {
			// A field that is not there is answered with those that are.
			a := s.call("GET", "/v1/"+row[0]+"?filter=nothing%3D1", s.keyOf[auth.Viewer], nil)
			said := a.at("details", 1, "fieldViolations", 0, "description")
			_, names, _ := strings.Cut(said, ", but ")
			got, want := strings.Split(names, ", "), strings.Split(row[1], ", ")
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("of %s it tells %v, there are %v (%s)", row[0], want, got, said)
			}
		}
	})
}

package event_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/event"
)

// Whoever adds a type adds it to the list.
func TestTypes_are_all_of_them(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "type.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []event.Type
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, value := range spec.Values {
			text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, event.Type(text))
		}
		return true
	})
	got := event.Types()
	form := regexp.MustCompile(`^[a-z_]+\.[a-z_]+$`)
	seen := map[event.Type]bool{}
	for i, each := range got {
		if i >= len(want) || each != want[i] || seen[each] || !form.MatchString(string(each)) {
			t.Errorf("type %d is %q", i, each)
		}
		seen[each] = true
	}
	if len(got) != len(want) {
		t.Errorf("%d types are listed, there are %d", len(got), len(want))
	}
}

package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
)

// named finds the constants of a type in the source of a package beside this one.
func named(t *testing.T, pkg, typeName string) (values []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("package %s has the files %v, %v", pkg, files, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typed, ok := spec.Type.(*ast.Ident); !ok || typed.Name != typeName {
				return true
			}
			for _, v := range spec.Values {
				if text, ok := v.(*ast.BasicLit); ok {
					value, err := strconv.Unquote(text.Value)
					if err != nil {
						t.Fatal(err)
					}
					values = append(values, value)
				}
			}
			return true
		})
	}
	return values
}

// byName looks a value up as wireEnum does.
func byName(values map[string]int32, prefix string) func(string) int32 {
	return func(name string) int32 { return wireEnum[int32](values, prefix, name) }
}

// Every value that we store has one value on the wire, and every value on the
// wire is one that we store. The empty value has none.
func TestWire_has_every_value_both_ways(t *testing.T) {
	for _, tt := range []struct {
		pkg, typeName string
		wire          func(string) int32
		names         map[int32]string
	}{
		{"site", "Status", byName(lifecyclev1.SiteStatus_value, "SITE_STATUS_"), lifecyclev1.SiteStatus_name},
		{"network", "Status", byName(lifecyclev1.DomainStatus_value, "DOMAIN_STATUS_"), lifecyclev1.DomainStatus_name},
		{"network", "Kind", byName(lifecyclev1.DomainKind_value, "DOMAIN_KIND_"), lifecyclev1.DomainKind_name},
		{"network", "Mode", func(v string) int32 { return int32(modes[network.Mode(v)]) }, lifecyclev1.DomainMode_name},
		{"network", "Purpose", func(v string) int32 { return int32(purposes[network.Purpose(v)]) }, lifecyclev1.InstructionPurpose_name},
		{"condition", "Status", func(v string) int32 { return int32(conditionStatuses[condition.Status(v)]) }, lifecyclev1.ConditionStatus_name},
		{"condition", "Actor", func(v string) int32 { return int32(actors[condition.Actor(v)]) }, diagnosisv1.Actor_name},
		{"drift", "Policy", func(v string) int32 { return int32(driftPolicies[drift.Policy(v)]) }, lifecyclev1.DriftPolicy_name},
		{"saga", "State", byName(lifecyclev1.OperationState_value, "OPERATION_STATE_"), lifecyclev1.OperationState_name},
		{"saga", "Phase", func(v string) int32 { return int32(phases[saga.Phase(v)]) }, lifecyclev1.StepPhase_name},
	} {
		t.Run(tt.pkg+"."+tt.typeName, func(t *testing.T) {
			stored := map[int32]string{0: ""}
			for _, v := range named(t, tt.pkg, tt.typeName) {
				w := tt.wire(v)
				if other, twice := stored[w]; twice && other != v {
					t.Errorf("%q and %q are both %s on the wire", v, other, tt.names[w])
				}
				stored[w] = v
			}
			for w, name := range tt.names {
				if _, ok := stored[w]; !ok {
					t.Errorf("nothing that we store is %s", name)
				}
			}
		})
	}
}

package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// parameters are those that the query of a request may have.
type parameters struct {
	input protoreflect.MessageDescriptor
	// inPath are the fields that the path has.
	inPath []string
	// body says that everything else is in the body.
	body bool
}

// have reports whether a name, in either of its spellings, is that of a parameter.
func (p parameters) have(name string) bool {
	if p.input == nil || p.body {
		return false
	}
	path, ok := fieldPath(p.input, strings.Split(name, "."))
	return ok && !slices.Contains(p.inPath, path)
}

// fieldPath is the path of a field that holds a value, as the proto files spell it.
func fieldPath(in protoreflect.MessageDescriptor, names []string) (path string, ok bool) {
	field := in.Fields().ByTextName(names[0])
	if field == nil {
		field = in.Fields().ByJSONName(names[0])
	}
	if field == nil {
		return "", false
	}
	ours := field.Message() != nil && strings.HasPrefix(string(field.Message().FullName()), "siteplane.")
	if len(names) == 1 {
		return string(field.Name()), !ours
	}
	if !ours || field.IsList() {
		return "", false
	}
	below, ok := fieldPath(field.Message(), names[1:])
	return string(field.Name()) + "." + below, ok
}

// parametersOfAll are the parameters of every method and path of the API, as
// runtime.Pattern spells them.
func parametersOfAll() map[string]parameters {
	all := map[string]parameters{}
	for _, file := range []protoreflect.FileDescriptor{
		lifecyclev1.File_siteplane_lifecycle_v1_site_service_proto, lifecyclev1.File_siteplane_lifecycle_v1_domain_service_proto,
		lifecyclev1.File_siteplane_lifecycle_v1_tenant_service_proto, lifecyclev1.File_siteplane_lifecycle_v1_key_service_proto,
		lifecyclev1.File_siteplane_lifecycle_v1_event_service_proto, lifecyclev1.File_siteplane_lifecycle_v1_zone_service_proto,
		lifecyclev1.File_siteplane_lifecycle_v1_operation_service_proto, lifecyclev1.File_siteplane_lifecycle_v1_infrastructure_service_proto,
	} {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				addParameters(all, methods.Get(j))
			}
		}
	}
	return all
}

// pathVariable is a field in a path.
var pathVariable = regexp.MustCompile(`\{([^}]*)\}`)

func addParameters(all map[string]parameters, m protoreflect.MethodDescriptor) {
	rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	for _, r := range append(slices.Clone(rule.GetAdditionalBindings()), rule) {
		verb, path := verbAndPath(r)
		p := parameters{input: m.Input(), body: r.GetBody() != ""}
		for _, variable := range pathVariable.FindAllStringSubmatch(path, -1) {
			p.inPath = append(p.inPath, variable[1])
		}
		all[verb+" "+pathVariable.ReplaceAllString(path, "{$1=*}")] = p
	}
}

func verbAndPath(rule *annotations.HttpRule) (verb, path string) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post
	case *annotations.HttpRule_Put:
		return http.MethodPut, p.Put
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, p.Patch
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete
	}
	return "", ""
}

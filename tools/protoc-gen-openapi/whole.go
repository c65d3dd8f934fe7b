package main

import "strings"

const about = "Hosts sites on your own domains: what a site is, where its visitors come from, and how both become true.\n\n" +
	"Every call but those for this document carries an API key, `Authorization: Bearer <key>`. " +
	"Every error is a `Status`; programs switch on the `reason` of its `ErrorInfo`. " +
	"A request with a `requestId` may be repeated for a day without being done twice. " +
	"docs/api.md of the repository says more."

// document puts the parts together.
func (w *writer) document() *document {
	return &document{
		OpenAPI:  "3.0.3",
		Info:     info{Title: "Siteplane", Version: "v1", Description: about},
		Servers:  []server{{URL: "/"}},
		Security: []map[string][]string{{"bearer": {}}},
		Tags:     w.tags, Paths: w.paths,
		Components: components{
			Schemas: w.schemas, Responses: failures(),
			SecuritySchemes: map[string]securityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "An API key of Siteplane."},
			},
		},
	}
}

func failures() *ordered[*response] {
	all := newOrdered[*response]()
	all.set("Error", &response{Description: "The call failed.", Content: one(jsonType, mediaType{reference("Status")})})
	all.set("StreamError", &response{
		Description: "The stream did not begin.",
		Content: one(jsonType, mediaType{&schema{OneOf: []*schema{reference("Status"), {
			Type: "object", Required: []string{"error"}, Properties: one("error", reference("Status")),
		}}}}),
	})
	return all
}

// errors adds the schemas of a failed call: google.rpc.Status with the details that
// Siteplane sends.
func (w *writer) errors() error {
	if w.reasons == nil {
		return errNoReasons
	}
	status := typed("Status is a failed call.", "code", "message", "details")
	status.Properties.set("code", &schema{Type: "integer", Format: "int32", Description: "A number of google.rpc.Code, for instance 5 for NOT_FOUND."})
	status.Properties.set("message", &schema{Type: "string", Description: "What happened, for people; it may change."})
	status.Properties.set("details", &schema{Type: "array", Items: reference("ErrorDetail"), Description: "What programs need to know."})
	w.schemas.set("Status", status)

	detail := &schema{Type: "object", Description: "ErrorDetail is one of the details of an error.", Discriminator: &discriminator{"@type", map[string]string{}}}
	for _, name := range []string{"ErrorInfo", "BadRequest", "RetryInfo"} {
		detail.OneOf = append(detail.OneOf, reference(name))
		detail.Discriminator.Mapping["type.googleapis.com/google.rpc."+name] = "#/components/schemas/" + name
	}
	w.schemas.set("ErrorDetail", detail)
	w.schemas.set("ErrorInfo", w.errorInfo())
	w.schemas.set("BadRequest", badRequest())
	w.schemas.set("FieldViolation", fieldViolation())
	w.schemas.set("RetryInfo", retryInfo())
	return nil
}

func typed(description string, required ...string) *schema {
	return &schema{Type: "object", Description: description, Required: required, Properties: newOrdered[*schema]()}
}

// detailOf is an object that says its own type, as protojson writes an Any.
func detailOf(name, description string, required ...string) *schema {
	s := typed(description, append([]string{"@type"}, required...)...)
	s.Properties.set("@type", &schema{Type: "string", Enum: []any{"type.googleapis.com/google.rpc." + name}})
	return s
}

func (w *writer) errorInfo() *schema {
	reason := &schema{Type: "string", Description: prose(w.reasons.Comments.Leading) + "\n"}
	for _, value := range w.reasons.Values[1:] {
		name := strings.TrimPrefix(string(value.Desc.Name()), "ERROR_REASON_")
		reason.Enum = append(reason.Enum, name)
		reason.Description += "\n- `" + name + "`: " + prose(value.Comments.Leading)
	}
	s := detailOf("ErrorInfo", "ErrorInfo says why a call failed. Every error of an RPC has one.", "reason", "domain", "metadata")
	s.Properties.set("reason", reason)
	s.Properties.set("domain", &schema{Type: "string", Enum: []any{"siteplane"}})
	s.Properties.set("metadata", &schema{
		Type: "object", AdditionalProperties: &schema{Type: "string"},
		Description: "trace_id leads to the logs; more by reason.",
	})
	return s
}

func badRequest() *schema {
	s := detailOf("BadRequest", "BadRequest says which fields of a request are wrong.", "fieldViolations")
	s.Properties.set("fieldViolations", &schema{Type: "array", Items: reference("FieldViolation"), Description: "The fields."})
	return s
}

func fieldViolation() *schema {
	s := typed("FieldViolation says what is wrong with one field.", "field", "description", "reason")
	s.Properties.set("field", &schema{Type: "string", Description: "Path of the field, for instance site.spec.origin.targets[0].address."})
	s.Properties.set("description", &schema{Type: "string", Description: "What is wrong with it, for people."})
	s.Properties.set("reason", &schema{Type: "string", Description: "The same for programs, for instance NAME_INVALID; may be empty."})
	return s
}

func retryInfo() *schema {
	s := detailOf("RetryInfo", "RetryInfo says when it is worth asking again.", "retryDelay")
	s.Properties.set("retryDelay", &schema{Type: "string", Pattern: `^[0-9]+(\.[0-9]{1,9})?s$`, Description: "How long to wait."})
	return s
}

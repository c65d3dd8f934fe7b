package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// UpdateSite implements the RPC.
func (s *siteService) UpdateSite(ctx context.Context, req *lifecyclev1.UpdateSiteRequest) (*lifecyclev1.UpdateSiteResponse, error) {
	change, err := changeOf(req)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	view, err := s.cp.UpdateSite(ctx, callerOf(ctx), id.Site(req.GetSite().GetSiteId()), change, app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.UpdateSiteResponse{Site: wireSite(view), Operation: s.operation(view)}, nil
}

// The fields of a site that can be changed.
const (
	fieldName = "name"
	fieldSpec = "spec"
)

// changeOf reads what shall change, and checks that part of the site.
func changeOf(req *lifecyclev1.UpdateSiteRequest) (change app.SiteChange, err error) {
	w := req.GetSite()
	var problems lifecycle.Violations
	if w.GetSiteId() == "" {
		problems.Add("site.site_id", "value is required")
	}
	fields := fieldsToChange(&problems, req)
	if err := checkFields(&problems, w, fields); err != nil {
		return change, err
	}
	if slices.Contains(fields, fieldName) {
		name := w.GetName()
		change.Name = &name
	}
	if slices.Contains(fields, fieldSpec) {
		spec := specOf(w.GetSpec())
		change.Spec = &spec
	}
	if placement := w.GetPlacement(); placement != "" && len(req.GetUpdateMask().GetPaths()) == 0 {
		change.Placement = &placement
	}
	change.Version = versionOf(w.GetEtag())
	return change, problems.Err()
}

// fieldsToChange are those that the mask names, or else those that are given.
func fieldsToChange(problems *lifecycle.Violations, req *lifecyclev1.UpdateSiteRequest) (fields []string) {
	const wanted = "give name, spec or both; each is changed as a whole"
	fields = req.GetUpdateMask().GetPaths()
	for i, path := range fields {
		if path != fieldName && path != fieldSpec {
			problems.Add(fmt.Sprintf("update_mask.paths[%d]", i), "%q cannot be changed: %s", path, wanted)
		}
	}
	if len(fields) > 0 {
		return fields
	}
	if req.GetSite().GetName() != "" {
		fields = append(fields, fieldName)
	}
	if req.GetSite().GetSpec() != nil {
		fields = append(fields, fieldSpec)
	}
	if len(fields) == 0 {
		problems.Add("update_mask", "nothing is to be changed: %s", wanted)
	}
	return fields
}

// checkFields holds some fields of a site against the rules that CreateSite's are
// held against. The rules of the others do not count: they need not be given.
func checkFields(problems *lifecycle.Violations, w *lifecyclev1.Site, fields []string) error {
	if w == nil {
		return nil // it has no id: that is told already
	}
	siteType := w.ProtoReflect().Descriptor().FullName()
	given := protovalidate.FilterFunc(func(_ protoreflect.Message, d protoreflect.Descriptor) bool {
		_, isField := d.(protoreflect.FieldDescriptor)
		return !isField || d.Parent().FullName() != siteType || slices.Contains(fields, string(d.Name()))
	})
	err := protovalidate.Validate(&lifecyclev1.CreateSiteRequest{Site: w}, protovalidate.WithFilter(given))
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	for _, v := range invalid.Violations {
		problems.Add(protovalidate.FieldPathString(v.Proto.GetField()), "%s", v.Proto.GetMessage())
	}
	return nil
}

// etagOf is a version of a site that callers do not calculate with.
func etagOf(version int64) string { return strconv.FormatInt(version, 36) }

// versionOf reads an etag. One that is not of ours is that of no version.
func versionOf(etag string) int64 {
	if etag == "" {
		return 0 // any
	}
	version, err := strconv.ParseInt(etag, 36, 64)
	if err != nil || version <= 0 {
		return -1
	}
	return version
}

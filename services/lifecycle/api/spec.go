package api

import (
	"google.golang.org/protobuf/types/known/durationpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func wireSite(view app.SiteView) *lifecyclev1.Site {
	s := view.Site
	out := &lifecyclev1.Site{
		SiteId: string(s.ID), Name: s.Name, Slug: s.Slug,
		Revision: s.WantedRevision, ConfirmedRevision: s.ConfirmedRevision,
		Status:     wireEnum[lifecyclev1.SiteStatus](lifecyclev1.SiteStatus_value, "SITE_STATUS_", string(s.Status)),
		Conditions: wireConditions(view.Conditions, view.NextAttemptAt),
		Etag:       etagOf(s.Version), Placement: s.Placement,
		CreateTime: wireTime(s.CreatedAt), UpdateTime: wireTime(s.UpdatedAt),
	}
	if view.Primary != nil {
		out.PrimaryDomain = wireDomain(*view.Primary)
	}
	if s.Status != site.Deleted {
		out.Spec = wireSpec(view.Spec)
	}
	return out
}

func wireSpec(s site.Spec) *lifecyclev1.SiteSpec {
	out := &lifecyclev1.SiteSpec{Options: wireOptions(s.Options)}
	if o := s.Origin; o != nil {
		out.Backend = &lifecyclev1.SiteSpec_Origin{Origin: wireOrigin(*o)}
	} else if r := s.Redirect; r != nil {
		out.Backend = &lifecyclev1.SiteSpec_Redirect{Redirect: &lifecyclev1.Redirect{
			BaseUrl: r.BaseURL, StatusCode: uint32(r.StatusCode),
		}}
	}
	for _, r := range s.Routes {
		out.Routes = append(out.Routes, &lifecyclev1.Route{
			PathPrefix: r.PathPrefix, StripPrefix: r.StripPrefix, Origin: wireOrigin(r.Origin),
		})
	}
	return out
}

func wireOrigin(o site.Origin) *lifecyclev1.Origin {
	out := &lifecyclev1.Origin{}
	for _, t := range o.Targets {
		out.Targets = append(out.Targets, &lifecyclev1.Target{Address: t.Address, Weight: uint32(t.Weight)})
	}
	return out
}

func wireOptions(o site.Options) *lifecyclev1.SiteOptions {
	out := &lifecyclev1.SiteOptions{
		MaxBodyBytes: o.MaxBodyBytes, Websocket: o.Websocket,
		ResponseHeaders: wireHeaders(o.ResponseHeaders), RequestHeaders: wireHeaders(o.RequestHeaders),
		Maintenance: o.Maintenance, Compress: o.Compress, RequestsPerSecond: int32(o.RequestsPerSecond),
	}
	if o.ConnectTimeout > 0 {
		out.ConnectTimeout = durationpb.New(o.ConnectTimeout)
	}
	if o.ReadTimeout > 0 {
		out.ReadTimeout = durationpb.New(o.ReadTimeout)
	}
	return out
}

func wireHeaders(headers []site.Header) []*lifecyclev1.Header {
	var out []*lifecyclev1.Header
	for _, h := range headers {
		out = append(out, &lifecyclev1.Header{Name: h.Name, Value: h.Value})
	}
	return out
}

// specOf reads a spec; what is wrong in it, the policy of package site finds.
func specOf(w *lifecyclev1.SiteSpec) site.Spec {
	s := site.Spec{Options: optionsOf(w.GetOptions())}
	if o := w.GetOrigin(); o != nil {
		origin := originOf(o)
		s.Origin = &origin
	}
	if r := w.GetRedirect(); r != nil {
		s.Redirect = &site.Redirect{BaseURL: r.GetBaseUrl(), StatusCode: int(r.GetStatusCode())}
	}
	for _, r := range w.GetRoutes() {
		s.Routes = append(s.Routes, site.Route{
			PathPrefix: r.GetPathPrefix(), StripPrefix: r.GetStripPrefix(), Origin: originOf(r.GetOrigin()),
		})
	}
	return s
}

func originOf(w *lifecyclev1.Origin) site.Origin {
	var o site.Origin
	for _, t := range w.GetTargets() {
		o.Targets = append(o.Targets, site.Target{Address: t.GetAddress(), Weight: int(t.GetWeight())})
	}
	return o
}

func optionsOf(w *lifecyclev1.SiteOptions) site.Options {
	return site.Options{
		MaxBodyBytes:   w.GetMaxBodyBytes(),
		ConnectTimeout: w.GetConnectTimeout().AsDuration(), ReadTimeout: w.GetReadTimeout().AsDuration(),
		Websocket:       w.GetWebsocket(),
		ResponseHeaders: headersOf(w.GetResponseHeaders()), RequestHeaders: headersOf(w.GetRequestHeaders()),
		Maintenance: w.GetMaintenance(), Compress: w.GetCompress(), RequestsPerSecond: int(w.GetRequestsPerSecond()),
	}
}

func headersOf(w []*lifecyclev1.Header) []site.Header {
	var out []site.Header
	for _, h := range w {
		out = append(out, site.Header{Name: h.GetName(), Value: h.GetValue()})
	}
	return out
}

package remote

import (
	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func wireSite(s desired.EdgeSite) *edgev1.Site {
	spec := &edgev1.Spec{Options: wireOptions(s.Spec.Options)}
	if o := s.Spec.Origin; o != nil {
		spec.Backend = &edgev1.Spec_Origin{Origin: wireOrigin(*o)}
	} else if r := s.Spec.Redirect; r != nil {
		spec.Backend = &edgev1.Spec_Redirect{Redirect: &edgev1.Redirect{BaseUrl: r.BaseURL, StatusCode: uint32(r.StatusCode)}}
	}
	for _, r := range s.Spec.Routes {
		spec.Routes = append(spec.Routes, &edgev1.Route{
			PathPrefix: r.PathPrefix, StripPrefix: r.StripPrefix, Origin: wireOrigin(r.Origin),
		})
	}
	return &edgev1.Site{SiteId: string(s.SiteID), Revision: s.Revision, Hostnames: s.Hostnames, Spec: spec}
}

func wireOrigin(o site.Origin) *edgev1.Origin {
	out := &edgev1.Origin{}
	for _, t := range o.Targets {
		out.Targets = append(out.Targets, &edgev1.Target{Address: t.Address, Weight: uint32(t.Weight)})
	}
	return out
}

func wireOptions(o site.Options) *edgev1.Options {
	return &edgev1.Options{
		MaxBodyBytes:     o.MaxBodyBytes,
		ConnectTimeoutMs: o.ConnectTimeout.Milliseconds(),
		ReadTimeoutMs:    o.ReadTimeout.Milliseconds(),
		Websocket:        o.Websocket,
		ResponseHeaders:  wireHeaders(o.ResponseHeaders),
		RequestHeaders:   wireHeaders(o.RequestHeaders),
		Maintenance:      o.Maintenance,

		Compress:          o.Compress,
		RequestsPerSecond: int32(o.RequestsPerSecond),
	}
}

func wireHeaders(headers []site.Header) []*edgev1.Header {
	var out []*edgev1.Header
	for _, h := range headers {
		out = append(out, &edgev1.Header{Name: h.Name, Value: h.Value})
	}
	return out
}

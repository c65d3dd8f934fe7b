package remote

import (
	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

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
	}
}

func wireHeaders(headers []site.Header) []*edgev1.Header {
	var out []*edgev1.Header
	for _, h := range headers {
		out = append(out, &edgev1.Header{Name: h.Name, Value: h.Value})
	}
	return out
}

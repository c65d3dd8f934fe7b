package snapshot

import (
	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"
)

// Sum returns the sum of one site, as docs/digest.md says.
func Sum(site *edgev1.Site) [32]byte {
	h := digest.New()
	h.String(site.GetSiteId())
	h.Int(site.GetRevision())
	h.Count(len(site.GetHostnames()))
	for _, hostname := range site.GetHostnames() {
		h.String(hostname)
	}
	spec := site.GetSpec()
	sumBackend(h, spec)
	h.Count(len(spec.GetRoutes()))
	for _, route := range spec.GetRoutes() {
		h.String(route.GetPathPrefix())
		h.Bool(route.GetStripPrefix())
		sumTargets(h, route.GetOrigin())
	}
	sumOptions(h, spec.GetOptions())
	return h.Sum()
}

func sumBackend(h *digest.Hasher, spec *edgev1.Spec) {
	switch backend := spec.GetBackend().(type) {
	case *edgev1.Spec_Origin:
		h.String("origin")
		sumTargets(h, backend.Origin)
	case *edgev1.Spec_Redirect:
		h.String("redirect")
		h.String(backend.Redirect.GetBaseUrl())
		h.Int(int64(backend.Redirect.GetStatusCode()))
	}
}

func sumTargets(h *digest.Hasher, origin *edgev1.Origin) {
	h.Count(len(origin.GetTargets()))
	for _, target := range origin.GetTargets() {
		h.String(target.GetAddress())
		h.Int(int64(target.GetWeight()))
	}
}

func sumOptions(h *digest.Hasher, options *edgev1.Options) {
	h.Int(options.GetMaxBodyBytes())
	h.Int(options.GetConnectTimeoutMs())
	h.Int(options.GetReadTimeoutMs())
	h.Bool(options.GetWebsocket())
	sumHeaders(h, options.GetResponseHeaders())
	sumHeaders(h, options.GetRequestHeaders())
	if options.GetMaintenance() {
		h.String("maintenance")
	}
	if options.GetCompress() {
		h.String("compress")
	}
	if rate := options.GetRequestsPerSecond(); rate > 0 {
		h.String("requests per second")
		h.Int(int64(rate))
	}
}

func sumHeaders(h *digest.Hasher, headers []*edgev1.Header) {
	h.Count(len(headers))
	for _, header := range headers {
		h.String(header.GetName())
		h.String(header.GetValue())
	}
}

package main

import (
	"fmt"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"
)

// hostname of the site with that number.
func hostname(number int) string { return fmt.Sprintf("shop-%06d.customer.example.com", number) }

// origin of a revision of a site.
func origin(number int, revision int64) string {
	return fmt.Sprintf("127.0.%d.%d:%d", number/200%200, 1+number%200, 8000+revision%1000)
}

// benchSite returns a site of a usual mix: one in ten has a larger body limit,
// one in a hundred a second target.
func benchSite(number int, revision int64) *edgev1.Site {
	targets := []*edgev1.Target{{Address: origin(number, revision)}}
	if number%100 == 0 {
		targets = append(targets, &edgev1.Target{Address: origin(number, revision+1)})
	}
	options := &edgev1.Options{}
	if number%10 == 0 {
		options.MaxBodyBytes = int64(1+number/10%8) << 20
	}
	return &edgev1.Site{
		SiteId: fmt.Sprintf("site_01h455vb4pex5vsknk08%06d", number), Revision: revision, Hostnames: []string{hostname(number)},
		Spec: &edgev1.Spec{Backend: &edgev1.Spec_Origin{Origin: &edgev1.Origin{Targets: targets}}, Options: options},
	}
}

// benchSites returns the first revisions of that many sites.
func benchSites(count int) []*edgev1.Site {
	sites := make([]*edgev1.Site, 0, count)
	for number := range count {
		sites = append(sites, benchSite(number, 1))
	}
	return sites
}

// benchSum is the sum of docs/digest.md for the sites that benchSite makes.
func benchSum(site *edgev1.Site) [32]byte {
	h := digest.New()
	h.String(site.GetSiteId())
	h.Int(site.GetRevision())
	h.Count(1)
	h.String(site.GetHostnames()[0])
	h.String("origin")
	targets := site.GetSpec().GetOrigin().GetTargets()
	h.Count(len(targets))
	for _, target := range targets {
		h.String(target.GetAddress())
		h.Int(int64(target.GetWeight()))
	}
	h.Count(0)
	h.Int(site.GetSpec().GetOptions().GetMaxBodyBytes())
	h.Int(0)
	h.Int(0)
	h.Bool(false)
	h.Count(0)
	headers := site.GetSpec().GetOptions().GetRequestHeaders()
	h.Count(len(headers))
	for _, header := range headers {
		h.String(header.GetName())
		h.String(header.GetValue())
	}
	return h.Sum()
}

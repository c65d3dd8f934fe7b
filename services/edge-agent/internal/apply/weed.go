package apply

import (
	"errors"

	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// mostWeeding of the tests may be spent on weed: isolate needs the rest.
const mostWeeding = mostTests / 2

// weed rejects one of the changed sites that nginx refuses all by itself, and tells
// whether there was one; test asks it. A test holds nothing but the sites in doubt,
// half as many each time, so that all together cost little more than one of
// everything. Who is refused alone is to blame without a doubt; sites that are refused
// only together, or beside what is held, pass here and are left to isolate. Nobody is
// to blame where nginx refuses no sites at all, or could not judge.
func (t *trial) weed(test func(*snapshot.Snapshot) error) (found bool, err error) {
	t.test = test
	site, refusal, err := t.refusedAlone(t.likeliest(t.candidates()))
	if err == nil && refusal != nil && !t.sane {
		var always *nginx.RejectedError
		always, err = t.askOnly(nil)
		t.sane = always == nil
	}
	if errors.Is(err, errSpent) || err == nil && (refusal == nil || !t.sane) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	kept := t.kept(site)
	t.reject(site, kept, refusal.Plain())
	t.next = t.next.With(map[string]*edgev1.Site{site.GetSiteId(): kept})
	return true, nil
}

// likeliest returns the sites that are new or have other options than before, if nginx
// refuses these: nginx seldom minds where else requests go. Else it returns all.
func (t *trial) likeliest(sites []*edgev1.Site) []*edgev1.Site {
	var likely []*edgev1.Site
	for _, site := range sites {
		before := t.held.Site(site.GetSiteId())
		if before == nil || !proto.Equal(before.GetSpec().GetOptions(), site.GetSpec().GetOptions()) {
			likely = append(likely, site)
		}
	}
	if len(likely) == 0 || len(likely) > len(sites)/2 {
		return sites // one more test would not pay
	}
	if refusal, err := t.askOnly(likely); err != nil || refusal == nil {
		return sites // what went wrong shows again
	}
	return likely
}

// refusedAlone returns one of the sites with the reason for which nginx refuses it
// alone; no reason: there is none that was found. It expects that one is refused and
// goes where the first half passes, so only the last answer counts.
func (t *trial) refusedAlone(sites []*edgev1.Site) (*edgev1.Site, *nginx.RejectedError, error) {
	var refusal *nginx.RejectedError
	for len(sites) > 1 {
		first := sites[:len(sites)/2]
		var err error
		if refusal, err = t.askOnly(first); err != nil {
			return nil, nil, err
		}
		if refusal != nil {
			sites = first
		} else {
			sites = sites[len(first):]
		}
	}
	if len(sites) == 0 {
		return nil, nil, nil
	}
	if refusal == nil {
		var err error
		if refusal, err = t.askOnly(sites); err != nil {
			return nil, nil, err
		}
	}
	return sites[0], refusal, nil
}

// askOnly asks about nothing but some sites.
func (t *trial) askOnly(sites []*edgev1.Site) (*nginx.RejectedError, error) {
	if t.tests >= mostWeeding {
		return nil, errSpent
	}
	return t.ask(with(snapshot.Empty(), sites))
}

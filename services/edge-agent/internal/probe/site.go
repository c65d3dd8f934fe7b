package probe

import (
	"context"
	"errors"
	"strings"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

// ErrNotServed says that the running workers do not know the site.
var ErrNotServed = errors.New("the workers do not serve this site")

// Site is what the workers answer under an internal name.
type Site struct {
	SiteID string `json:"-"`
	// Name is the internal one.
	Name       string `json:"name"`
	Revision   int64  `json:"revision"`
	Generation uint64 `json:"generation"`
}

// AskSite asks the workers behind socket for a site, over a fresh connection.
// It fails with ErrNotServed when they do not know it.
func AskSite(ctx context.Context, socket, siteID string) (internalName string, site Site, err error) {
	id, err := encode.ParseSiteID(siteID)
	if err != nil {
		return "", Site{}, ErrNotServed
	}
	err = nginx.GetJSON(ctx, socket, id.InternalName(), "/.well-known/siteplane/site", &site)
	if answer := new(nginx.AnswerError); errors.As(err, &answer) {
		return "", Site{}, ErrNotServed
	}
	site.SiteID = strings.TrimSuffix(site.Name, encode.InternalSuffix)
	return id.InternalName(), site, err
}

package apply

import (
	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// draft says which files a snapshot gives on this host. It touches nothing.
type draft struct {
	layout render.Layout
	files  generation.Reader
}

func (a *Applier) draft() draft {
	return draft{layout: a.config.Layout, files: a.config.Generations.Reader()}
}

func (d draft) render(snapshot *snapshot.Snapshot) (*files, error) {
	config, err := render.New(snapshot.Sites())
	if err != nil {
		return nil, err
	}
	rendering := config.Render(d.layout)
	want := nginx.Want{Generation: snapshot.Generation(), Hash: rendering.Hash}
	return &files{config: config, rendering: rendering, want: want}, nil
}

// complete returns the files of a generation with status.conf.
func (d draft) complete(files *files) []generation.File {
	where := func(name string) string { return d.files.Path(files.want.Generation, name) }
	status := render.Status(d.layout, files.want.Generation, files.want.Hash, included(where))
	complete := []generation.File{{Name: render.StatusFile, Data: status}}
	for _, file := range files.rendering.Files {
		complete = append(complete, generation.File(file))
	}
	return complete
}

// Package render turns the sites of an edge into the files that nginx reads.
//
// It owns the shape of the configuration: which sites share a server block, what
// the maps hold, what each file is called. Rendering is pure: the same sites in
// any order, with the same layout, give the same bytes, on any host, at any time.
//
// nginx pays for blocks, not for names. So sites whose options are equal form
// one profile with two server blocks, one public and one internal, and maps from
// the host of a request find the origin:
//
//	request -> server block of the profile (server_name) -> location
//	        -> $siteplane_target (map on $host) -> ip:port or upstream block
//
// The files:
//
//	nginx.conf      settings of the process and of http; includes status.conf
//	status.conf     the generation, and nothing else depends on it
//	maps.conf       host -> target, redirect, route targets, site
//	upstreams.conf  one block per origin to which connections are kept
//	servers.conf    two blocks per profile, and the default servers
//
// status.conf includes the last three by absolute path, so nginx never mixes
// the files of two generations, even when they are swapped while it reads.
//
// This package must not know files on disk, processes or callers. Values of
// sites reach the text only as encode.Token.
package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"sync"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// Version of the renderer. Raise it whenever the same sites give other bytes.
const Version = "3"

// Names of the files of one generation.
const (
	MainFile      = "nginx.conf"
	StatusFile    = "status.conf"
	MapsFile      = "maps.conf"
	UpstreamsFile = "upstreams.conf"
	ServersFile   = "servers.conf"
)

// Config is a set of sites that passed the encoder, grouped into profiles. It is
// not safe for concurrent use.
type Config struct {
	sites    []*site
	profiles []*profile
	// last are the files that hardly depend on a layout, as rendered last.
	last siteFiles
}

// siteFiles are the two largest files, and all of a layout that they depend on.
type siteFiles struct {
	keepalive       int
	logged          bool
	maps, upstreams []byte
}

// File is one rendered file.
type File struct {
	Name string
	Data []byte
}

// Rendering is everything but status.conf.
type Rendering struct {
	// Files in the order of their names.
	Files []File
	// Hash over names and bytes of Files, 64 hexadecimal digits.
	Hash string
}

// New checks and groups sites. A value that does not pass its grammar, and a
// hostname that two sites claim, give an *InvalidSiteError.
func New(sites []*edgev1.Site) (*Config, error) {
	parsed, err := parseSites(sites)
	if err != nil {
		return nil, err
	}
	return &Config{sites: parsed, profiles: groupProfiles(parsed)}, nil
}

// Profiles returns how many profiles the sites form.
func (c *Config) Profiles() int { return len(c.profiles) }

// Render returns the files for layout, with their hash.
func (c *Config) Render(layout Layout) *Rendering {
	files := c.Files(layout)
	return &Rendering{Files: files, Hash: Hash(files)}
}

// Files returns the files for layout, in the order of their names.
func (c *Config) Files(layout Layout) []File {
	var servers []byte
	var beside sync.WaitGroup
	beside.Go(func() { servers = renderServers(layout, c.profiles) })
	about := c.siteFiles(layout)
	beside.Wait()
	return []File{
		{Name: MapsFile, Data: about.maps},
		{Name: MainFile, Data: renderMain(layout, c.hashSize())},
		{Name: ServersFile, Data: servers},
		{Name: UpstreamsFile, Data: about.upstreams},
	}
}

// siteFiles renders again only where layout says something else than the one of
// before: a test renders the same sites for another place.
func (c *Config) siteFiles(layout Layout) siteFiles {
	logged := layout.AccessLog != ""
	if c.last.maps != nil && c.last.keepalive == layout.KeepaliveOrigins && c.last.logged == logged {
		return c.last
	}
	origins := chooseOrigins(c.sites, layout.KeepaliveOrigins)
	c.last = siteFiles{
		keepalive: layout.KeepaliveOrigins, logged: logged,
		maps: renderMaps(c.sites, origins, logged), upstreams: renderUpstreams(c.sites, origins),
	}
	return c.last
}

// Hash returns the hash over files, whatever their order.
func Hash(files []File) string {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	sum := sha256.New()
	for _, file := range files {
		writeSized(sum, []byte(file.Name))
		writeSized(sum, file.Data)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func writeSized(sum interface{ Write([]byte) (int, error) }, data []byte) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(data)))
	// A hash never returns an error.
	_, _ = sum.Write(size[:])
	_, _ = sum.Write(data)
}

// hashSize bounds the hash tables of nginx: a bucket for every name, and each takes
// many, so that building them never warns, however long the names are.
func (c *Config) hashSize() int {
	names := 0
	for _, site := range c.sites {
		names += len(site.hosts())
	}
	size := 2048
	for size < names {
		size *= 2
	}
	return size
}

package render

import (
	"cmp"
	"strconv"
	"time"
)

// Layout is everything a rendering depends on apart from the sites. Its values
// were checked by who made it: they go into the files as they are.
type Layout struct {
	// PublicListen holds the parameters of the public listen directives.
	PublicListen []string
	// TLSListen holds those of the public listeners with TLS; none: no TLS at all.
	TLSListen []string
	// Certificates are the hostnames of which CertificateDir holds NAME.crt and
	// NAME.key.
	Certificates   map[string]bool
	CertificateDir string
	// User and group that the workers run as; empty leaves it to nginx.
	User string
	// Paths of the unix sockets and of what nginx writes.
	StatusSocket, InternalSocket, ProbeSocket string
	PIDFile, ErrorLog, TempDir                string
	// AccessLog is the file that takes a line for each public request; empty: none.
	AccessLog string
	// TrustedProxies are the networks, sorted and each once, whose word about the
	// client is taken. They say its address in RealIPHeader, which is not empty then.
	TrustedProxies []string
	RealIPHeader   string
	// KeepaliveOrigins is how many origins with one target get an upstream block.
	KeepaliveOrigins int
	// ShutdownTimeout is how long workers of a former generation may serve what they
	// have; 0: 60 s.
	ShutdownTimeout time.Duration
}

func (l Layout) shutdownTimeout() literal {
	timeout := cmp.Or(l.ShutdownTimeout, time.Minute)
	return literal(strconv.FormatInt(int64(timeout/time.Second), 10) + "s")
}

// scheme is the variable with the scheme that the client used.
func (l Layout) scheme() literal {
	if len(l.TrustedProxies) > 0 {
		return "$siteplane_scheme"
	}
	return "$scheme"
}

package identity

import (
	"bytes"
	"crypto/tls"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"
)

// ServerFiles name where the certificate of a public listener and its key are
// kept, as PEM. The certificate may be anybody's, followed by its chain.
type ServerFiles struct {
	Certificate, Key string
}

// ServerFilesIn returns the files of a folder that WriteServer filled.
func ServerFilesIn(dir string) ServerFiles {
	return ServerFiles{Certificate: filepath.Join(dir, "public.crt"), Key: filepath.Join(dir, "public.key")}
}

func (f ServerFiles) read() (*tls.Certificate, error) {
	if err := checkThere(f.Certificate, f.Key); err != nil {
		return nil, err
	}
	return readPair(f.Certificate, f.Key)
}

// Server is the certificate of a public listener. It is safe for concurrent use;
// Reload replaces it while it is in use.
type Server struct {
	pair atomic.Pointer[tls.Certificate]
}

// LoadServer returns the certificate that is kept in files. Its errors are those
// of Load, as far as they apply.
func LoadServer(files ServerFiles) (*Server, error) {
	pair, err := files.read()
	if err != nil {
		return nil, err
	}
	s := &Server{}
	s.pair.Store(pair)
	return s, nil
}

// Reload takes a renewed certificate from files and reports whether it had
// changed. One that cannot be used changes nothing.
func (s *Server) Reload(files ServerFiles) (changed bool, err error) {
	pair, err := files.read()
	if err != nil || bytes.Equal(pair.Certificate[0], s.pair.Load().Certificate[0]) {
		return false, err
	}
	s.pair.Store(pair)
	return true, nil
}

// NotAfter returns when the current certificate expires.
func (s *Server) NotAfter() time.Time { return s.pair.Load().Leaf.NotAfter }

// Hosts returns the host names and IP addresses that the certificate is for.
func (s *Server) Hosts() []string {
	leaf := s.pair.Load().Leaf
	hosts := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

// RootPEM returns the last certificate of the chain, by which clients without
// other roots can verify the first.
func (s *Server) RootPEM() []byte {
	chain := s.pair.Load().Certificate
	return encodeCertificate(chain[len(chain)-1])
}

// TLS returns the configuration of a listener that presents the certificate: TLS
// 1.3 only, and no client certificate is asked for.
func (s *Server) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.pair.Load(), nil },
	}
}

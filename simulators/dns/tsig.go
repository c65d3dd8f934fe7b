package dns

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/miekg/dns"
)

// fudge is how far the clocks of signer and server may differ, in seconds.
const fudge = 300

// NewSecret makes a random secret for hmac-sha256, in base64.
func NewSecret() string {
	secret := make([]byte, 32)
	rand.Read(secret)
	return base64.StdEncoding.EncodeToString(secret)
}

// WriteKeyFile writes a key in the form that `nsupdate -k` reads, for the owner
// of the file alone.
func WriteKeyFile(path, name, secret string) error {
	content := fmt.Sprintf("key %q {\n\talgorithm hmac-sha256;\n\tsecret %q;\n};\n", name, secret)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return fmt.Errorf("write dns key file: %w", err)
	}
	return nil
}

var secretLine = regexp.MustCompile(`secret "([A-Za-z0-9+/=]+)"`)

// EnsureKeyFile returns the secret of a key file, and makes the file with a new
// one if there is none.
func EnsureKeyFile(path, name string) (secret string, err error) {
	content, err := os.ReadFile(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		secret = NewSecret()
		return secret, WriteKeyFile(path, name, secret)
	}
	if err != nil {
		return "", fmt.Errorf("read dns key file: %w", err)
	}
	match := secretLine.FindSubmatch(content)
	if match == nil {
		return "", fmt.Errorf("the dns key file %s holds no secret: remove it, and a new one is made", path)
	}
	return string(match[1]), nil
}

// verify checks the signature of a message that has one and returns what is
// wrong with it, in the words of the wire (RFC 8945 section 5.2).
func (s *Server) verify(w dns.ResponseWriter, request *dns.Msg) int {
	t, status := request.IsTsig(), w.TsigStatus()
	switch {
	case t == nil:
		return dns.RcodeSuccess
	case s.keys == nil, errors.Is(status, dns.ErrSecret), dns.CanonicalName(t.Algorithm) != dns.HmacSHA256:
		return dns.RcodeBadKey
	case errors.Is(status, dns.ErrTime):
		return dns.RcodeBadTime
	case status != nil:
		return dns.RcodeBadSig
	}
	return dns.RcodeSuccess
}

// sign asks the library to sign the reply to a signed message, as the last thing
// before it is sent. A client whose clock is wrong is told ours.
func sign(m *dns.Msg, request *dns.TSIG, problem int) {
	now := time.Now().Unix()
	m.SetTsig(request.Hdr.Name, request.Algorithm, fudge, now)
	t := m.IsTsig()
	t.Error = uint16(problem)
	if problem == dns.RcodeBadTime {
		t.TimeSigned = request.TimeSigned
		t.OtherLen, t.OtherData = 6, fmt.Sprintf("%012x", now)
	}
}

package app_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// giveCertificate puts a certificate of its own making where the agent looks, and
// returns it.
func giveCertificate(t *testing.T, config *app.Config, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	parsed, err := x509.ParseCertificate(der)
	check(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	dir := filepath.Join(config.Dir, "certificates")
	check(t, os.MkdirAll(dir, 0o700))
	check(t, os.WriteFile(filepath.Join(dir, name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), 0o600))
	return parsed
}

// startSecureEdge has certificates for one.example.com and two.example.com, and a
// file for three.example.com that is no key.
func startSecureEdge(t *testing.T) (e *edge, address string, trusted *x509.CertPool) {
	t.Helper()
	address, trusted = freeAddress(t), x509.NewCertPool()
	e = startEdge(t, func(config *app.Config) {
		config.TLSListen = []string{address}
		// The keys are for the workers alone, so they must not be nobody.
		config.NginxUser = "www-data"
		trusted.AddCert(giveCertificate(t, config, "one.example.com"))
		trusted.AddCert(giveCertificate(t, config, "two.example.com"))
		giveCertificate(t, config, "three.example.com")
		check(t, os.WriteFile(filepath.Join(config.Dir, "certificates", "three.example.com.key"), []byte("engine:x:y"), 0o600))
	})
	return e, address, trusted
}

// handshake connects with TLS for a name; empty: without one.
func handshake(t *testing.T, address, name string, trusted *x509.CertPool) (*tls.Conn, error) {
	t.Helper()
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	config := &tls.Config{ServerName: name, RootCAs: trusted}
	if name == "" {
		config.InsecureSkipVerify = true
	}
	conn, err := tls.DialWithDialer(dialer, "tcp", address, config)
	if err == nil {
		check(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	}
	return conn, err
}

// secureGet asks for host on a connection for name.
func secureGet(t *testing.T, address, name, host string, trusted *x509.CertPool) (status int, body string) {
	t.Helper()
	conn, err := handshake(t, address, name, trusted)
	check(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
	check(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	data, err := io.ReadAll(response.Body)
	check(t, err)
	return response.StatusCode, string(data)
}

// S08: what the handshake names and what the request names are one, or nothing.
func TestServe_TLS(t *testing.T) {
	e, address, trusted := startSecureEdge(t)
	origin := startOrigin(t, "main")
	// Another profile has another block with TLS.
	two := newSite(2, origin, "two.example.com")
	two.Spec.Options = &edgev1.Options{Websocket: true}
	e.mustPut(1, newSite(1, origin, "one.example.com", "plain.example.com"), two, newSite(3, origin, "three.example.com"))

	e.sub("each name gets its own certificate, and the origin hears of TLS", func(t *testing.T) {
		for _, name := range []string{"one.example.com", "two.example.com"} {
			status, body := secureGet(t, address, name, name, trusted)
			if want := "host=" + name + " for=127.0.0.1 proto=https"; status != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
	})
	e.sub("a handshake is refused for a name without a good certificate", func(t *testing.T) {
		for _, name := range []string{"other.example.com", "plain.example.com", "three.example.com", "", siteID(1) + ".site.internal", "../one.example.com"} {
			conn, err := handshake(t, address, name, trusted)
			if err == nil {
				t.Errorf("%q: a handshake with %v", name, conn.ConnectionState().PeerCertificates[0].DNSNames)
				_ = conn.Close()
			} else if !strings.Contains(err.Error(), "unrecognized name") {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
	e.sub("a request for another name than that of the handshake answers 421", func(t *testing.T) {
		for _, host := range []string{"two.example.com", "plain.example.com", "other.example.com", "one.example.com.evil.example", siteID(1) + ".site.internal"} {
			if status, body := secureGet(t, address, "one.example.com", host, trusted); status != http.StatusMisdirectedRequest {
				t.Errorf("%s: %d %s", host, status, body)
			}
		}
	})
	e.sub("spelling makes no other name", func(t *testing.T) {
		for _, host := range []string{"ONE.example.com", "one.example.com.", "one.example.com:443"} {
			if status, _ := secureGet(t, address, "one.example.com", host, trusted); status != http.StatusOK {
				t.Errorf("%s: %d", host, status)
			}
		}
	})
	e.sub("without TLS every name is served as before", func(t *testing.T) {
		for _, name := range []string{"one.example.com", "plain.example.com", "three.example.com"} {
			e.wantStatus(name, "/", http.StatusOK)
		}
	})
	e.sub("the log names what was left out, and the key is in no other's reach", func(t *testing.T) {
		if log := e.log.String(); !strings.Contains(log, "a certificate is left out") || !strings.Contains(log, "three.example.com") || strings.Contains(log, "engine:") {
			t.Error("the log does not name three.example.com, or shows what is in its file")
		}
		for name, want := range map[string]os.FileMode{"certificates": 0o710, "certificates/one.example.com.key": 0o640} {
			if os.Geteuid() != 0 {
				want &= 0o700
			}
			info, err := os.Stat(filepath.Join(e.config.RuntimeDir, name))
			check(t, err)
			if info.Mode().Perm() != want {
				t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
			}
		}
	})
}

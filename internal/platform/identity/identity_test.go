package identity_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

func issue(t *testing.T, ca *identity.CA, path string, ttl time.Duration) *identity.Identity {
	t.Helper()
	i, err := ca.Issue(path, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func leaf(t *testing.T, i *identity.Identity) *x509.Certificate {
	t.Helper()
	svid, err := i.GetX509SVID()
	if err != nil {
		t.Fatal(err)
	}
	return svid.Certificates[0]
}

func roots(t *testing.T, ca *identity.CA) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca.CertificatePEM()) {
		t.Fatal("the CA certificate is no PEM")
	}
	return pool
}

// handshake connects both in memory and exchanges a byte each way: with TLS 1.3
// a client learns only then that the server refused it.
func handshake(server, client *tls.Config) error {
	_, err := connect(server, client)
	return err
}

func connect(server, client *tls.Config) (tls.ConnectionState, error) {
	listener := bufconn.Listen(64 << 10) // net.Pipe has no buffer: two refusals would block each other
	defer listener.Close()
	served := make(chan error, 1)
	go func() { served <- serveByte(listener, server) }()
	clientEnd, err := listener.Dial()
	if err != nil {
		return tls.ConnectionState{}, err
	}
	conn := tls.Client(clientEnd, client)
	_, err = conn.Write([]byte{1})
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	clientEnd.Close()
	return conn.ConnectionState(), errors.Join(err, <-served)
}

// serveByte accepts one connection and answers one byte.
func serveByte(listener net.Listener, cfg *tls.Config) error {
	raw, err := listener.Accept()
	if err != nil {
		return err
	}
	defer raw.Close()
	conn := tls.Server(raw, cfg)
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return err
	}
	_, err = conn.Write([]byte{1})
	return err
}

func TestCA_Issue(t *testing.T) {
	ca := newCA(t)
	authority := certificate(t, ca)

	t.Run("gives the path its SPIFFE id", func(t *testing.T) {
		i := issue(t, ca, "/edge/edge_01h", time.Hour)
		if i.Path() != "/edge/edge_01h" || i.ID() != "spiffe://siteplane.test/edge/edge_01h" {
			t.Errorf("path %q, id %q", i.Path(), i.ID())
		}
		cert := leaf(t, i)
		if len(cert.URIs) != 1 || cert.URIs[0].String() != i.ID() || cert.IsCA || cert.KeyUsage != x509.KeyUsageDigitalSignature {
			t.Errorf("URIs %v, CA %t, usage %v", cert.URIs, cert.IsCA, cert.KeyUsage)
		}
	})

	t.Run("is valid for the time asked", func(t *testing.T) {
		i := issue(t, ca, "/service/a", time.Hour)
		if left := time.Until(i.NotAfter()); left > time.Hour || left < time.Hour-time.Minute {
			t.Errorf("valid for %s, want an hour", left)
		}
		if !leaf(t, i).NotBefore.Before(time.Now()) {
			t.Error("not dated back for slow clocks")
		}
	})

	t.Run("never outlives the CA", func(t *testing.T) {
		i := issue(t, ca, "/service/a", 100*365*24*time.Hour)
		if !i.NotAfter().Equal(authority.NotAfter) {
			t.Errorf("expires %s, the CA %s", i.NotAfter(), authority.NotAfter)
		}
		if cert := leaf(t, i); cert.NotBefore.Before(authority.NotBefore) {
			t.Errorf("begins %s, the CA %s", cert.NotBefore, authority.NotBefore)
		}
	})

	t.Run("makes a key and a serial number each time", func(t *testing.T) {
		a, b := leaf(t, issue(t, ca, "/service/a", time.Hour)), leaf(t, issue(t, ca, "/service/a", time.Hour))
		if a.SerialNumber.Cmp(b.SerialNumber) == 0 || string(a.RawSubjectPublicKeyInfo) == string(b.RawSubjectPublicKeyInfo) {
			t.Error("two certificates share key or serial number")
		}
	})

	for name, path := range map[string]string{
		"an empty path": "", "a path without slash": "service/a", "a dot segment": "/service/../a", "a wildcard": "/edge/*", "a space": "/a b",
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			if _, err := ca.Issue(path, time.Hour); err == nil {
				t.Errorf("path %q was taken", path)
			}
		})
	}
	for _, ttl := range []time.Duration{0, -time.Hour} {
		t.Run("refuses a time of "+ttl.String(), func(t *testing.T) {
			if _, err := ca.Issue("/service/a", ttl); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

func TestCA_Issue_refuses_once_the_CA_expired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newCA(t)
		i := issue(t, ca, "/service/a", time.Hour)
		time.Sleep(11 * 365 * 24 * time.Hour)
		if _, err := ca.Issue("/service/a", time.Hour); err == nil {
			t.Error("an expired CA issued an identity")
		}
		if _, err := ca.IssueServer([]string{"localhost"}, time.Hour); err == nil {
			t.Error("an expired CA issued a server certificate")
		}
		if err := ca.Renew(i, time.Hour); err == nil {
			t.Error("an expired CA renewed an identity")
		}
	})
}

func TestIdentity_handshakes(t *testing.T) {
	ca, foreign := newCA(t), newCA(t)
	server := issue(t, ca, "/service/tunnel", time.Hour)
	client := issue(t, ca, "/service/lifecycle", time.Hour)
	public, err := ca.IssueServer([]string{"localhost"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expired := issue(t, ca, "/service/lifecycle", time.Nanosecond) // certificates have whole seconds
	anonymous := &tls.Config{RootCAs: roots(t, ca), InsecureSkipVerify: true}

	tests := []struct {
		name           string
		server, client *tls.Config
		ok             bool
	}{
		{"both right", server.ServerTLS(), client.ClientTLS("/service/tunnel"), true},
		{"the server is another service", server.ServerTLS(), client.ClientTLS("/service/edge"), false},
		{"the client wants no valid path", server.ServerTLS(), client.ClientTLS("not a path"), false},
		{"the client wants the CA's own path", server.ServerTLS(), client.ClientTLS(""), false},
		{"the client is of another CA", server.ServerTLS(), issue(t, foreign, "/service/lifecycle", time.Hour).ClientTLS("/service/tunnel"), false},
		{"the server is of another CA", issue(t, foreign, "/service/tunnel", time.Hour).ServerTLS(), client.ClientTLS("/service/tunnel"), false},
		{"the client has no certificate", server.ServerTLS(), anonymous, false},
		{"the client's certificate expired", server.ServerTLS(), expired.ClientTLS("/service/tunnel"), false},
		{"the server's certificate expired", expired.ServerTLS(), client.ClientTLS("/service/lifecycle"), false},
		{"the client shows a public server certificate", server.ServerTLS(),
			&tls.Config{Certificates: []tls.Certificate{public}, InsecureSkipVerify: true}, false},
		{"the server shows a public certificate",
			&tls.Config{Certificates: []tls.Certificate{public}}, client.ClientTLS("/service/tunnel"), false},
		{"the client speaks TLS 1.2", server.ServerTLS(), atMost12(client.ClientTLS("/service/tunnel")), false},
		{"the server speaks TLS 1.2", atMost12(server.ServerTLS()), client.ClientTLS("/service/tunnel"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := handshake(tt.server, tt.client); (err == nil) != tt.ok {
				t.Errorf("connected: %t, want %t (%v)", err == nil, tt.ok, err)
			}
		})
	}
}

func atMost12(cfg *tls.Config) *tls.Config {
	cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	return cfg
}

// A resumed session would not be verified again.
func TestIdentity_ServerTLS_resumes_no_session(t *testing.T) {
	ca := newCA(t)
	server := issue(t, ca, "/service/tunnel", time.Hour).ServerTLS()
	client := issue(t, ca, "/service/lifecycle", time.Hour).ClientTLS("/service/tunnel")
	client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	client.ServerName = "tunnel" // the key in the cache
	for range 3 {
		state, err := connect(server, client)
		if err != nil {
			t.Fatal(err)
		}
		if state.DidResume {
			t.Error("a session was resumed")
		}
	}
}

func TestIdentity_expires_while_in_use(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newCA(t)
		server := issue(t, ca, "/service/tunnel", 48*time.Hour)
		client := issue(t, ca, "/service/lifecycle", time.Hour)
		serverTLS, clientTLS := server.ServerTLS(), client.ClientTLS("/service/tunnel")
		if err := handshake(serverTLS, clientTLS); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour + time.Second)
		if err := handshake(serverTLS, clientTLS); err == nil {
			t.Fatal("an expired client was let in")
		}
		if err := ca.Renew(client, time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := handshake(serverTLS, clientTLS); err != nil {
			t.Errorf("the renewed client was refused: %v", err)
		}
		if client.Path() != "/service/lifecycle" || time.Until(client.NotAfter()) < 59*time.Minute {
			t.Errorf("renewed as %s until %s", client.Path(), client.NotAfter())
		}
	})
}

func TestCA_Renew_refuses_another_trust_domain(t *testing.T) {
	other, err := identity.LoadOrCreateCA(t.TempDir(), "other.test")
	if err != nil {
		t.Fatal(err)
	}
	i := issue(t, newCA(t), "/service/a", time.Hour)
	before := i.NotAfter()
	if err := other.Renew(i, 2*time.Hour); err == nil || !i.NotAfter().Equal(before) {
		t.Errorf("Renew returned %v and left %s, want an error and %s", err, i.NotAfter(), before)
	}
}

func TestCA_IssueServer(t *testing.T) {
	ca := newCA(t)
	cert, err := ca.IssueServer([]string{"localhost", "127.0.0.1", "::1"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := handshake(server, &tls.Config{RootCAs: roots(t, ca), ServerName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := handshake(server, &tls.Config{RootCAs: roots(t, ca), ServerName: "example.org"}); err == nil {
		t.Error("the certificate is good for a name it was not made for")
	}
	if len(cert.Leaf.URIs) != 0 || len(cert.Leaf.ExtKeyUsage) != 1 || cert.Leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth {
		t.Errorf("URIs %v, usages %v: a public certificate is no identity", cert.Leaf.URIs, cert.Leaf.ExtKeyUsage)
	}
	if _, err := ca.IssueServer(nil, time.Hour); err == nil {
		t.Error("a certificate without hosts was issued")
	}
}

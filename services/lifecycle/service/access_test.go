package service

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

func open(t *testing.T) *Database {
	t.Helper()
	db, err := OpenDatabase(t.Context(), Location(filepath.Join(t.TempDir(), "made", "siteplane.db")), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func client(t *testing.T) Client {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	return Client{File: filepath.Join(t.TempDir(), "cli.json"), Address: "127.0.0.1:8081", CA: string(ca.CertificatePEM()), KeyName: "test"}
}

func ensure(t *testing.T, db *Database, c Client) Access {
	t.Helper()
	access, err := EnsureAccess(t.Context(), db, c)
	if err != nil {
		t.Fatal(err)
	}
	return access
}

func TestEnsureAccess(t *testing.T) {
	t.Run("makes a key once and writes it for the command line", func(t *testing.T) {
		db, c := open(t), client(t)
		first := ensure(t, db, c)
		written, err := cliconfig.Read(c.File)
		if err != nil || first.NewKey == "" || written.Key != first.NewKey.Reveal() {
			t.Fatalf("the file holds %q, made was %q (%v)", written.Key, first.NewKey.Reveal(), err)
		}
		c.Address = "127.0.0.1:9081"
		again := ensure(t, db, c)
		moved, err := cliconfig.Read(c.File)
		if err != nil || again.NewKey != "" || again.Tenant != first.Tenant || moved.Key != written.Key || moved.Address != c.Address {
			t.Errorf("the second start made %q and wrote %v (%v)", again.NewKey.Reveal(), moved, err)
		}
	})
	t.Run("makes another key when the file is lost", func(t *testing.T) {
		db, c := open(t), client(t)
		first := ensure(t, db, c)
		if err := os.Remove(c.File); err != nil {
			t.Fatal(err)
		}
		if second := ensure(t, db, c); second.NewKey == "" || second.NewKey == first.NewKey || second.Tenant != first.Tenant {
			t.Errorf("it made %q", second.NewKey.Reveal())
		}
	})
	t.Run("without a file makes a key at the first start alone", func(t *testing.T) {
		db, c := open(t), client(t)
		c.File = ""
		if first := ensure(t, db, c); first.NewKey == "" {
			t.Error("the first start made none")
		}
		if second := ensure(t, db, c); second.NewKey != "" {
			t.Error("the second start made one")
		}
	})
	t.Run("touches no file that it cannot read", func(t *testing.T) {
		db, c := open(t), client(t)
		if err := os.WriteFile(c.File, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := EnsureAccess(t.Context(), db, c)
		if err == nil || !strings.Contains(err.Error(), c.File) || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("error is %v", err)
		}
		if content, err := os.ReadFile(c.File); err != nil || string(content) != "mine" {
			t.Errorf("the file holds %q (%v)", content, err)
		}
	})
}

func TestEnsureTunnel_keeps_the_row(t *testing.T) {
	db := open(t)
	var ids []id.Tunnel
	for _, name := range []string{"first", "second"} {
		if err := EnsureTunnel(t.Context(), db, name); err != nil {
			t.Fatal(err)
		}
		found, ok, err := app.SoleTunnel(t.Context(), db)
		if err != nil || !ok {
			t.Fatalf("there is none (%v)", err)
		}
		ids = append(ids, found)
	}
	if ids[0] != ids[1] {
		t.Errorf("the tunnel was %s and is %s", ids[0], ids[1])
	}
}

func TestPeer_remedy(t *testing.T) {
	p := &peer{name: "tunnel"}
	for cause, says := range map[string]string{
		`connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"`: "start tunnel there",
		`connection error: desc = "transport: authentication handshake failed: x509svid: could not verify"`:            "siteplane pki init",
		`connection error: desc = "error reading server preface: remote error: tls: bad certificate"`:                  "siteplane pki init",
	} {
		if got := p.remedy(cause); !strings.Contains(got, says) {
			t.Errorf("%s: %s", cause, got)
		}
	}
}

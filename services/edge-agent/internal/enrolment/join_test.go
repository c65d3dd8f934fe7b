package enrolment

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

func TestJoin(t *testing.T) {
	l := startLifecycle(t, newCA(t), lifecyclePath)
	dir := filepath.Join(t.TempDir(), "pki")
	joined, err := Join(t.Context(), l.config(dir))
	check(t, err)
	if joined.EdgeID != edgeID || joined.Name != "fra1" || time.Until(joined.Until) > lifetime {
		t.Errorf("joined as %+v", joined)
	}
	loaded, err := identity.Load(identity.FilesIn(dir))
	check(t, err)
	if loaded.Path() != "/edge/"+edgeID || !Enrolled(dir) {
		t.Errorf("the folder is of %s, enrolled: %t", loaded.Path(), Enrolled(dir))
	}
	want := map[string]os.FileMode{".": 0o700, "tls.crt": 0o600, "tls.key": 0o600, "ca.crt": 0o600, "id": 0o600, "enrolment.json": 0o600}
	if got := modes(t, dir); !maps.Equal(got, want) {
		t.Errorf("there is %v, want %v", got, want)
	}

	t.Run("refuses to replace an identity unless told", func(t *testing.T) {
		if _, err := Join(t.Context(), l.config(dir)); err == nil || !strings.Contains(err.Error(), edgeID) || !strings.Contains(err.Error(), "--force") {
			t.Errorf("error is %v", err)
		}
		again := startLifecycle(t, l.ca, lifecyclePath)
		cfg := again.config(dir)
		cfg.Force = true
		_, err := Join(t.Context(), cfg)
		check(t, err)
		replaced, err := identity.Load(identity.FilesIn(dir))
		check(t, err)
		if replaced.NotAfter().Before(loaded.NotAfter()) || again.keys[[32]byte{}] > 0 || len(again.keys) != 1 {
			t.Errorf("valid until %s, with keys %v", replaced.NotAfter(), again.keys)
		}
	})
}

// S19: what is repeated after a lost answer is the same host; another is none.
func TestJoin_is_repeated_with_the_same_key(t *testing.T) {
	l := startLifecycle(t, newCA(t), lifecyclePath)
	dir := t.TempDir()
	l.lose = true
	if _, err := Join(t.Context(), l.config(dir)); err == nil {
		t.Fatal("the answer was not lost")
	}
	if Enrolled(dir) {
		t.Error("the folder looks enrolled")
	}
	_, err := Join(t.Context(), l.config(dir))
	check(t, err)
	if len(l.keys) != 1 {
		t.Errorf("%d keys were used", len(l.keys))
	}
	_, err = Join(t.Context(), l.config(t.TempDir()))
	if rpcerr.Reason(err) != "JOIN_TOKEN_REFUSED" {
		t.Errorf("a second host: %v", err)
	}
}

// Interrupted between any two of its files, it is repeated without force.
func TestJoin_goes_on_after_an_interruption(t *testing.T) {
	for _, lost := range [][]string{{"enrolment.json"}, {"enrolment.json", "id"}, {"enrolment.json", "id", "tls.crt"}, {"enrolment.json", "id", "tls.crt", "tls.key"}} {
		t.Run(strings.Join(lost, " "), func(t *testing.T) {
			l := startLifecycle(t, newCA(t), lifecyclePath)
			dir := t.TempDir()
			_, err := Join(t.Context(), l.config(dir))
			check(t, err)
			key, err := os.ReadFile(filepath.Join(dir, "tls.key"))
			check(t, err)
			check(t, os.WriteFile(filepath.Join(dir, "join.key"), key, 0o600))
			for _, name := range lost {
				check(t, os.Remove(filepath.Join(dir, name)))
			}
			_, err = Join(t.Context(), l.config(dir))
			check(t, err)
			if _, err := identity.Load(identity.FilesIn(dir)); err != nil || !Enrolled(dir) {
				t.Errorf("enrolled: %t (%v)", Enrolled(dir), err)
			}
		})
	}
}

// The token goes to nobody but the lifecycle of the CA that it names.
func TestJoin_believes_the_token_alone(t *testing.T) {
	ca := newCA(t)
	for name, server := range map[string]*lifecycle{
		"another CA":                   startLifecycle(t, newCA(t), lifecyclePath),
		"another service of this CA":   startLifecycle(t, ca, "/service/tunnel"),
		"another edge of this CA":      startLifecycle(t, ca, "/edge/edge_1"),
		"lifecycle beneath another id": startLifecycle(t, ca, "/service/lifecycle/x"),
	} {
		t.Run(name, func(t *testing.T) {
			server.token = tokenOf(ca) // which a liar would take
			cfg := server.config(t.TempDir())
			if _, err := Join(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "not the one that the join token is for") {
				t.Errorf("error is %v", err)
			}
			if len(server.keys) > 0 || Enrolled(cfg.Dir) {
				t.Error("it learned the token")
			}
		})
	}
}

func TestJoinConfig_Validate(t *testing.T) {
	good := JoinConfig{Server: "lifecycle.example.com:9094", Token: tokenOf(newCA(t)), Address: "192.0.2.7:9091", Dir: "/x"}
	check(t, good.Validate())
	for says, spoil := range map[string]func(*JoinConfig){
		"server":                func(c *JoinConfig) { c.Server = "lifecycle" },
		"address":               func(c *JoinConfig) { c.Address = ":9091" },
		"no address":            func(c *JoinConfig) { c.Address = "0.0.0.0:9091" },
		"must be host:port":     func(c *JoinConfig) { c.Address = "192.0.2.7:0" },
		"dir":                   func(c *JoinConfig) { c.Dir = "" },
		"token is not whole":    func(c *JoinConfig) { c.Token = c.Token[:len(c.Token)-1] },
		"join_ID.SECRET.DIGEST": func(c *JoinConfig) { c.Token = "key_1.c2VjcmV0.x" },
	} {
		cfg := good
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%s: error is %v", says, err)
		}
	}
}

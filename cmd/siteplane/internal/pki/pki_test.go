package pki

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

func setup(t *testing.T, edges ...string) Config {
	t.Helper()
	cfg := Config{Dir: filepath.Join(t.TempDir(), "pki"), TrustDomain: "siteplane.local", Edges: edges, Lifetime: 365 * 24 * time.Hour}
	mustInit(t, cfg)
	return cfg
}

func mustInit(t *testing.T, cfg Config) string {
	t.Helper()
	var out strings.Builder
	if err := Init(cfg, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func load(t *testing.T, cfg Config, folder string) *identity.Identity {
	t.Helper()
	i, err := identity.Load(identity.FilesIn(filepath.Join(cfg.Dir, folder)))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// tree is every file of a directory with its mode and content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = info.Mode().String() + string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestInit(t *testing.T) {
	cfg := setup(t, "fra1", "fra2")
	t.Run("makes an identity for each service", func(t *testing.T) {
		for folder, path := range map[string]string{
			"lifecycle": "/service/lifecycle", "tunnel": "/service/tunnel", "dnsvalidator": "/service/dnsvalidator", "monitor": "/service/monitor",
		} {
			if got := load(t, cfg, folder).Path(); got != path {
				t.Errorf("%s is %s, want %s", folder, got, path)
			}
		}
	})
	t.Run("makes an id for each edge and says how lifecycle knows it", func(t *testing.T) {
		out := mustInit(t, cfg)
		for _, name := range cfg.Edges {
			edgeID := strings.TrimPrefix(load(t, cfg, "edge/"+name).Path(), "/edge/")
			if _, err := id.ParseEdge(edgeID); err != nil {
				t.Error(err)
			}
			if want := "--edge " + name + "=" + edgeID + "@"; !strings.Contains(out, want) {
				t.Errorf("it does not say %q:\n%s", want, out)
			}
		}
	})
	t.Run("makes every file readable by its owner alone", func(t *testing.T) {
		for file, held := range tree(t, cfg.Dir) {
			if !strings.HasPrefix(held, "-rw-------") {
				t.Errorf("%s is %.10s", file, held)
			}
		}
	})
	t.Run("makes the public certificate for loopback", func(t *testing.T) {
		if got, want := publicHosts(t, cfg), []string{"localhost", "127.0.0.1", "::1"}; !slices.Equal(got, want) {
			t.Errorf("it is for %v, want %v", got, want)
		}
	})
}

func publicHosts(t *testing.T, cfg Config) []string {
	t.Helper()
	s, err := identity.LoadServer(identity.ServerFilesIn(filepath.Join(cfg.Dir, "lifecycle")))
	if err != nil {
		t.Fatal(err)
	}
	return s.Hosts()
}

func TestInit_again(t *testing.T) {
	t.Run("changes nothing", func(t *testing.T) {
		cfg := setup(t, "fra1")
		before := tree(t, cfg.Dir)
		cfg.Edges = nil
		if out := mustInit(t, cfg); strings.Contains(out, "made ") || !strings.Contains(out, "edge/fra1") {
			t.Errorf("it says\n%s", out)
		}
		after := tree(t, cfg.Dir)
		for file := range after {
			if after[file] != before[file] {
				t.Errorf("%s has changed", file)
			}
		}
	})
	t.Run("adds what is missing", func(t *testing.T) {
		cfg := setup(t, "fra1")
		first := load(t, cfg, "edge/fra1").ID()
		if err := os.RemoveAll(filepath.Join(cfg.Dir, "tunnel")); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"tls.crt", "tls.key"} {
			if err := os.Remove(filepath.Join(cfg.Dir, "edge", "fra1", file)); err != nil {
				t.Fatal(err)
			}
		}
		cfg.Edges = []string{"fra2"}
		mustInit(t, cfg)
		load(t, cfg, "tunnel")
		load(t, cfg, "edge/fra2")
		if got := load(t, cfg, "edge/fra1").ID(); got != first {
			t.Errorf("the edge was %s and is %s", first, got)
		}
	})
	t.Run("renews certificates but neither ids nor names", func(t *testing.T) {
		cfg := setup(t, "fra1")
		cfg.Renew, cfg.PublicNames = true, []string{"api.example.com"}
		mustInit(t, cfg)
		before := load(t, cfg, "edge/fra1")
		ca := tree(t, cfg.Dir)[filepath.Join(cfg.Dir, "ca.crt")]
		cfg.PublicNames = nil
		mustInit(t, cfg)
		if changed, err := before.Reload(identity.FilesIn(filepath.Join(cfg.Dir, "edge", "fra1"))); !changed || err != nil {
			t.Errorf("a program that runs takes it: %v, %v", changed, err)
		}
		if got := publicHosts(t, cfg); !slices.Equal(got, []string{"api.example.com"}) {
			t.Errorf("the public certificate is for %v", got)
		}
		if tree(t, cfg.Dir)[filepath.Join(cfg.Dir, "ca.crt")] != ca {
			t.Error("the CA has changed")
		}
	})
}

func TestInit_refuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, cfg *Config)
		says  []string
	}{
		"names, all at once": {
			func(_ *testing.T, cfg *Config) { cfg.Edges, cfg.Lifetime = []string{"../up", "A"}, 0 },
			[]string{`--edge "../up"`, `--edge "A"`, "--lifetime 0s"},
		},
		"another trust domain": {
			func(_ *testing.T, cfg *Config) { cfg.TrustDomain = "other.example" },
			[]string{"ca.crt", "use the trust domain it was made for"},
		},
		"a public name that the certificate lacks": {
			func(_ *testing.T, cfg *Config) { cfg.PublicNames = []string{"api.example.com"} },
			[]string{"public.crt is for localhost", "--renew", "api.example.com"},
		},
		"a key that is missing": {
			func(t *testing.T, cfg *Config) { remove(t, cfg, "tunnel/tls.key") },
			[]string{"missing are", "tunnel/tls.key"},
		},
		"a folder of another program": {
			func(t *testing.T, cfg *Config) {
				remove(t, cfg, "tunnel/tls.crt")
				remove(t, cfg, "tunnel/tls.key")
				for _, file := range []string{"tls.crt", "tls.key"} {
					if err := os.Rename(filepath.Join(cfg.Dir, "monitor", file), filepath.Join(cfg.Dir, "tunnel", file)); err != nil {
						t.Fatal(err)
					}
				}
			},
			[]string{"tunnel/tls.crt", "/service/monitor, not for /service/tunnel"},
		},
		"an id that is none": {
			func(t *testing.T, cfg *Config) {
				if err := os.WriteFile(filepath.Join(cfg.Dir, "edge", "fra1", "id"), []byte("none"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			[]string{"edge/fra1/id", "restore it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := setup(t, "fra1")
			c.spoil(t, &cfg)
			err := Init(cfg, &strings.Builder{})
			for _, word := range c.says {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("error %v does not say %q", err, word)
				}
			}
		})
	}
}

func TestInit_says_what_has_expired_and_how_to_renew_it(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := setup(t)
		time.Sleep(2 * 365 * 24 * time.Hour)
		err := Init(cfg, &strings.Builder{})
		if err == nil || !strings.Contains(err.Error(), "tunnel/tls.crt expired on 2000-12-31") || !strings.Contains(err.Error(), "--renew") {
			t.Errorf("error is %v", err)
		}
		cfg.Renew = true
		mustInit(t, cfg)
	})
}

func remove(t *testing.T, cfg *Config, file string) {
	t.Helper()
	if err := os.Remove(filepath.Join(cfg.Dir, file)); err != nil {
		t.Fatal(err)
	}
}

package cliconfig_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/identity"
)

func valid(t *testing.T) cliconfig.Config {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "cliconfig.test")
	if err != nil {
		t.Fatal(err)
	}
	return cliconfig.Config{Address: "127.0.0.1:8081", CA: string(ca.CertificatePEM()), Key: "sp_secret", PublicPort: 8088}
}

func TestWrite(t *testing.T) {
	t.Run("is read back, from a directory that it makes", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state", "siteplane", "cli.json")
		want := valid(t)
		write(t, path, want)
		got, err := cliconfig.Read(path)
		if err != nil || got != want {
			t.Errorf("got %#v, %v", got, err)
		}
		if mode := modeOf(t, filepath.Dir(path)); mode != 0o700 {
			t.Errorf("directory has mode %04o, want 0700", mode)
		}
	})
	t.Run("replaces a file, loose or not, by a private one and leaves nothing else", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cli.json")
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		before, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer before.Close()
		write(t, path, valid(t))
		if mode := modeOf(t, path); mode != 0o600 {
			t.Errorf("file has mode %04o, want 0600", mode)
		}
		old := make([]byte, 10)
		if n, _ := before.Read(old); string(old[:n]) != "old" {
			t.Errorf("a reader of the old file got %q: it was changed in place", old[:n])
		}
		if names := namesIn(t, filepath.Dir(path)); len(names) != 1 {
			t.Errorf("the directory holds %v", names)
		}
	})
	t.Run("refuses what Read would refuse, and leaves the old file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cli.json")
		want := valid(t)
		write(t, path, want)
		if err := cliconfig.Write(path, cliconfig.Config{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want an error that names the file", err)
		}
		if got, err := cliconfig.Read(path); err != nil || got != want {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("cleans up when the file cannot be replaced", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cli.json")
		if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := cliconfig.Write(path, valid(t)); err == nil {
			t.Error("a directory was replaced")
		}
		if names := namesIn(t, filepath.Dir(path)); len(names) != 1 {
			t.Errorf("the directory holds %v", names)
		}
	})
}

func TestRead_refuses(t *testing.T) {
	good := valid(t)
	file := func(mode fs.FileMode, change func(*cliconfig.Config)) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			config := good
			change(&config)
			text := fmt.Sprintf(`{"address":%q,"ca":%q,"key":%q,"public_port":%d}`, config.Address, config.CA, config.Key, config.PublicPort)
			create(t, path, text, mode)
		}
	}
	same := func(*cliconfig.Config) {}
	tests := []struct {
		name    string
		prepare func(*testing.T, string)
		says    string
		remedy  string
	}{
		{"a file that is not there", func(*testing.T, string) {}, "does not exist", "siteplane up"},
		{"a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is not a file", "SITEPLANE_CONFIG"},
		{"a file that the group may read", file(0o640, same), "mode 0640", "chmod 600"},
		{"a file that others may read", file(0o604, same), "mode 0604", "chmod 600"},
		{"a file that the group may write", file(0o620, same), "mode 0620", "chmod 600"},
		{"no JSON", func(t *testing.T, path string) { create(t, path, "{", 0o600) }, "not valid JSON", "siteplane up"},
		{"another kind of JSON", func(t *testing.T, path string) { create(t, path, `{"key":1}`, 0o600) }, "not valid JSON", "siteplane up"},
		{"no port", file(0o600, func(c *cliconfig.Config) { c.Address = "127.0.0.1" }), `"address" must be host:port`, "siteplane up"},
		{"no host", file(0o600, func(c *cliconfig.Config) { c.Address = ":8081" }), `"address" must be host:port`, "siteplane up"},
		{"no CA", file(0o600, func(c *cliconfig.Config) { c.CA = "x" }), `"ca" holds no PEM`, "siteplane up"},
		{"no key", file(0o600, func(c *cliconfig.Config) { c.Key = "" }), `"key" is missing`, "siteplane up"},
		{"a key with a line break", file(0o600, func(c *cliconfig.Config) { c.Key = "a\nb" }), `"key" holds characters`, "siteplane up"},
		{"a port out of range", file(0o600, func(c *cliconfig.Config) { c.PublicPort = 70000 }), `"public_port"`, "siteplane up"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cli.json")
			test.prepare(t, path)
			_, err := cliconfig.Read(path)
			var refused *cliconfig.Error
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q does not name the file and %q", err, test.says)
			}
			if !strings.Contains(refused.Remedy, test.remedy) {
				t.Errorf("remedy %q does not say %q", refused.Remedy, test.remedy)
			}
		})
	}
}

func TestRead_keeps_to_what_it_knows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cli.json")
	want := valid(t)
	create(t, path, fmt.Sprintf(`{"address":%q,"ca":%q,"key":%q,"public_port":8088,"later":{}}`, want.Address, want.CA, want.Key), 0o400)
	if got, err := cliconfig.Read(path); err != nil || got != want {
		t.Errorf("got %v, %v: a field of a newer version must not matter", got, err)
	}
}

func TestConfig_does_not_print_its_key(t *testing.T) {
	config := valid(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, config); strings.Contains(text, config.Key) {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

func TestPath(t *testing.T) {
	tests := []struct {
		name    string
		environ map[string]string
		want    string
	}{
		{"the variable", map[string]string{"SITEPLANE_CONFIG": "my.json", "HOME": "/h"}, "my.json"},
		{"the state home", map[string]string{"XDG_STATE_HOME": "/state", "HOME": "/h"}, "/state/siteplane/cli.json"},
		{"a relative state home is ignored", map[string]string{"XDG_STATE_HOME": "state", "HOME": "/h"}, "/h/.local/state/siteplane/cli.json"},
		{"the home", map[string]string{"HOME": "/h"}, "/h/.local/state/siteplane/cli.json"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := cliconfig.Path(func(name string) string { return test.environ[name] })
			if err != nil || got != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
	t.Run("no home at all", func(t *testing.T) {
		if path, err := cliconfig.Path(func(string) string { return "" }); err == nil {
			t.Errorf("got %q, want an error", path)
		}
	})
}

func write(t *testing.T, path string, config cliconfig.Config) {
	t.Helper()
	if err := cliconfig.Write(path, config); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func namesIn(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

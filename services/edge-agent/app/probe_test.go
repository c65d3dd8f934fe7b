package app_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const probePath = "/.well-known/siteplane/probe?nonce="

func TestServe_probe(t *testing.T) {
	e := startEdge(t)
	e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	nonce := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("n", 32)))

	e.sub("signs for a host it serves", func(t *testing.T) {
		code, header, body := e.get("shop.example.com", probePath+nonce)
		if code != 200 || header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != "application/json" {
			t.Fatalf("got %d %v %s", code, header, body)
		}
		var answer struct{ EdgeID, Host, Nonce, Time, Signature string }
		check(t, json.Unmarshal([]byte(strings.ReplaceAll(body, "edge_id", "EdgeID")), &answer))
		signature, err := base64.RawURLEncoding.DecodeString(answer.Signature)
		check(t, err)
		signed := "siteplane-probe-v1\n" + edgeID + "\nshop.example.com\n" + nonce + "\n" + answer.Time
		if !ed25519.Verify(e.state().GetProbePublicKey(), []byte(signed), signature) {
			t.Errorf("signature of %s is not over %q", body, signed)
		}
		if answer.EdgeID != edgeID || answer.Host != "shop.example.com" || answer.Nonce != nonce {
			t.Errorf("answer is %s", body)
		}
		at, err := time.Parse(time.RFC3339Nano, answer.Time)
		if check(t, err); time.Since(at).Abs() > time.Minute {
			t.Errorf("time is %s", answer.Time)
		}
	})
	e.sub("signs the name, whatever spelling is asked", func(t *testing.T) {
		_, _, body := e.get("SHOP.example.com.", probePath+nonce)
		if !strings.Contains(body, `"host":"shop.example.com"`) {
			t.Errorf("answer is %s", body)
		}
	})
	e.sub("refuses what is no nonce", func(t *testing.T) {
		for _, bad := range []string{"", "short", nonce + "n", strings.Replace(nonce, "b", "+", 1), nonce[:42] + "%0A"} {
			e.wantStatus("shop.example.com", probePath+bad, 400)
		}
	})
	e.sub("says nothing for a name it does not serve", func(t *testing.T) {
		e.wantStatus("other.example.com", probePath+nonce, 421)
		socket := filepath.Join(e.config.RuntimeDir, "probe.sock")
		if code, _, body := fetch(t, "unix", socket, "other.example.com", probePath+nonce); code != 404 {
			t.Errorf("the agent itself answers %d %s", code, body)
		}
		if code, _, body := fetch(t, "unix", socket, siteID(1)+".site.internal", probePath+nonce); code != 404 {
			t.Errorf("the agent itself answers %d %s for an internal name", code, body)
		}
	})
	e.sub("keeps its key", func(t *testing.T) {
		before := e.state().GetProbePublicKey()
		info, err := os.Stat(filepath.Join(e.config.Dir, "probe.key"))
		check(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("key has mode %v", info.Mode())
		}
		e.stopAgent()
		e.start()
		if string(before) != string(e.state().GetProbePublicKey()) {
			t.Error("another key after a restart")
		}
	})
}

func TestRun_sockets_are_for_their_users_only(t *testing.T) {
	e := startEdge(t)
	for name, want := range map[string]os.FileMode{".": 0o711, "private": 0o700, "probe.sock": 0o660} {
		info, err := os.Stat(filepath.Join(e.config.RuntimeDir, name))
		check(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
	}
}

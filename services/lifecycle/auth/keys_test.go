package auth_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

var now = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// keys is a store that holds keys only, and can fail.
type keys struct {
	auth.Store
	held map[id.Key]auth.Key
	err  error
}

func (k keys) GetKey(_ context.Context, keyID id.Key) (auth.Key, error) {
	key, ok := k.held[keyID]
	if k.err == nil && !ok {
		return key, &lifecycle.NotFoundError{Kind: "key", ID: string(keyID)}
	}
	return key, k.err
}

// setup is a provider with one key of an operator.
func setup(t *testing.T) (p *auth.Keys, held keys, key auth.Key, text string) {
	t.Helper()
	key, secret := auth.NewAPIKey("ten_1", "ci", auth.Operator, now)
	held = keys{held: map[id.Key]auth.Key{key.ID: key}}
	p = auth.NewKeys(func(_ context.Context, do func(tx auth.Store) error) error { return do(held) }, func() time.Time { return now })
	return p, held, key, secret.Reveal()
}

func TestNewAPIKey(t *testing.T) {
	t.Run("has one form that scanners know", func(t *testing.T) {
		form := regexp.MustCompile(`^sp_[0-9a-hjkmnp-tv-z]{26}_[0-9a-z]{52}_[0-9a-f]{8}$`)
		for range 100 {
			if _, text := auth.NewAPIKey("ten_1", "ci", auth.Viewer, now); !form.MatchString(text.Reveal()) {
				t.Fatalf("%s is not of the form", text.Reveal())
			}
		}
	})
	t.Run("is stored as a hash only, and prints redacted", func(t *testing.T) {
		key, text := auth.NewAPIKey("ten_1", "ci", auth.Viewer, now)
		secret := strings.Split(text.Reveal(), "_")[2]
		if key.Hash != sha256.Sum256([]byte(secret)) {
			t.Error("the hash is not that of the secret")
		}
		if strings.Contains(fmt.Sprintf("%+v %v", key, text), secret) {
			t.Error("the secret can be read")
		}
	})
	t.Run("is never the same twice", func(t *testing.T) {
		one, first := auth.NewAPIKey("ten_1", "ci", auth.Viewer, now)
		two, second := auth.NewAPIKey("ten_1", "ci", auth.Viewer, now)
		if one.ID == two.ID || first == second || one.Hash == two.Hash {
			t.Error("two keys are the same")
		}
	})
}

func TestKeys_Authenticate(t *testing.T) {
	t.Run("knows its own, in this form for good", func(t *testing.T) {
		p, _, key, text := setup(t)
		parts := strings.Split(text, "_")
		if checked(parts[:3]...) != text {
			t.Errorf("the checksum of %s is not the CRC-32 of the rest", text)
		}
		got, err := p.Authenticate(t.Context(), text)
		want := auth.Principal{TenantID: "ten_1", Subject: "key:" + string(key.ID), KeyID: key.ID, Role: auth.Operator}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	})
	p, _, _, text := setup(t) // knows the key that the bad ones are made of
	parts := strings.Split(text, "_")
	_, stranger := auth.NewAPIKey("ten_1", "ci", auth.Admin, now)
	for name, bad := range map[string]string{
		"nothing":                      "",
		"a word":                       "secret",
		"a key that is stored nowhere": stranger.Reveal(),
		"another secret":               checked(parts[0], parts[1], strings.Repeat("0", 52)),
		"no secret":                    checked(parts[0], parts[1], ""),
		"another prefix":               checked("xx", parts[1], parts[2]),
		"a part too many":              checked(parts[0], parts[1], parts[2]+"_0"),
		"a cut-off checksum":           strings.TrimSuffix(text, text[len(text)-1:]),
		"no checksum":                  strings.Join(parts[:3], "_"),
		"a typing error":               strings.Replace(text, parts[2][:1], flip(parts[2][:1]), 1),
		"a space behind it":            text + " ",
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			var refused *auth.CredentialError
			if got, err := p.Authenticate(t.Context(), bad); !errors.As(err, &refused) || !reflect.DeepEqual(got, auth.Principal{}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	t.Run("refuses a revoked one", func(t *testing.T) {
		p, held, key, text := setup(t)
		key.RevokedAt = now
		held.held[key.ID] = key
		var refused *auth.CredentialError
		if _, err := p.Authenticate(t.Context(), text); !errors.As(err, &refused) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("refuses one that is revoked elsewhere within a second, and here at once", func(t *testing.T) {
		key, secret := auth.NewAPIKey("ten_1", "ci", auth.Operator, now)
		held, clock := keys{held: map[id.Key]auth.Key{key.ID: key}}, now
		p := auth.NewKeys(func(_ context.Context, do func(tx auth.Store) error) error { return do(held) }, func() time.Time { return clock })
		opens := func() bool {
			_, err := p.Authenticate(t.Context(), secret.Reveal())
			return err == nil
		}
		if !opens() {
			t.Fatal("it opens nothing")
		}
		key.RevokedAt = now
		held.held[key.ID] = key
		if clock = now.Add(time.Second); opens() {
			t.Error("a second later it opens")
		}
		key.RevokedAt = time.Time{}
		held.held[key.ID] = key
		p.Forget()
		opens()
		key.RevokedAt = now
		held.held[key.ID] = key
		if p.Forget(); opens() {
			t.Error("it opens after it was forgotten")
		}
	})
	t.Run("refuses one from the moment at which it expires", func(t *testing.T) {
		p, held, key, text := setup(t)
		for _, tt := range []struct {
			expires time.Time
			opens   bool
		}{{now.Add(time.Microsecond), true}, {now, false}, {now.Add(-time.Hour), false}} {
			key.ExpiresAt = tt.expires
			held.held[key.ID] = key
			p.Forget()
			var refused *auth.CredentialError
			if _, err := p.Authenticate(t.Context(), text); errors.As(err, &refused) == tt.opens {
				t.Errorf("at %s one that ends at %s: %v", now, tt.expires, err)
			}
		}
	})
	t.Run("knows the sites of a key, none and all being different", func(t *testing.T) {
		p, held, key, text := setup(t)
		for _, sites := range [][]id.Site{nil, {}, {"site_1"}} {
			key.Sites = sites
			held.held[key.ID] = key
			p.Forget()
			got, err := p.Authenticate(t.Context(), text)
			if err != nil || !reflect.DeepEqual(got.Sites, sites) || got.Sees("site_1") != (sites == nil || len(sites) == 1) || got.Sees("site_2") != (sites == nil) {
				t.Errorf("of %v: got %+v, %v", sites, got, err)
			}
		}
	})
	t.Run("does not take a failing store for an unknown key", func(t *testing.T) {
		_, secret := auth.NewAPIKey("ten_1", "ci", auth.Operator, now)
		p := auth.NewKeys(func(context.Context, func(tx auth.Store) error) error {
			return &lifecycle.UnavailableError{What: "database", Err: errors.New("disk")}
		}, func() time.Time { return now })
		var refused *auth.CredentialError
		var down *lifecycle.UnavailableError
		if _, err := p.Authenticate(t.Context(), secret.Reveal()); errors.As(err, &refused) || !errors.As(err, &down) {
			t.Errorf("got %v", err)
		}
	})
}

func TestKeys_Authorize(t *testing.T) {
	p, _, _, _ := setup(t)
	roles := []auth.Role{auth.Viewer, auth.Operator, auth.Admin, auth.PlatformAdmin}
	for i, has := range append(roles, "", "root") {
		for j, demands := range append(roles, "", "root") {
			err := p.Authorize(t.Context(), auth.Principal{Role: has}, demands)
			var denied *auth.DeniedError
			if may := i >= j && i < len(roles) && j < len(roles); may != (err == nil) || !may && !errors.As(err, &denied) {
				t.Errorf("%q for what demands %s: %v", has, demands, err)
			}
		}
	}
}

// checked is a key of these parts with the right checksum.
func checked(parts ...string) string {
	body := strings.Join(parts, "_")
	return fmt.Sprintf("%s_%08x", body, crc32.ChecksumIEEE([]byte(body)))
}

func flip(c string) string {
	if c == "0" {
		return "1"
	}
	return "0"
}

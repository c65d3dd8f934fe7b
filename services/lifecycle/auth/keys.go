package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/recent"
)

// An API key is sp_<id>_<secret>_<checksum>: the id without its prefix, 256 random
// bits in base32, and the CRC-32 of all before it in hexadecimal, so that
// scanners can tell a leaked key from a look-alike without asking us.
const keyPrefix = "sp"

var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewAPIKey makes a key for a tenant. The text is shown once and kept nowhere;
// only the returned row is stored.
func NewAPIKey(tenant id.Tenant, name string, role Role, now time.Time) (Key, secret.Secret) {
	var random [32]byte
	rand.Read(random[:]) // never fails
	k := Key{
		ID: id.NewKey(), TenantID: tenant, Name: name, Role: role, CreatedAt: now,
		Hash: sha256.Sum256([]byte(encoding.EncodeToString(random[:]))),
	}
	suffix := strings.TrimPrefix(string(k.ID), id.KeyPrefix+"_")
	body := keyPrefix + "_" + suffix + "_" + encoding.EncodeToString(random[:])
	return k, secret.Secret(body + "_" + checksum(body))
}

func checksum(body string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) }

// parseKey takes a key apart; ok is false when it is malformed.
func parseKey(text string) (key id.Key, hash [32]byte, ok bool) {
	body, sum, found := cutLast(text, "_")
	parts := strings.Split(body, "_")
	if !found || len(parts) != 3 || parts[0] != keyPrefix || sum != checksum(body) {
		return "", hash, false
	}
	return id.Key(id.KeyPrefix + "_" + parts[1]), sha256.Sum256([]byte(parts[2])), true
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// keyKept is how long a key that was read is not read again: so long one that another
// process revoked may still open.
const keyKept = time.Second

// Keys is a Provider over stored API keys.
type Keys struct {
	view   func(ctx context.Context, do func(tx Store) error) error
	clock  func() time.Time
	recent *recent.Rows[id.Key, Key]
}

// NewKeys returns a provider that reads keys through view.
func NewKeys(view func(ctx context.Context, do func(tx Store) error) error, clock func() time.Time) *Keys {
	return &Keys{view: view, clock: clock, recent: recent.New[id.Key, Key](keyKept, clock)}
}

// Forget has every key be read anew, because some were changed here.
func (p *Keys) Forget() { p.recent.Clear() }

// Authenticate implements Provider.
func (p *Keys) Authenticate(ctx context.Context, bearer string) (Principal, error) {
	keyID, hash, ok := parseKey(bearer)
	if !ok {
		return Principal{}, &CredentialError{}
	}
	key, err := p.recent.Get(keyID, func() (key Key, err error) {
		err = p.view(ctx, func(tx Store) (err error) {
			key, err = tx.GetKey(ctx, keyID)
			return err
		})
		return key, err
	})
	var missing *lifecycle.NotFoundError
	switch {
	case errors.As(err, &missing):
		return Principal{}, &CredentialError{}
	case err != nil:
		return Principal{}, fmt.Errorf("read the key: %w", err)
	case subtle.ConstantTimeCompare(hash[:], key.Hash[:]) != 1, !key.Valid(p.clock()):
		return Principal{}, &CredentialError{}
	}
	return Principal{
		TenantID: key.TenantID, Subject: "key:" + string(key.ID), KeyID: key.ID, Role: key.Role, Sites: key.Sites,
	}, nil
}

// Authorize implements Provider.
func (p *Keys) Authorize(_ context.Context, caller Principal, demands Role) error {
	if !caller.Role.Includes(demands) {
		return &DeniedError{Has: caller.Role, Demands: demands}
	}
	return nil
}

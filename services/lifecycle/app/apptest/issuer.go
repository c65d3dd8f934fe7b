package apptest

import (
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Issuer is an app.Issuer that signs nothing: any bytes are a request, and the hash of
// their key is that over them.
type Issuer struct{ issued atomic.Int64 }

// IssuedFor is how long what an Issuer issues is said to hold.
const IssuedFor = 24 * time.Hour

// KeyHash implements app.Issuer.
func (*Issuer) KeyHash(request []byte) ([32]byte, error) { return sha256.Sum256(request), nil }

// Issue implements app.Issuer. Serials are 1, 2, 3 and so on, in hexadecimal.
func (i *Issuer) Issue(edgeID id.Edge, _ []byte) (identity.Issued, error) {
	serial := fmt.Sprintf("%x", i.issued.Add(1))
	return identity.Issued{
		Certificate: []byte("certificate " + serial + " of " + string(edgeID)), Serial: serial,
		NotAfter: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC).Add(IssuedFor),
	}, nil
}

// CertificatePEM implements app.Issuer.
func (*Issuer) CertificatePEM() []byte { return []byte("CA") }

// Digest implements app.Issuer.
func (*Issuer) Digest() [32]byte { return sha256.Sum256([]byte("CA")) }

package probe

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Signer answers probes. It is an http.Handler that nginx alone can reach.
type Signer struct {
	edgeID string
	key    ed25519.PrivateKey
	serves func(host string) bool
	now    func() time.Time
}

// Answer is the body of a signed answer.
type Answer struct {
	EdgeID    string `json:"edge_id"`
	Host      string `json:"host"`
	Nonce     string `json:"nonce"`
	Time      string `json:"time"`
	Signature string `json:"signature"`
}

// NewSigner returns a Signer that signs for hosts of which serves is true.
func NewSigner(edgeID string, key ed25519.PrivateKey, serves func(host string) bool, now func() time.Time) *Signer {
	return &Signer{edgeID: edgeID, key: key, serves: serves, now: now}
}

// PublicKey returns the half that verifies answers.
func (s *Signer) PublicKey() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// ServeHTTP answers 200 with a signed Answer, 404 for a host that is not served
// and 400 for a nonce that is none.
func (s *Signer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	nonce := r.URL.Query().Get("nonce")
	switch {
	case r.Method != http.MethodGet:
		http.Error(w, "only GET is answered", http.StatusMethodNotAllowed)
	case !s.serves(r.Host):
		http.Error(w, "this edge does not serve this host", http.StatusNotFound)
	case !isNonce(nonce):
		http.Error(w, "nonce is not 32 bytes in base64url", http.StatusBadRequest)
	default:
		w.Header().Set("Content-Type", "application/json")
		// The client may be gone; there is nobody to tell.
		_ = json.NewEncoder(w).Encode(s.sign(r.Host, nonce))
	}
}

func (s *Signer) sign(host, nonce string) Answer {
	answer := Answer{EdgeID: s.edgeID, Host: host, Nonce: nonce, Time: s.now().UTC().Format(time.RFC3339Nano)}
	signature := ed25519.Sign(s.key, answer.signed())
	answer.Signature = base64.RawURLEncoding.EncodeToString(signature)
	return answer
}

// signed returns the bytes that are signed.
func (a Answer) signed() []byte {
	return []byte(strings.Join([]string{"siteplane-probe-v1", a.EdgeID, a.Host, a.Nonce, a.Time}, "\n"))
}

func isNonce(text string) bool {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(decoded) == 32
}

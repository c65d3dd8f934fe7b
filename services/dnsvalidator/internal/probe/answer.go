package probe

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxAge is how far the time in an answer may be from ours, either way.
const maxAge = 2 * time.Minute

// Why an answer does not count.
var (
	errForm      = errors.New("the answer is not a probe answer")
	errNonce     = errors.New("the answer is to another nonce")
	errHost      = errors.New("the answer is for another host")
	errEdge      = errors.New("the answer is from an unknown edge")
	errUnsigned  = errors.New("the answer is not signed")
	errSignature = errors.New("the signature is not by the key of that edge")
	errTime      = errors.New("the answer is not of now")
)

// Edge is an edge whose signature counts.
type Edge struct {
	ID  string
	Key ed25519.PublicKey
}

// challenge is what an answer must be to.
type challenge struct {
	nonce string
	host  string
	edges []Edge
}

// answer is what an edge says, docs/probe.md.
type answer struct {
	EdgeID    string `json:"edge_id"`
	Host      string `json:"host"`
	Nonce     string `json:"nonce"`
	Time      string `json:"time"`
	Signature string `json:"signature"`
}

// verify returns the edge that signed body for this challenge, or why nobody did.
func (c challenge) verify(body []byte, now time.Time) (string, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return "", fmt.Errorf("%w: %w", errForm, err)
	}
	switch {
	case a.Nonce != c.nonce:
		return "", fmt.Errorf("%w: %q", errNonce, short(a.Nonce))
	case a.Host != c.host:
		return "", fmt.Errorf("%w: %q", errHost, short(a.Host))
	case a.Signature == "":
		return "", errUnsigned
	case !slices.ContainsFunc(c.edges, func(e Edge) bool { return e.ID == a.EdgeID }):
		return "", fmt.Errorf("%w: %q", errEdge, short(a.EdgeID))
	case !c.signed(a):
		return "", fmt.Errorf("%w: %q", errSignature, short(a.EdgeID))
	}
	if err := fresh(a.Time, now); err != nil {
		return "", err
	}
	return a.EdgeID, nil
}

// signed reports whether one of the keys of the edge made the signature. While
// keys change hands an edge has two.
func (c challenge) signed(a answer) bool {
	signature, err := base64.RawURLEncoding.DecodeString(a.Signature)
	if err != nil {
		return false
	}
	for _, e := range c.edges {
		if e.ID == a.EdgeID && len(e.Key) == ed25519.PublicKeySize && ed25519.Verify(e.Key, a.message(), signature) {
			return true
		}
	}
	return false
}

// message is what an edge signs. A field that holds a line break would make two
// answers look the same, but the nonce and the host are known by then, the edge
// is one of ours, and the time is parsed.
func (a answer) message() []byte {
	return []byte(strings.Join([]string{"siteplane-probe-v1", a.EdgeID, a.Host, a.Nonce, a.Time}, "\n"))
}

func fresh(text string, now time.Time) error {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf("%w: %q is no time", errTime, short(text))
	}
	if age := now.Sub(at).Abs(); age > maxAge {
		return fmt.Errorf("%w: its time is %s, %s from ours", errTime, text, age.Round(time.Second))
	}
	return nil
}

// short cuts what a stranger wrote before it goes into a message.
func short(text string) string {
	const most = 80
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}

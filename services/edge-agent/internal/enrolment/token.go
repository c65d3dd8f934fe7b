package enrolment

import (
	"encoding/base64"
	"errors"
	"strings"
)

// errToken does not repeat the text, for it is a secret.
var errToken = errors.New("the join token is not whole: it is join_ID.SECRET.DIGEST, as `siteplane edge token` printed it")

// digestOf returns the digest of the CA that a join token names. Of the rest only
// lifecycle knows whether it is good.
func digestOf(token string) (digest [32]byte, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || !strings.HasPrefix(parts[0], "join_") || parts[1] == "" {
		return digest, errToken
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != len(digest) {
		return digest, errToken
	}
	return [32]byte(raw), nil
}

package cloudflare

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// ID derives 32 hexadecimal digits, the form of the ids of accounts, zones and
// records. The same parts give the same id, so two equal runs have equal ids.
func ID(parts ...string) string { return hex.EncodeToString(sum(parts...)[:16]) }

// UUID derives a UUID, the form of the ids of tunnels and custom hostnames.
func UUID(parts ...string) string {
	b := sum(parts...)[:16]
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	x := hex.EncodeToString(b)
	return strings.Join([]string{x[:8], x[8:12], x[12:16], x[16:20], x[20:]}, "-")
}

// secretOf makes the 32 bytes that stand for a tunnel's secret, in base64.
func secretOf(parts ...string) string {
	return base64.StdEncoding.EncodeToString(sum(parts...))
}

func sum(parts ...string) []byte {
	s := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return s[:]
}

// fresh returns the parts with a number that tells the first maker of these
// parts from the second: what is deleted and made again has another id.
func (st *state) fresh(parts ...string) []string {
	key := strings.Join(parts, "\x00")
	st.Made[key]++
	return append(parts, strconv.Itoa(st.Made[key]))
}

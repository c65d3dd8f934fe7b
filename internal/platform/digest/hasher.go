package digest

import (
	"crypto/sha256"
	"encoding/binary"
)

// Hasher turns a sequence of fields into one SHA-256. Each field is written as
// its length in bytes (8 bytes, big-endian) followed by its bytes, so two
// different sequences of strings never hash the same bytes. Numbers and counts
// take 8 bytes (big-endian, two's complement), a bool one byte (0 or 1).
//
// The zero value is ready to use; Reset lets one Hasher serve many sums without
// allocating. It is not safe for concurrent use.
type Hasher struct {
	fields []byte
}

// New returns an empty Hasher.
func New() *Hasher {
	return &Hasher{fields: make([]byte, 0, 512)}
}

// String adds a string.
func (h *Hasher) String(s string) {
	h.length(len(s))
	h.fields = append(h.fields, s...)
}

// Bytes adds a byte string, in the form that String has.
func (h *Hasher) Bytes(b []byte) {
	h.length(len(b))
	h.fields = append(h.fields, b...)
}

// Int adds a signed number.
func (h *Hasher) Int(n int64) {
	h.length(8)
	h.fields = binary.BigEndian.AppendUint64(h.fields, uint64(n))
}

// Bool adds a truth value.
func (h *Hasher) Bool(b bool) {
	h.length(1)
	if b {
		h.fields = append(h.fields, 1)
		return
	}
	h.fields = append(h.fields, 0)
}

// Count adds the number of elements of the list whose elements follow. It makes
// the end of a list part of the sum.
func (h *Hasher) Count(n int) {
	h.Int(int64(n))
}

// Sum returns the SHA-256 over the fields added since New or Reset. It changes
// nothing: more fields may follow.
func (h *Hasher) Sum() [32]byte {
	return sha256.Sum256(h.fields)
}

// Reset forgets all fields and keeps the memory.
func (h *Hasher) Reset() {
	h.fields = h.fields[:0]
}

func (h *Hasher) length(n int) {
	h.fields = binary.BigEndian.AppendUint64(h.fields, uint64(n))
}

package digest_test

import (
	"encoding/hex"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/digest"
)

// The expected sums come from another implementation of the written rule
// (Python's struct and hashlib), so they pin the bytes.
func TestHasher_Sum(t *testing.T) {
	tests := []struct {
		name string
		add  func(*digest.Hasher)
		want string
	}{
		{"no fields", func(*digest.Hasher) {}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"every kind", func(h *digest.Hasher) {
			h.String("site_1")
			h.Int(-7)
			h.Count(2)
			h.Bool(true)
			h.Bool(false)
			h.Bytes([]byte{0xff})
		}, "b04902d860faace645d8f221b2aba1770c92033460d5c409895f732b7387c41e"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := digest.New()
			tt.add(h)
			sum := h.Sum()
			if got := hex.EncodeToString(sum[:]); got != tt.want {
				t.Errorf("Sum() = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestHasher_tells_apart(t *testing.T) {
	fields := func(add func(*digest.Hasher)) [32]byte {
		h := digest.New()
		add(h)
		return h.Sum()
	}
	tests := []struct {
		name string
		a, b func(*digest.Hasher)
	}{
		{"where a field ends",
			func(h *digest.Hasher) { h.String("ab"); h.String("c") },
			func(h *digest.Hasher) { h.String("a"); h.String("bc") }},
		{"an empty field from none",
			func(h *digest.Hasher) { h.String("a") },
			func(h *digest.Hasher) { h.String("a"); h.String("") }},
		{"the order of fields",
			func(h *digest.Hasher) { h.String("a"); h.String("b") },
			func(h *digest.Hasher) { h.String("b"); h.String("a") }},
		{"where a list ends",
			func(h *digest.Hasher) { h.Count(1); h.String("a"); h.Count(1); h.String("b") },
			func(h *digest.Hasher) { h.Count(2); h.String("a"); h.String("b"); h.Count(0) }},
		{"the sign",
			func(h *digest.Hasher) { h.Int(1) },
			func(h *digest.Hasher) { h.Int(-1) }},
		{"true from false",
			func(h *digest.Hasher) { h.Bool(true) },
			func(h *digest.Hasher) { h.Bool(false) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if fields(tt.a) == fields(tt.b) {
				t.Error("both sequences have the same sum")
			}
		})
	}
}

func TestHasher_Reset_forgets_all_fields(t *testing.T) {
	h := digest.New()
	h.String("before")
	h.Reset()
	h.String("after")
	fresh := digest.New()
	fresh.String("after")
	if h.Sum() != fresh.Sum() {
		t.Error("a reset Hasher sums differently from a new one")
	}
}

func TestHasher_zero_value_is_ready(t *testing.T) {
	var zero digest.Hasher
	zero.String("a")
	fresh := digest.New()
	fresh.String("a")
	if zero.Sum() != fresh.Sum() {
		t.Error("the zero Hasher sums differently from New()")
	}
}

package digest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/digest"
)

// rounds is how many random histories each property is tried on.
const rounds = 50

// plainDigest is the rule of Set written down a second time, without buckets that
// remember anything.
func plainDigest(held map[string][32]byte) string {
	buckets := make([]bytes.Buffer, digest.Buckets)
	for _, key := range slices.Sorted(maps.Keys(held)) {
		hash := sha256.Sum256([]byte(key))
		b := &buckets[(int(hash[0])<<8|int(hash[1]))%1024]
		sum := held[key]
		_ = binary.Write(b, binary.BigEndian, uint64(len(key)))
		b.WriteString(key)
		_ = binary.Write(b, binary.BigEndian, uint64(len(sum)))
		b.Write(sum[:])
	}
	var sums bytes.Buffer
	for i := range buckets {
		sum := sha256.Sum256(buckets[i].Bytes())
		sums.Write(sum[:])
	}
	whole := sha256.Sum256(sums.Bytes())
	return hex.EncodeToString(whole[:])
}

// random returns a reproducible source; a failure names its round.
func random(round int) *rand.Rand {
	return rand.New(rand.NewPCG(1, uint64(round)))
}

func key(r *rand.Rand) string { return fmt.Sprintf("site_%03d", r.IntN(400)) }

func sumOf(s string) [32]byte { return sha256.Sum256([]byte(s)) }

func setOf(held map[string][32]byte) *digest.Set {
	s := digest.NewSet()
	for k, sum := range held {
		s.Put(k, sum)
	}
	return s
}

func content(r *rand.Rand, n int) map[string][32]byte {
	held := map[string][32]byte{}
	for range n {
		held[key(r)] = sumOf(fmt.Sprint(r.Uint64()))
	}
	return held
}

// A random history of puts, removes and reads in between ends with the digest
// that the rule gives for what is held: dirty buckets are all and no others.
func TestSet_Digest_equals_a_fresh_computation(t *testing.T) {
	for round := range rounds {
		r := random(round)
		s, held := digest.NewSet(), map[string][32]byte{}
		for range 300 {
			switch k := key(r); r.IntN(6) {
			case 0, 1, 2:
				held[k] = sumOf(fmt.Sprint(r.IntN(3)))
				s.Put(k, held[k])
			case 3, 4:
				delete(held, k)
				s.Remove(k)
			case 5:
				if got, want := s.Digest(), plainDigest(held); got != want {
					t.Fatalf("round %d: in between Digest() = %s, want %s", round, got, want)
				}
			}
		}
		if got, want := s.Digest(), plainDigest(held); got != want {
			t.Fatalf("round %d: Digest() = %s, want %s", round, got, want)
		}
		if s.Len() != len(held) {
			t.Fatalf("round %d: Len() = %d, want %d", round, s.Len(), len(held))
		}
	}
}

func TestSet_Digest_ignores_the_order_of_puts(t *testing.T) {
	for round := range rounds {
		r := random(round)
		held := content(r, 200)
		keys := slices.Sorted(maps.Keys(held))
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		shuffled := digest.NewSet()
		for _, k := range keys {
			shuffled.Put(k, held[k])
		}
		if got, want := shuffled.Digest(), setOf(held).Digest(); got != want {
			t.Fatalf("round %d: %s in one order, %s in another", round, got, want)
		}
	}
}

func TestSet_Remove_undoes_Put(t *testing.T) {
	for round := range rounds {
		r := random(round)
		s := setOf(content(r, 100))
		before, size := s.Digest(), s.Len()
		s.Put("another", sumOf("another"))
		if s.Digest() == before {
			t.Fatalf("round %d: Put left the digest as it was", round)
		}
		s.Remove("another")
		if s.Digest() != before || s.Len() != size {
			t.Fatalf("round %d: Remove did not undo Put", round)
		}
	}
}

func TestSet_Put_of_another_sum_changes_one_bucket(t *testing.T) {
	s := setOf(content(random(1), 300))
	s.Put("site_x", sumOf("old"))
	other := s.Clone()
	other.Put("site_x", sumOf("new"))
	for i := range digest.Buckets {
		differs := s.Bucket(i) != other.Bucket(i)
		if differs != (i == digest.BucketOf("site_x")) {
			t.Errorf("bucket %d: differs = %t", i, differs)
		}
	}
}

func TestSet_Remove_of_an_unknown_key_changes_nothing(t *testing.T) {
	s := setOf(content(random(1), 10))
	before := s.Digest()
	s.Remove("unknown")
	if s.Digest() != before || s.Len() != setOf(content(random(1), 10)).Len() {
		t.Error("removing an unknown key changed the set")
	}
}

func TestSet_Clone_shares_nothing(t *testing.T) {
	for round := range rounds {
		r := random(round)
		held := content(r, 100)
		s := setOf(held)
		want := s.Digest()
		clone, inClone := s.Clone(), maps.Clone(held)
		for k := range held {
			gone := key(r)
			clone.Put(k, sumOf("changed"))
			clone.Put(k+"-more", sumOf("more"))
			clone.Remove(gone)
			inClone[k], inClone[k+"-more"] = sumOf("changed"), sumOf("more")
			delete(inClone, gone)
		}
		if s.Digest() != want || plainDigest(held) != want {
			t.Fatalf("round %d: changing the clone changed the original", round)
		}
		if clone.Digest() != plainDigest(inClone) {
			t.Fatalf("round %d: the clone does not hold what was put into it", round)
		}
		copied := s.Clone()
		s.Put("site_x", sumOf("x"))
		if copied.Digest() != want {
			t.Fatalf("round %d: changing the original changed the clone", round)
		}
	}
}

func TestSet_reads_what_was_put(t *testing.T) {
	held := content(random(1), 200)
	s := setOf(held)
	found := map[string][32]byte{}
	for i := range digest.Buckets {
		keys := s.Keys(i)
		if !slices.IsSorted(keys) {
			t.Errorf("Keys(%d) = %q is not sorted", i, keys)
		}
		for _, k := range keys {
			found[k], _ = s.Get(k)
		}
	}
	if !maps.Equal(found, held) {
		t.Errorf("read %d keys back, want the %d that were put", len(found), len(held))
	}
	if _, ok := s.Get("unknown"); ok {
		t.Error("Get found a key that was never put")
	}
}

// The values come from another implementation of the rule, as in the Hasher test;
// two releases must agree on them.
func TestSet_Digest_golden(t *testing.T) {
	if got, want := digest.NewSet().Digest(), "6f94351ec69d3f13c5ccdefb315c638ed9c76d89d14b43e09bea480b4f3f429e"; got != want {
		t.Errorf("empty set: %s, want %s", got, want)
	}
	s := digest.NewSet()
	s.Put("site_1", sumOf("one"))
	s.Put("site_2", sumOf("two"))
	if got, want := s.Digest(), "ad5aee23c05fca05a00288ff0207b0af0d01adff86cc1fea856165e7efcea92c"; got != want {
		t.Errorf("two sites: %s, want %s", got, want)
	}
}

func TestSet_changes_cost_few_allocations(t *testing.T) {
	s := digest.NewSet()
	for i := range 10_000 {
		s.Put(fmt.Sprintf("site_%026d", i), sumOf(fmt.Sprint(i)))
	}
	s.Digest()
	n := 0
	k := fmt.Sprintf("site_%026d", 1)
	allocations := testing.AllocsPerRun(100, func() {
		n++
		s.Put(k, [32]byte{byte(n), byte(n >> 8)})
		s.Digest()
	})
	// One for the hexadecimal text.
	if allocations > 2 {
		t.Errorf("a changed site costs %.0f allocations", allocations)
	}
}

func BenchmarkSet_100k(b *testing.B) {
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("site_%026d", i)
	}
	build := func() *digest.Set {
		s := digest.NewSet()
		for i, k := range keys {
			s.Put(k, [32]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		}
		return s
	}
	b.Run("build", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			build().Digest()
		}
	})
	b.Run("change_one", func(b *testing.B) {
		s := build()
		s.Digest()
		n := 0
		b.ReportAllocs()
		for b.Loop() {
			n++
			s.Put(keys[n%len(keys)], [32]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24), 1})
			s.Digest()
		}
	})
	b.Run("clone", func(b *testing.B) {
		s := build()
		b.ReportAllocs()
		for b.Loop() {
			s.Clone()
		}
	})
}

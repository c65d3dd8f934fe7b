package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
)

// Buckets is the number of buckets of a Set.
const Buckets = 1024

// Set is the digest of a keyed set of sums.
//
// A key belongs to bucket BucketOf(key). A bucket's sum is the SHA-256 over its
// (key, sum) pairs in byte order of the keys, written as Hasher fields; an empty
// bucket has the sum of no fields. The digest is the SHA-256 over the 1,024
// bucket sums of 32 bytes each. Put and Remove mark a bucket; only marked ones
// are summed again.
//
// It is not safe for concurrent use, reading included.
type Set struct {
	buckets [Buckets]bucket
	sums    [Buckets * sha256.Size]byte
	size    int
	digest  string // empty: some bucket changed
	scratch Hasher
}

// bucket holds the entries of one bucket, sorted by key.
type bucket struct {
	entries []entry
	dirty   bool
}

type entry struct {
	key string
	sum [32]byte
}

// NewSet returns an empty Set.
func NewSet() *Set {
	s := &Set{}
	for i := range s.buckets {
		s.buckets[i].dirty = true
	}
	return s
}

// BucketOf returns the bucket of a key: the first two bytes of its SHA-256 as a
// big-endian number, modulo Buckets.
func BucketOf(key string) int {
	sum := sha256.Sum256([]byte(key))
	return int(binary.BigEndian.Uint16(sum[:2])) % Buckets
}

// Put adds a key with its sum, or gives a known key another sum. An equal sum
// changes nothing and costs no new hashing.
func (s *Set) Put(key string, sum [32]byte) {
	b := &s.buckets[BucketOf(key)]
	at, found := b.find(key)
	if found && b.entries[at].sum == sum {
		return
	}
	if found {
		b.entries[at].sum = sum
	} else {
		b.entries = slices.Insert(b.entries, at, entry{key: key, sum: sum})
		s.size++
	}
	s.touch(b)
}

// Remove takes a key out. An unknown key changes nothing.
func (s *Set) Remove(key string) {
	b := &s.buckets[BucketOf(key)]
	at, found := b.find(key)
	if !found {
		return
	}
	b.entries = slices.Delete(b.entries, at, at+1)
	s.size--
	s.touch(b)
}

// Get returns the sum of a key, and whether the set holds it.
func (s *Set) Get(key string) (sum [32]byte, ok bool) {
	b := &s.buckets[BucketOf(key)]
	at, found := b.find(key)
	if !found {
		return sum, false
	}
	return b.entries[at].sum, true
}

// Len returns the number of keys.
func (s *Set) Len() int {
	return s.size
}

// Clone returns a copy that shares nothing with the original.
func (s *Set) Clone() *Set {
	c := *s
	c.scratch = Hasher{}
	all := make([]entry, 0, s.size)
	for i := range s.buckets {
		start := len(all)
		all = append(all, s.buckets[i].entries...)
		c.buckets[i].entries = all[start:len(all):len(all)]
	}
	return &c
}

// Keys returns the keys of bucket i (0 to Buckets-1) in byte order.
func (s *Set) Keys(i int) []string {
	keys := make([]string, len(s.buckets[i].entries))
	for n, e := range s.buckets[i].entries {
		keys[n] = e.key
	}
	return keys
}

// Bucket returns the sum of bucket i (0 to Buckets-1).
func (s *Set) Bucket(i int) [32]byte {
	s.refresh(i)
	return [32]byte(s.sum(i))
}

// Digest returns the digest of the whole as 64 hexadecimal digits.
func (s *Set) Digest() string {
	if s.digest != "" {
		return s.digest
	}
	for i := range s.buckets {
		s.refresh(i)
	}
	whole := sha256.Sum256(s.sums[:])
	s.digest = hex.EncodeToString(whole[:])
	return s.digest
}

func (s *Set) touch(b *bucket) {
	b.dirty = true
	s.digest = ""
}

// refresh sums bucket i again if it changed.
func (s *Set) refresh(i int) {
	b := &s.buckets[i]
	if !b.dirty {
		return
	}
	s.scratch.Reset()
	for n := range b.entries {
		s.scratch.String(b.entries[n].key)
		s.scratch.Bytes(b.entries[n].sum[:])
	}
	sum := s.scratch.Sum()
	copy(s.sum(i), sum[:])
	b.dirty = false
}

// sum is the place of bucket i in sums.
func (s *Set) sum(i int) []byte {
	return s.sums[i*sha256.Size : (i+1)*sha256.Size]
}

// find returns where the key is, or where it belongs.
func (b *bucket) find(key string) (int, bool) {
	return slices.BinarySearchFunc(b.entries, key, func(e entry, key string) int {
		return strings.Compare(e.key, key)
	})
}

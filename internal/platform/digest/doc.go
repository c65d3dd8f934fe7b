// Package digest owns the canonical hashes by which two programs find out that
// they hold the same things, and where they differ, without sending the things.
//
// Hasher sums one object from its fields. Set sums many objects by key: 1,024
// buckets, so that changing one object costs one bucket, and a difference is
// found by comparing buckets.
//
// It knows nothing about what is hashed: which fields, and in which order, is a
// contract of the two sides. The bytes are a contract too. Changing how a field
// or a bucket is written makes every receiver ask for everything again.
//
// Invariant: a digest depends on the keys and sums that are held now, never on
// the order of calls that led there.
package digest

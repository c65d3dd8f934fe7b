// Package probe answers the two questions by which others find out where
// requests arrive.
//
// It owns the Ed25519 key of this edge, the signed answer to a nonce that comes
// in under a public hostname (docs/probe.md), and the question that asks the
// workers for a site under its internal name. It must not know how nginx is
// configured, apart from the two paths.
//
// Invariant: an answer is signed only for a host of the current snapshot.
package probe

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const keyType = "PRIVATE KEY"

// LoadOrCreateKey reads the key in file, PKCS #8 as PEM, and makes it on first
// use, readable by its owner only.
func LoadOrCreateKey(file string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return createKey(file)
	}
	if err != nil {
		return nil, fmt.Errorf("load the probe key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != keyType {
		return nil, damaged(file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, damaged(file)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, damaged(file)
	}
	return key, nil
}

func damaged(file string) error {
	return fmt.Errorf("probe key %s is not an Ed25519 key: remove it, and the agent makes a new one", file)
}

func createKey(file string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the probe key: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make the probe key: %w", err)
	}
	if err := writeKey(file, pem.EncodeToMemory(&pem.Block{Type: keyType, Bytes: encoded})); err != nil {
		return nil, fmt.Errorf("save the probe key: %w", err)
	}
	return key, nil
}

// writeKey leaves no key or a whole one.
func writeKey(file string, data []byte) error {
	next, err := os.CreateTemp(filepath.Dir(file), ".probe-key-*")
	if err != nil {
		return err
	}
	_, err = next.Write(data)
	if err := errors.Join(err, next.Sync(), next.Close()); err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return os.Rename(next.Name(), file)
}

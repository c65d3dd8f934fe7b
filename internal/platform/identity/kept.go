package identity

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
)

// KeptRequest returns the request of the key that is kept in a file, PEM, 0600, and
// makes the key where there is none: who lost the answer to a request can make it
// again with the same key. The directory must be there. A key that others may read, or
// a broken one, is an error that names the file and the remedy.
func KeptRequest(file string) (*Request, error) {
	r, err := readRequest(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	if r, err = NewRequest(); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(r.key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	if err := create(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	return readRequest(file) // somebody else's, where two were at it at once
}

func readRequest(file string) (*Request, error) {
	const remedy = "remove it, and begin anew"
	if _, err := readPrivate(file); err != nil {
		return nil, err
	}
	der, err := readPEM(file, "PRIVATE KEY")
	if err != nil {
		return nil, fmt.Errorf("key %s is broken: %s", file, remedy)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("key %s is broken (%w): %s", file, err, remedy)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key %s is a %T, not an ECDSA key: %s", file, parsed, remedy)
	}
	return requestOf(key)
}

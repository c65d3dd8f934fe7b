// Package hostname checks the form of hostnames. It knows neither whether a name
// exists nor whose it is.
package hostname

import (
	"errors"
	"fmt"
	"strings"
)

const (
	maxName  = 253
	maxLabel = 63
)

// Check returns what keeps name from being a hostname in canonical form:
// lower-case letters, digits and hyphens in at least two labels, at most 253
// bytes, no trailing dot, no address, no wildcard.
func Check(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("is longer than %d bytes", maxName)
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return err
		}
	}
	if len(labels) < 2 {
		return errors.New("needs at least two labels")
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return errors.New("ends with a number, like an address")
	}
	return nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("has an empty label; write it without a trailing dot")
	case len(label) > maxLabel:
		return fmt.Errorf("has a label longer than %d bytes", maxLabel)
	case strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-"):
		return errors.New("has a label that starts or ends with a hyphen")
	case strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return errors.New("has a character other than a-z, 0-9, hyphen and dot")
	}
	return nil
}

package app_test

import (
	"errors"
	"os"
	"testing"
)

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	check(t, err)
	_, err = file.WriteString(text)
	check(t, errors.Join(err, file.Close()))
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// result is one line of results.jsonl.
type result struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Baseline float64 `json:"baseline"`
	Ratio    float64 `json:"ratio"`
	Target   string  `json:"target"`
	OK       bool    `json:"ok"`
	// Note is what else belongs to the result, for people.
	Note string `json:"note,omitempty"`
}

// String is the line on the screen.
func (r result) String() string {
	verdict := "missed"
	if r.OK {
		verdict = "ok"
	}
	line := fmt.Sprintf("%s  %s %s, baseline %s %s, ratio %s, target %s: %s",
		r.Name, short(r.Value), r.Unit, short(r.Baseline), r.Unit, short(r.Ratio), r.Target, verdict)
	if r.Note != "" {
		line += "; " + r.Note
	}
	return line
}

func short(number float64) string { return strconv.FormatFloat(number, 'g', 3, 64) }

// results is the open file of results.
type results struct{ file *os.File }

// openResults opens the file for appending, or empties it.
func openResults(path string, appending bool) (*results, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of results: %w", err)
	}
	mode := os.O_TRUNC
	if appending {
		mode = os.O_APPEND
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|mode, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open results: %w", err)
	}
	return &results{file: file}, nil
}

func (r *results) add(measured result) error {
	encoder := json.NewEncoder(r.file)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(measured); err != nil {
		return errors.Join(fmt.Errorf("write result: %w", err), r.close())
	}
	return nil
}

func (r *results) close() error { return r.file.Close() }

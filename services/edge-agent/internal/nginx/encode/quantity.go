package encode

import (
	"strconv"
	"time"
)

// Size is a number of bytes, from 1 byte to 1 TiB.
type Size struct{ bytes int64 }

// ParseSize accepts a number of bytes; 0 means fallback.
func ParseSize(bytes int64, fallback int64) (Size, error) {
	if bytes == 0 {
		bytes = fallback
	}
	if bytes < 1 || bytes > 1<<40 {
		return Size{}, refuse("size", strconv.FormatInt(bytes, 10), "is not 1 byte to 1 TiB")
	}
	return Size{bytes: bytes}, nil
}

// Token returns the size in the largest unit that divides it.
func (s Size) Token() string {
	switch {
	case s.bytes%(1<<20) == 0:
		return strconv.FormatInt(s.bytes>>20, 10) + "m"
	case s.bytes%(1<<10) == 0:
		return strconv.FormatInt(s.bytes>>10, 10) + "k"
	}
	return strconv.FormatInt(s.bytes, 10)
}

func (Size) sealed() {}

// Duration is a length of time, from 1 millisecond to 24 hours.
type Duration struct{ length time.Duration }

// ParseDuration accepts a number of milliseconds; 0 means fallback.
func ParseDuration(milliseconds int64, fallback time.Duration) (Duration, error) {
	if milliseconds == 0 {
		return Duration{length: fallback}, nil
	}
	if milliseconds < 1 || milliseconds > (24*time.Hour).Milliseconds() {
		return Duration{}, refuse("duration", strconv.FormatInt(milliseconds, 10), "is not 1 millisecond to 24 hours")
	}
	return Duration{length: time.Duration(milliseconds) * time.Millisecond}, nil
}

// Token returns the length in seconds where it is whole, else in milliseconds.
func (d Duration) Token() string {
	if d.length%time.Second == 0 {
		return strconv.FormatInt(int64(d.length/time.Second), 10) + "s"
	}
	return strconv.FormatInt(d.length.Milliseconds(), 10) + "ms"
}

func (Duration) sealed() {}

// Number is a count such as a weight or a revision.
type Number struct{ value int64 }

// ParseNumber accepts a number from 1 to most.
func ParseNumber(value, most int64) (Number, error) {
	if value < 1 || value > most {
		return Number{}, refuse("number", strconv.FormatInt(value, 10), "is not 1 to "+strconv.FormatInt(most, 10))
	}
	return Number{value: value}, nil
}

// Token returns the number in decimal.
func (n Number) Token() string { return strconv.FormatInt(n.value, 10) }

func (Number) sealed() {}

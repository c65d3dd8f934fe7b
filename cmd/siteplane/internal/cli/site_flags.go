package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// targets is the value of --origin; each use adds one.
type targets []*lifecyclev1.Target

func (t *targets) String() string { return "" }
func (t *targets) Type() string   { return "IP:PORT[,WEIGHT]" }

// Set adds IP:PORT or IP:PORT,WEIGHT.
func (t *targets) Set(text string) error {
	target, err := parseTarget(text)
	if err != nil {
		return err
	}
	*t = append(*t, target)
	return nil
}

func parseTarget(text string) (*lifecyclev1.Target, error) {
	address, weight, weighted := strings.Cut(text, ",")
	if address == "" {
		return nil, errors.New("must be IP:PORT or IP:PORT,WEIGHT")
	}
	if !weighted {
		return &lifecyclev1.Target{Address: address}, nil
	}
	number, err := strconv.ParseUint(weight, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("weight %q must be a number from 0 to 100", weight)
	}
	return &lifecyclev1.Target{Address: address, Weight: uint32(number)}, nil
}

// routes is the value of --route; uses with the same prefix share a route.
type routes []*lifecyclev1.Route

func (r *routes) String() string { return "" }
func (r *routes) Type() string   { return "/PREFIX/=IP:PORT[,WEIGHT]" }

// Set adds /PREFIX/=IP:PORT or /PREFIX/=IP:PORT,WEIGHT.
func (r *routes) Set(text string) error {
	prefix, address, found := strings.Cut(text, "=")
	if !found || prefix == "" {
		return errors.New("must be /PREFIX/=IP:PORT or /PREFIX/=IP:PORT,WEIGHT")
	}
	target, err := parseTarget(address)
	if err != nil {
		return err
	}
	route := r.at(prefix)
	route.Origin.Targets = append(route.Origin.Targets, target)
	return nil
}

func (r *routes) at(prefix string) *lifecyclev1.Route {
	for _, route := range *r {
		if route.GetPathPrefix() == prefix {
			return route
		}
	}
	route := &lifecyclev1.Route{PathPrefix: prefix, Origin: &lifecyclev1.Origin{}}
	*r = append(*r, route)
	return route
}

func (r *routes) messages(strip bool) []*lifecyclev1.Route {
	for _, route := range *r {
		route.StripPrefix = strip
	}
	return *r
}

// headers is the value of --response-header and --request-header.
type headers []*lifecyclev1.Header

func (h *headers) String() string { return "" }
func (h *headers) Type() string   { return "'NAME: VALUE'" }

// Set adds NAME: VALUE.
func (h *headers) Set(text string) error {
	name, value, found := strings.Cut(text, ":")
	if !found || name == "" {
		return errors.New("must be 'NAME: VALUE'")
	}
	*h = append(*h, &lifecyclev1.Header{Name: name, Value: strings.TrimSpace(value)})
	return nil
}

// size is a number of bytes, written with or without a unit.
type size int64

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }
func (s *size) Type() string   { return "SIZE" }

var units = map[string]int64{
	"": 1, "B": 1,
	"kB": 1e3, "MB": 1e6, "GB": 1e9,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}

// Set takes a whole number and a unit.
func (s *size) Set(text string) error {
	digits := strings.TrimRight(text, "BKMGik")
	unit, known := units[text[len(digits):]]
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || number < 0 || number > math.MaxInt64/unit {
		return errors.New("must be a size such as 512KiB, 10MiB or 1GiB")
	}
	*s = size(number * unit)
	return nil
}

package program

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// CheckAddress reports what is wrong with the host:port of a flag. The host may
// be empty when the address is to be listened on.
func CheckAddress(flag, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%s %q: must be host:port", flag, address)
	}
	return nil
}

// Listen listens on the address of a flag. Errors name the flag and the remedy.
func Listen(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s %s is in use by another process: stop it (`ss -ltnp` names it), or give another address", flag, address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s %s is not an address of this host (`ip addr` lists them): give another", flag, address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s %s may not be listened on by this user: give a port above 1023, or the capability CAP_NET_BIND_SERVICE", flag, address)
	case err != nil:
		return nil, fmt.Errorf("%s %s cannot be listened on: %w", flag, address, err)
	}
	return l, nil
}

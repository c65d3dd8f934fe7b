package nginx

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
)

// PortTakenError says that another process has a public address.
type PortTakenError struct {
	Address netip.AddrPort
	// PID and Command of the owner; 0 and empty when it cannot be seen.
	PID     int
	Command string
}

// Is makes the error match syscall.EADDRINUSE, for callers that have a remedy of
// their own to name.
func (e *PortTakenError) Is(target error) bool { return target == syscall.EADDRINUSE }

// Error names the address, the owner where known, and the remedy.
func (e *PortTakenError) Error() string {
	owner := "another process"
	if e.PID != 0 {
		owner = fmt.Sprintf("process %d (%s)", e.PID, e.Command)
	}
	return fmt.Sprintf("nginx cannot listen on %s: %s has it; stop that process or configure another public address", e.Address, owner)
}

// checkPorts binds each public address for a moment.
func checkPorts(ctx context.Context, addresses []netip.AddrPort) error {
	for _, address := range addresses {
		if err := checkPort(ctx, address); err != nil {
			return err
		}
	}
	return nil
}

func checkPort(ctx context.Context, address netip.AddrPort) error {
	network := "tcp4"
	if address.Addr().Is6() {
		network = "tcp6"
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, network, address.String())
	switch {
	case err == nil:
		return listener.Close()
	case errors.Is(err, syscall.EADDRINUSE):
		return portTaken(address)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("nginx may not listen on %s: ports below 1024 need root or CAP_NET_BIND_SERVICE; configure a higher port: %w", address, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("nginx cannot listen on %s: no interface of this host has that address: %w", address, err)
	}
	return fmt.Errorf("check the public address: %w", err)
}

func portTaken(address netip.AddrPort) error {
	taken := &PortTakenError{Address: address}
	inodes, err := listenInodes(address)
	if err != nil {
		return taken
	}
	owners, err := holders(inodes)
	if err != nil || len(owners) == 0 {
		return taken
	}
	taken.PID, taken.Command = owners[0].pid, owners[0].command
	return taken
}

// listenInodes returns the sockets that listen on address or on all addresses.
func listenInodes(address netip.AddrPort) ([]string, error) {
	const listening = "0A"
	match := func(fields []string) (string, bool) {
		if len(fields) < 10 || fields[3] != listening {
			return "", false
		}
		bound, err := parseProcAddress(fields[1])
		if err != nil || bound.Port() != address.Port() {
			return "", false
		}
		if bound.Addr() != address.Addr() && !bound.Addr().IsUnspecified() && !address.Addr().IsUnspecified() {
			return "", false
		}
		return fields[9], true
	}
	four, err := inodes("/proc/net/tcp", match)
	if err != nil {
		return nil, err
	}
	six, err := inodes("/proc/net/tcp6", match)
	if errors.Is(err, os.ErrNotExist) {
		return four, nil
	}
	return append(four, six...), err
}

// parseProcAddress reads 0100007F:1F98: words of four bytes in host order
// (little-endian on every platform this runs on), then the port.
func parseProcAddress(text string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(text, ":")
	bytes, err := hex.DecodeString(host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("read a socket address: %w", err)
	}
	for word := range slices.Chunk(bytes, 4) {
		slices.Reverse(word)
	}
	addr, ok := netip.AddrFromSlice(bytes)
	number, err := hex.DecodeString(port)
	if !ok || err != nil || len(number) != 2 {
		return netip.AddrPort{}, fmt.Errorf("read a socket address: %q is none", text)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(number[0])<<8|uint16(number[1])), nil
}

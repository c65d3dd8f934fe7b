package nginx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// StartError says that nginx did not start.
type StartError struct{ Reason string }

// Error gives the reason.
func (e *StartError) Error() string { return "nginx did not start: " + e.Reason }

// Start starts the master; Prove shows what it runs. It expects that no master of
// ours runs. A public address that is taken gives a *PortTakenError, a binary
// that is not there a *MissingError, anything else that keeps nginx from
// starting a *StartError.
func (n *Instance) Start(ctx context.Context) (Order, error) {
	if n.known != (Process{}) {
		n.note(MasterDead, "nginx master %d was gone, and is started anew", n.known.PID)
		n.known = Process{}
	}
	if err := n.clearDead(); err != nil {
		return Order{}, err
	}
	if err := checkPorts(ctx, n.config.PublicListen); err != nil {
		if taken := new(PortTakenError); errors.As(err, &taken) {
			n.note(PortTaken, "%v", err)
		}
		return Order{}, err
	}
	order := Order{text: "nginx started", logged: n.logSize()}
	ctx, cancel := context.WithTimeout(ctx, n.config.ProofTimeout)
	defer cancel()
	return order, n.start(ctx)
}

func (n *Instance) start(ctx context.Context) error {
	if n.config.Unit != "" {
		return n.startUnit(ctx)
	}
	output, err := n.run(ctx, "-c", n.config.ConfFile, "-p", n.config.Runtime.Dir(), "-e", n.config.LogFile)
	if missing := new(MissingError); err != nil && !errors.As(err, &missing) {
		return &StartError{Reason: reason(output, err)}
	}
	return err
}

// systemctl is the program that gives orders to systemd.
const systemctl = "systemctl"

// startUnit leaves it to systemd to start nginx, in a control group of its own.
// The master is then found and ordered about like any other.
func (n *Instance) startUnit(ctx context.Context) error {
	path, err := exec.LookPath(systemctl)
	if err != nil {
		return &MissingError{Binary: systemctl}
	}
	if output, err := execute(ctx, path, "start", n.config.Unit); err != nil {
		said, _, _ := strings.Cut(strings.TrimSpace(output), "\n")
		return &StartError{Reason: fmt.Sprintf("systemctl start %s: %v: %s; see `journalctl -u %s`", n.config.Unit, err, said, n.config.Unit)}
	}
	return nil
}

// Reload orders the master to read its files again; Prove shows whether it did.
func (n *Instance) Reload(ctx context.Context) (Order, error) {
	master, err := n.Master()
	if err != nil {
		return Order{}, err
	}
	old, err := workers(master)
	if err != nil {
		return Order{}, err
	}
	order := Order{text: "nginx -s reload returned 0", master: n.known, logged: n.logSize()}
	for _, worker := range old {
		order.old = append(order.old, worker.pid)
	}
	ctx, cancel := context.WithTimeout(ctx, n.config.ProofTimeout)
	defer cancel()
	return order, n.signal(ctx, "reload")
}

// stopPatience is how long a master may take that was told not to wait.
const stopPatience = 5 * time.Second

// Stop ends the master and its workers after the requests they serve, and cuts
// those off when ctx is done. No master is no error.
func (n *Instance) Stop(ctx context.Context) error {
	master, err := n.Master()
	if err != nil || master == 0 {
		return err
	}
	if err := n.signal(context.WithoutCancel(ctx), "quit"); err != nil {
		return err
	}
	if n.waitEnd(ctx, master) {
		return n.clearDead()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	if err := n.signal(ctx, "stop"); err != nil {
		return err
	}
	if !n.waitEnd(ctx, master) {
		return fmt.Errorf("nginx master %d does not end", master)
	}
	return n.clearDead()
}

// waitEnd tells whether the master ended before ctx.
func (n *Instance) waitEnd(ctx context.Context, master int) bool {
	for {
		if process, alive := readProcess(master); !alive || !n.isOurs(process) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(proofPause):
		}
	}
}

// signal goes through the binary with a file that holds the pid path only, so
// that nginx does not read every site just to find its master.
func (n *Instance) signal(ctx context.Context, name string) error {
	runtime := n.config.Runtime
	output, err := n.run(ctx, "-s", name, "-c", runtime.signalFile(), "-p", runtime.Dir(), "-e", n.config.LogFile)
	if missing := new(MissingError); errors.As(err, &missing) {
		return err
	}
	if err != nil {
		return &NotProvenError{Order: "nginx -s " + name + " was ordered", Seen: "it failed: " + reason(output, err)}
	}
	return nil
}

func reason(output string, err error) string {
	if lines := complaints(output); len(lines) > 0 {
		return lines[0]
	}
	return fmt.Sprintf("%v", err)
}

func (n *Instance) logSize() int64 {
	info, err := os.Stat(n.config.LogFile)
	if err != nil {
		return 0
	}
	return info.Size()
}

// lastWords returns the first thing that nginx logged as fatal after offset.
func (n *Instance) lastWords(offset int64) string {
	file, err := os.Open(n.config.LogFile)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.NewSectionReader(file, offset, 64<<10))
	if err != nil {
		return ""
	}
	for _, line := range complaints(string(data)) {
		if strings.HasPrefix(line, "[emerg]") {
			return line
		}
	}
	return ""
}

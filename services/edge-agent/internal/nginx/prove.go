package nginx

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Want is what fresh connections must answer.
type Want struct {
	Generation uint64 `json:"generation"`
	Hash       string `json:"hash"`
}

// Order is what was told to nginx, and what must be over for it to count.
type Order struct {
	// text says what was told, with which success.
	text string
	// master took the order; the zero Process while that is not known.
	master Process
	// old holds the workers that must go.
	old []int
	// logged is the size of the error log before.
	logged int64
}

// Whole is the order itself: only new workers count.
func (o Order) Whole() Order { return o }

// Again is an order that counts as soon as any worker answers, old or new.
func (o Order) Again() Order { return Order{text: o.text, master: o.master, logged: o.logged} }

// NotProvenError says that nginx took an order whose effect never showed.
type NotProvenError struct {
	// Order that returned success, for instance "nginx -s reload returned 0".
	Order string
	// Seen instead, for instance "workers still answer generation 6, wanted 7".
	Seen string
	// LastWords is what nginx logged meanwhile, without what it quotes.
	LastWords string
}

// Error says what was ordered and what was seen.
func (e *NotProvenError) Error() string {
	text := e.Order + ", but " + e.Seen
	if e.LastWords != "" {
		text += "; nginx logged: " + e.LastWords
	}
	return text
}

const (
	// proofStreak is how many fresh connections in a row must answer.
	proofStreak = 3
	proofPause  = 4 * time.Millisecond
	// showPatience is how long a master that was started may take to be seen.
	showPatience = 3 * time.Second
)

// Prove waits until fresh connections are answered by workers that run want
// because of order. A master that has died since is not waited for. The error is a
// *NotProvenError.
func (n *Instance) Prove(ctx context.Context, order Order, want Want) error {
	ctx, cancel := context.WithTimeout(ctx, n.config.ProofTimeout)
	defer cancel()
	if seen := n.prove(ctx, want, order); seen != "" {
		return &NotProvenError{Order: order.text, Seen: seen, LastWords: n.lastWords(order.logged)}
	}
	return nil
}

// prove waits until fresh connections are answered by workers that run want and
// are not among the order's old ones, and none of those accepts connections any
// more. It returns what it saw instead when the deadline of ctx passes first, or
// the master dies.
func (n *Instance) prove(ctx context.Context, want Want, order Order) (seen string) {
	ticker := time.NewTicker(proofPause)
	defer ticker.Stop()
	begun := time.Now()
	for streak := 0; streak < proofStreak; {
		if order.master == (Process{}) {
			order.master = n.running()
		}
		if problem := n.look(ctx, want, order.old); problem != "" {
			switch unseen := order.master == (Process{}); {
			case unseen && time.Since(begun) > showPatience:
				return "no master runs"
			case !unseen && order.master.isGone():
				return fmt.Sprintf("master %d, which took it, has ended", order.master.PID)
			}
			streak = 0
			// A question that the deadline cut off says nothing about nginx.
			if seen == "" || ctx.Err() == nil {
				seen = problem
			}
		} else if streak++; streak == proofStreak {
			return ""
		}
		select {
		case <-ctx.Done():
			return seen
		case <-ticker.C:
		}
	}
	return ""
}

// look says what is wrong at this moment, or nothing.
func (n *Instance) look(ctx context.Context, want Want, old []int) string {
	status, err := n.Status(ctx)
	switch {
	case err != nil:
		return fmt.Sprintf("the status socket does not answer: %v", err)
	case status.Generation != want.Generation:
		return fmt.Sprintf("workers still answer generation %d, wanted %d", status.Generation, want.Generation)
	case slices.Contains(old, status.PID):
		return fmt.Sprintf("old worker %d still answers", status.PID)
	case status.Hash != want.Hash:
		return fmt.Sprintf("workers answer generation %d from other files than wanted", status.Generation)
	}
	for _, pid := range old {
		if worker, alive := readProcess(pid); alive && worker.isWorker() && !worker.isDraining() {
			return fmt.Sprintf("old worker %d still accepts connections", pid)
		}
	}
	return ""
}

// Running tells whether fresh connections answer want now.
func (n *Instance) Running(ctx context.Context, want Want) bool {
	for range proofStreak {
		if n.look(ctx, want, nil) != "" {
			return false
		}
	}
	return true
}

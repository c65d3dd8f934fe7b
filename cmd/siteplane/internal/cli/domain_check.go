package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// lookTimeout is how long a command waits for a look that it asked for.
const lookTimeout = 15 * time.Second

func (a *app) domainCheck() *cobra.Command {
	waiting := waitFlags{}
	command := &cobra.Command{
		Use:   "check DOMAIN",
		Short: "Look at a domain now instead of at its next attempt, and retry one in ERROR",
		Args:  exactly("DOMAIN"),
	}
	a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		id, err := s.domainID(command.Context(), args[0])
		if err != nil {
			return err
		}
		checked, err := change(command.Context(), s, s.domains.CheckDomain, &lifecyclev1.CheckDomainRequest{DomainId: id})
		if err != nil {
			return err
		}
		return a.afterCheck(command, s, waiting, &lifecyclev1.GetDomainResponse{Domain: checked.GetDomain()})
	})
	return waiting.addTo(command, "domain", "ACTIVE or waits for you")
}

// afterCheck waits for the look, and further if the user asked for it, and
// prints the domain with what is known of the look.
func (a *app) afterCheck(command *cobra.Command, s *session, flags waitFlags, begun *lifecyclev1.GetDomainResponse) error {
	look := newLook(begun, a.deps.Now)
	goal, limit, out := look.untilTaken(), lookTimeout, io.Discard
	if flags.wait {
		goal, limit, out = look.untilActive(), flags.timeout, command.ErrOrStderr()
	}
	last, err := waitFor(command.Context(), a.deps, out, domainSubject(s), limit, goal, begun)
	var late *timeoutError
	if !flags.wait && errors.As(err, &late) && late.silence == nil {
		err = nil // the check was accepted, and goes on
	}
	if err == nil && !look.taken {
		hint(command, "%s", look.account())
	}
	if failed := a.printDomain(command, s, last, look.account()); failed != nil {
		return failed
	}
	return err
}

// look notices whether a domain was looked at after it was asked for. The
// server does not say so, but a look leaves traces: another status, condition
// or time of change, a later next attempt, an operation that came and went. A
// look that finds everything as it was may leave none.
type look struct {
	now   func() time.Time
	begun time.Time
	// before is the domain when the look was asked for, last as it was seen
	// last.
	before, last sight
	// taken says that the look happened, at takenAt.
	taken   bool
	takenAt time.Time
}

func newLook(found *lifecyclev1.GetDomainResponse, now func() time.Time) *look {
	seen := domainSight(found)
	return &look{now: now, begun: now(), before: seen, last: seen}
}

// untilTaken waits for the look alone.
func (l *look) untilTaken() goal {
	return goal{status: "the look", over: func(seen sight) (bool, error) {
		l.notice(seen)
		return l.taken, nil
	}}
}

// untilActive waits for the look, and then until the domain is ACTIVE. What
// stands in the way before the look is no reason to give up. A domain that is
// ACTIVE and shows no trace of a look is waited for a short time only.
func (l *look) untilActive() goal {
	return goal{status: "ACTIVE", over: func(seen sight) (bool, error) {
		l.notice(seen)
		if !l.taken {
			return seen.phase == phaseActive && l.now().Sub(l.begun) >= lookTimeout, nil
		}
		return activeOrHopeless(seen)
	}}
}

func (l *look) notice(seen sight) {
	if !l.taken && l.traced(seen) {
		l.taken, l.takenAt = true, l.now()
	}
	l.last = seen
}

func (l *look) traced(seen sight) bool {
	ended := atWork(l.last.operation) && !atWork(seen.operation)
	next, previous := nextAttempt(seen.conditions), nextAttempt(l.last.conditions)
	postponed := next != nil && previous != nil && next.AsTime().After(previous.AsTime())
	return seen.status != l.before.status || seen.updated.After(l.before.updated) || ended || postponed ||
		!slices.EqualFunc(seen.conditions, l.before.conditions, sameFinding)
}

// sameFinding reports whether two conditions may come from one look.
func sameFinding(a, b *lifecyclev1.Condition) bool {
	return sameCondition(a, b) && a.GetTraceId() == b.GetTraceId() && proto.Equal(a.GetSince(), b.GetSince()) &&
		slices.Equal(a.GetEvidence(), b.GetEvidence())
}

// account says what is known of the look, for a person.
func (l *look) account() string {
	if l.taken {
		return fmt.Sprintf("looked at %.1fs after it was asked for", l.takenAt.Sub(l.begun).Seconds())
	}
	return fmt.Sprintf("no sign of a look for %.0fs: it is still to come, or it found everything as it was", l.now().Sub(l.begun).Seconds())
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// domainLimit is how long a domain may take once its records are right.
const domainLimit = 20 * time.Second

// domain reads a command that prints a domain.
func (c *cli) domain(ctx context.Context, args ...string) (*lifecyclev1.Domain, error) {
	found := &lifecyclev1.GetDomainResponse{}
	err := c.read(ctx, found, nil, append([]string{"domain"}, args...)...)
	return found.GetDomain(), err
}

// told returns the records of some purposes that a domain's owner is told to
// write, in presentation format.
func told(d *lifecyclev1.Domain, purposes ...lifecyclev1.InstructionPurpose) []string {
	var records []string
	for _, i := range d.GetInstructions() {
		if !slices.Contains(purposes, i.GetPurpose()) {
			continue
		}
		value := i.GetValue()
		switch i.GetType() {
		case "TXT":
			value = `"` + value + `"`
		case "CNAME":
			value += "."
		}
		records = append(records, fmt.Sprintf("%s. 60 IN %s %s", i.GetName(), i.GetType(), value))
	}
	return records
}

const (
	ownership = lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_OWNERSHIP
	traffic   = lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_TRAFFIC
	keep      = lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_KEEP
)

// awaitDomain looks at a domain, as its owner, until a demand is met. Each look
// asks the installation to look first.
func (c *cli) awaitDomain(ctx context.Context, hostname string, demand func(*lifecyclev1.Domain) error) (*lifecyclev1.Domain, error) {
	return c.awaitDomainFor(ctx, domainLimit, hostname, demand)
}

// await looks at a domain until a demand is met, and asks nobody to look.
func (c *cli) await(ctx context.Context, hostname string, demand func(*lifecyclev1.Domain) error) (d *lifecyclev1.Domain, err error) {
	err = eventually(ctx, domainLimit, func(ctx context.Context) error {
		if d, err = c.domain(ctx, "get", hostname); err != nil {
			return err
		}
		return demand(d)
	})
	return d, err
}

func (c *cli) awaitDomainFor(ctx context.Context, limit time.Duration, hostname string, demand func(*lifecyclev1.Domain) error) (d *lifecyclev1.Domain, err error) {
	err = eventually(ctx, limit, func(ctx context.Context) error {
		if d, err = c.domain(ctx, "get", hostname); err != nil {
			return err
		}
		missing := demand(d)
		if missing == nil {
			return nil
		}
		if _, err := c.domain(ctx, "check", hostname); err != nil {
			return err
		}
		return missing
	})
	return d, err
}

// isDomain demands a status.
func isDomain(want lifecyclev1.DomainStatus) func(*lifecyclev1.Domain) error {
	return func(d *lifecyclev1.Domain) error {
		if d.GetStatus() == want {
			return nil
		}
		return fmt.Errorf("%s is %s%s", d.GetHostname(), strings.TrimPrefix(d.GetStatus().String(), "DOMAIN_STATUS_"), unmetOf(d.GetConditions()))
	}
}

// says demands that a condition does not hold, for one of these reasons.
func says(kind string, reasons ...string) func(*lifecyclev1.Domain) error {
	return func(d *lifecyclev1.Domain) error {
		for _, c := range d.GetConditions() {
			if c.GetType() == kind && c.GetStatus() != lifecyclev1.ConditionStatus_CONDITION_STATUS_TRUE && slices.Contains(reasons, c.GetReason()) {
				return nil
			}
		}
		return fmt.Errorf("%s of %s does not say %v%s", kind, d.GetHostname(), reasons, unmetOf(d.GetConditions()))
	}
}

// hasRecords demands that the owner is told to write records for a purpose.
func hasRecords(purpose lifecyclev1.InstructionPurpose) func(*lifecyclev1.Domain) error {
	return func(d *lifecyclev1.Domain) error {
		if len(told(d, purpose)) > 0 {
			return nil
		}
		return fmt.Errorf("%s has no records for %s: %v%s", d.GetHostname(), purpose, d.GetInstructions(), unmetOf(d.GetConditions()))
	}
}

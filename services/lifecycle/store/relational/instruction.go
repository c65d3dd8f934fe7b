package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// Instructions returns the records that a domain needs from outside, in order.
func (t *Tx) Instructions(ctx context.Context, domain id.Domain) ([]network.Instruction, error) {
	return all(ctx, t, "read the instructions", scanInstruction, `
		SELECT purpose, type, name, value, note FROM instruction WHERE domain_id = ? ORDER BY ordinal`, domain)
}

func scanInstruction(r Row) (i network.Instruction, err error) {
	err = r.Scan(&i.Purpose, &i.Type, &i.Name, &i.Value, &i.Note)
	return i, err
}

// PutInstructions replaces a domain's instructions.
func (t *Tx) PutInstructions(ctx context.Context, domain network.Domain, instructions []network.Instruction) error {
	if _, err := t.GetDomain(ctx, domain.TenantID, domain.ID); err != nil {
		return err
	}
	if err := t.later(ctx, "delete the instructions",
		`DELETE FROM instruction WHERE domain_id = ?`, domain.ID); err != nil {
		return err
	}
	for ordinal, i := range instructions {
		if err := t.later(ctx, "insert the instruction", `
			INSERT INTO instruction (domain_id, ordinal, tenant_id, purpose, type, name, value, note)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			domain.ID, ordinal, domain.TenantID, i.Purpose, i.Type, i.Name, i.Value, i.Note); err != nil {
			return err
		}
	}
	return nil
}

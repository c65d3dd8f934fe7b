package cli

import (
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// recordsOf are the records that somebody outside writes for a domain. One
// that is on its way out needs none any more.
func recordsOf(domain *lifecyclev1.Domain) []*lifecyclev1.Instruction {
	if !claimed(domain) {
		return nil
	}
	return domain.GetInstructions()
}

// writeRecords adds the records of a domain as a table whose first three
// columns are what a DNS provider asks for. It adds nothing where there are
// none. Of one that goes it lists those that would be left dangling.
func writeRecords(p *page, domain *lifecyclev1.Domain) {
	records := domain.GetInstructions()
	if len(records) == 0 {
		return
	}
	rows := [][]string{{"TYPE", "NAME", "VALUE", "PURPOSE"}}
	for _, record := range records {
		rows = append(rows, []string{record.GetType(), record.GetName(), record.GetValue(), purposeAndNote(record)})
	}
	p.blank()
	p.printf("%s", recordsHeading(domain))
	p.table(rows...)
	if claimed(domain) && domain.GetMode() == lifecyclev1.DomainMode_DOMAIN_MODE_UNSPECIFIED {
		p.printf("More records may follow once the zone of the name was looked up.")
	}
}

const recordsToWrite = "Records to write at your DNS provider"

// recordsHeading tells records that are in place from those that may have to be
// written.
func recordsHeading(domain *lifecyclev1.Domain) string {
	if !claimed(domain) {
		return "Records to delete at your DNS provider, where they are still there"
	}
	if domain.GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE || firstUnmet(domain.GetConditions()) != nil {
		return recordsToWrite
	}
	for _, record := range domain.GetInstructions() {
		if record.GetPurpose() == lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_KEEP {
			return recordsToWrite
		}
	}
	return "Records to keep at your DNS provider"
}

func purposeAndNote(record *lifecyclev1.Instruction) string {
	if record.GetNote() == "" {
		return purpose(record)
	}
	return purpose(record) + "; " + record.GetNote()
}

// purpose says what a record is for.
func purpose(record *lifecyclev1.Instruction) string {
	switch record.GetPurpose() {
	case lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_OWNERSHIP:
		return "shows that the name is yours"
	case lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_TRAFFIC:
		return "leads visitors to the edges"
	case lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_PREPARATION:
		return "optional: prepares the name before its traffic moves"
	case lifecyclev1.InstructionPurpose_INSTRUCTION_PURPOSE_KEEP:
		return "keeps the name yours"
	}
	return "needed"
}

package network

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/publicsuffix"
)

// ChallengePrefix is what the name of an ownership record has before the hostname.
const ChallengePrefix = "_siteplane-challenge."

// Purpose says what a record is for.
type Purpose string

// The purposes, in the order in which instructions list them.
const (
	// Keep shows that the holder of a contested hostname still owns it.
	Keep Purpose = "keep"
	// Ownership shows that the hostname is the tenant's.
	Ownership Purpose = "ownership"
	// Traffic leads visitors to the edges.
	Traffic Purpose = "traffic"
	// Preparation lets the provider prepare the name before its traffic moves.
	Preparation Purpose = "preparation"
)

// Instruction is one DNS record that somebody outside writes.
type Instruction struct {
	Purpose Purpose
	// Type is TXT, CNAME, A or AAAA.
	Type string
	// Name has no trailing dot.
	Name  string
	Value string
	// Note is one sentence more, or empty.
	Note string
}

// OwnershipRecord is the record that shows whose a hostname is.
func OwnershipRecord(hostname, token string) Instruction {
	return Instruction{Purpose: Ownership, Type: "TXT", Name: ChallengePrefix + hostname, Value: token}
}

// KeepRecord is the record by which a holder keeps a contested hostname.
func KeepRecord(hostname, token string, until time.Time) Instruction {
	return Instruction{
		Purpose: Keep, Type: "TXT", Name: ChallengePrefix + hostname, Value: token,
		Note: "another tenant has proved this name; without this record it is theirs from " + until.UTC().Format(time.RFC3339),
	}
}

// TrafficRecords are the records that lead visitors to the edges, by the
// domain's mode. Names that we write ourselves have none.
func (d Domain) TrafficRecords(edgeAddresses []string) []Instruction {
	switch {
	case d.Kind == Platform, d.Mode == Managed, d.Mode == ModeUnknown:
		return nil
	case d.Mode == CustomHostname:
		return []Instruction{{Purpose: Traffic, Type: "CNAME", Name: d.Hostname, Value: d.Target, Note: apexNote(d.Hostname)}}
	}
	var records []Instruction
	for _, text := range slices.Sorted(slices.Values(edgeAddresses)) {
		address, err := netip.ParseAddr(text)
		if err != nil {
			continue // not an address that anybody could write
		}
		address = address.Unmap()
		records = append(records, Instruction{Purpose: Traffic, Type: addressType(address), Name: d.Hostname, Value: address.String()})
	}
	if len(records) > 1 {
		for i := range records {
			records[i].Note = "one of these is enough, all of them is better"
		}
	}
	return records
}

// apexNote says what to do where a CNAME is not allowed.
func apexNote(hostname string) string {
	apex, err := publicsuffix.EffectiveTLDPlusOne(hostname)
	if err != nil || apex != hostname {
		return ""
	}
	return "at the root of a zone use your provider's ALIAS, ANAME or flattened CNAME to the same name, or move to www." + hostname
}

func addressType(address netip.Addr) string {
	if address.Is6() {
		return "AAAA"
	}
	return "A"
}

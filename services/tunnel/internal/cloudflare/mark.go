package cloudflare

// metadataKey is the key of our mark in a custom hostname's metadata.
const metadataKey = "siteplane"

// mark is the id of the installation, as it shows on what is ours.
type mark string

// comment is the mark on a DNS record.
func (m mark) comment() string { return "siteplane " + string(m) }

// serverName is the mark on an ingress rule.
func (m mark) serverName() string { return string(m) + ".siteplane.internal" }

// metadata is the mark on a custom hostname.
func (m mark) metadata() map[string]any { return map[string]any{metadataKey: string(m)} }

// The comparisons are exact: Cloudflare's own filters ignore case.

func (m mark) onRecord(r Record) bool { return r.Comment == m.comment() }

func (m mark) onRule(r rule) bool { return r.OriginRequest["originServerName"] == m.serverName() }

func (m mark) onHostname(h CustomHostname) bool { return h.Metadata[metadataKey] == string(m) }

package cloudflare

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Publisher makes records, given as the data behind the type in presentation
// format, the whole set of a name and type in the DNS; none removes the set.
// The server of simulators/dns is one.
type Publisher interface {
	Replace(name, rrtype string, records ...string) error
}

// untold is the number of changes that the DNS never was told.
const untold = -1

// rrset names the records of one name and type.
type rrset struct{ name, rrtype string }

// publish takes the DNS from what it last heard to the present state. What fails
// is tried again with the next call.
func (s *Server) publish() {
	if s.cfg.Publish == nil {
		return
	}
	s.publishing.Lock()
	defer s.publishing.Unlock()
	wanted, changes := s.wantedSets()
	if wanted == nil {
		return
	}
	s.told = changes
	// Removals come first: an alias must be gone before other data can be there.
	for set := range s.published {
		if len(wanted[set]) == 0 {
			s.replace(set, nil)
		}
	}
	for set, records := range wanted {
		if !slices.Equal(s.published[set], records) {
			s.replace(set, records)
		}
	}
}

func (s *Server) replace(set rrset, records []string) {
	if err := s.cfg.Publish.Replace(set.name, set.rrtype, records...); err != nil {
		s.log.Warn("record not published", "name", set.name, "type", set.rrtype, "error", err)
		s.told = untold
		return
	}
	if len(records) == 0 {
		delete(s.published, set)
		return
	}
	s.published[set] = records
}

// wantedSets is what the DNS should say, or nil when it has been told already. A
// proxied name is an address of the data plane, whatever its record is:
// Cloudflare shows no CNAME of it.
func (s *Server) wantedSets() (sets map[rrset][]string, changes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told == s.state.changes {
		return nil, s.told
	}
	wanted := map[rrset][]string{}
	for _, r := range s.state.Records {
		set, data := rrset{r.Name, r.Type}, presentation(r)
		if r.Proxied {
			set.rrtype, data = addressType(s.dataIP.Is4()), s.dataIP.String()
		}
		if !slices.Contains(wanted[set], data) {
			wanted[set] = append(wanted[set], data)
		}
	}
	for _, records := range wanted {
		slices.Sort(records)
	}
	return wanted, s.state.changes
}

func addressType(v4 bool) string {
	if v4 {
		return "A"
	}
	return "AAAA"
}

// presentation writes the content of a record as zone files do.
func presentation(r *Record) string {
	switch r.Type {
	case "CNAME":
		return dns.Fqdn(r.Content)
	case "TXT":
		return quote(r.Content)
	}
	return r.Content
}

// quote writes a text as strings of at most 255 bytes. One that is quoted
// already, as Cloudflare likes it, stays.
func quote(text string) string {
	if strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`) && len(text) > 1 {
		return text
	}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var quoted []string
	for part := range slices.Chunk([]byte(text), 255) {
		quoted = append(quoted, `"`+escape.Replace(string(part))+`"`)
	}
	return strings.Join(quoted, " ")
}

package cloudflare

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Record is a DNS record of a zone.
type Record struct {
	ID         string    `json:"id"`
	ZoneID     string    `json:"zone_id"`
	Name       string    `json:"name"`
	Type       string    `json:"type"` // A, AAAA, CNAME or TXT
	Content    string    `json:"content"`
	Proxied    bool      `json:"proxied"`
	TTL        int       `json:"ttl"` // in seconds; 1 is automatic
	Comment    string    `json:"comment"`
	CreatedOn  time.Time `json:"created_on"`
	ModifiedOn time.Time `json:"modified_on"`
}

// recordView is a record as the API shows it.
type recordView struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Type       string    `json:"type"`
	Content    string    `json:"content"`
	Proxiable  bool      `json:"proxiable"`
	Proxied    bool      `json:"proxied"`
	TTL        int       `json:"ttl"`
	Settings   struct{}  `json:"settings"`
	Meta       struct{}  `json:"meta"`
	Comment    *string   `json:"comment"`
	Tags       []string  `json:"tags"`
	CreatedOn  time.Time `json:"created_on"`
	ModifiedOn time.Time `json:"modified_on"`
}

func viewRecord(r *Record) recordView {
	v := recordView{
		ID: r.ID, Name: r.Name, Type: r.Type, Content: r.Content, Proxiable: proxiable(r.Type), Proxied: r.Proxied,
		TTL: r.TTL, Tags: []string{}, CreatedOn: r.CreatedOn, ModifiedOn: r.ModifiedOn,
	}
	if r.Comment != "" {
		v.Comment = &r.Comment
	}
	return v
}

func proxiable(rrtype string) bool { return rrtype != "TXT" }

// recordPatch is the body of a change; what is nil stays as it is.
type recordPatch struct {
	Name    *string `json:"name"`
	Type    *string `json:"type"`
	Content *string `json:"content"`
	Proxied *bool   `json:"proxied"`
	TTL     *int    `json:"ttl"`
	Comment *string `json:"comment"`
}

func (p recordPatch) apply(r Record) Record {
	set(&r.Name, p.Name)
	set(&r.Type, p.Type)
	set(&r.Content, p.Content)
	set(&r.Proxied, p.Proxied)
	set(&r.TTL, p.TTL)
	set(&r.Comment, p.Comment)
	return r
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// recordsOf returns the records of a zone by name, type and content: a record
// that is added shifts the pages behind it.
func (st *state) recordsOf(zoneID string) []*Record {
	var found []*Record
	for _, r := range st.Records {
		if r.ZoneID == zoneID {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *Record) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Content, b.Content))
	})
	return found
}

func (s *Server) listRecords(c *call) (reply, error) {
	z, err := s.zone(c, errForbidden)
	if err != nil {
		return reply{}, err
	}
	found := slices.DeleteFunc(c.state.recordsOf(z.ID), func(r *Record) bool { return !c.wants(r) })
	part, info := page(c, found, 100, 50000)
	return reply{result: views(part, viewRecord), info: info}, nil
}

// wants applies the filters of a list.
func (c *call) wants(r *Record) bool {
	for name, value := range map[string]string{"name": r.Name, "content": r.Content, "comment": r.Comment} {
		value = strings.ToLower(value)
		for suffix, matches := range map[string]func(a, b string) bool{
			"": equals, ".exact": equals, ".contains": strings.Contains,
			".startswith": strings.HasPrefix, ".endswith": strings.HasSuffix,
		} {
			wanted := strings.ToLower(c.query.Get(name + suffix))
			if wanted != "" && !matches(value, wanted) {
				return false
			}
		}
	}
	rrtype, proxied := c.query.Get("type"), c.query.Get("proxied")
	return (rrtype == "" || strings.EqualFold(rrtype, r.Type)) && (proxied == "" || (proxied == "true") == r.Proxied)
}

func equals(a, b string) bool { return a == b }

func (s *Server) getRecord(c *call) (reply, error) {
	_, r, err := s.record(c)
	if err != nil {
		return reply{}, err
	}
	return reply{result: viewRecord(r)}, nil
}

// record finds the zone and the record that the path names.
func (s *Server) record(c *call) (Zone, *Record, error) {
	z, err := s.zone(c, errForbidden)
	if err != nil {
		return Zone{}, nil, err
	}
	r, err := c.state.recordByID(z.ID, c.request.PathValue("record"))
	return z, r, err
}

func (st *state) recordByID(zoneID, id string) (*Record, error) {
	for _, r := range st.Records {
		if r.ZoneID == zoneID && r.ID == id {
			return r, nil
		}
	}
	return nil, refuse(http.StatusNotFound, 81044, "Record does not exist.")
}

func (s *Server) createRecord(c *call) (reply, error) {
	z, err := s.zone(c, errForbidden)
	if err != nil {
		return reply{}, err
	}
	var body recordPatch
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	made, err := s.state.addRecord(z, body.apply(Record{TTL: automaticTTL}), s.cfg.Clock())
	if err != nil {
		return reply{}, err
	}
	return reply{result: viewRecord(made)}, nil
}

// putRecord replaces the whole record: what the body does not name gets its
// default.
func (s *Server) putRecord(c *call) (reply, error) {
	return s.changeRecord(c, func(old Record) Record { return Record{TTL: automaticTTL} })
}

func (s *Server) patchRecord(c *call) (reply, error) {
	return s.changeRecord(c, func(old Record) Record { return old })
}

func (s *Server) changeRecord(c *call, from func(old Record) Record) (reply, error) {
	z, r, err := s.record(c)
	if err != nil {
		return reply{}, err
	}
	var body recordPatch
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if err := s.state.replaceRecord(z, r, body.apply(from(*r)), s.cfg.Clock()); err != nil {
		return reply{}, err
	}
	return reply{result: viewRecord(r)}, nil
}

func (s *Server) deleteRecord(c *call) (reply, error) {
	_, r, err := s.record(c)
	if err != nil {
		return reply{}, err
	}
	s.state.removeRecord(r)
	return reply{result: map[string]string{"id": r.ID}}, nil
}

func (st *state) addRecord(z Zone, r Record, now time.Time) (*Record, error) {
	if err := st.check(z, &r, nil); err != nil {
		return nil, err
	}
	r.ID = ID(st.fresh("record", z.ID, r.Type, r.Name, r.Content)...)
	r.ZoneID, r.CreatedOn, r.ModifiedOn = z.ID, now.UTC(), now.UTC()
	st.Records = append(st.Records, &r)
	st.changed()
	return &r, nil
}

// replaceRecord changes a record; one that stays as it was has no effect.
func (st *state) replaceRecord(z Zone, old *Record, r Record, now time.Time) error {
	if err := st.check(z, &r, old); err != nil {
		return err
	}
	r.ID, r.ZoneID, r.CreatedOn, r.ModifiedOn = old.ID, old.ZoneID, old.CreatedOn, old.ModifiedOn
	if r == *old {
		return nil
	}
	r.ModifiedOn = now.UTC()
	*old = r
	st.changed()
	return nil
}

func (st *state) removeRecord(r *Record) {
	st.Records = slices.DeleteFunc(st.Records, func(other *Record) bool { return other == r })
	st.changed()
}

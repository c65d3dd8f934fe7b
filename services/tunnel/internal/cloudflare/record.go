package cloudflare

import (
	"context"
	"strings"

	"github.com/cloudflare/cloudflare-go/v7/dns"
	"github.com/cloudflare/cloudflare-go/v7/option"
)

// Record is a DNS record, as far as it matters here.
type Record struct {
	ID      string `json:"id"`
	ZoneID  string `json:"-"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Content string `json:"content"`
	Proxied bool   `json:"proxied"`
	Comment string `json:"comment"`

	Modified timestamp `json:"modified_on"`
}

func (r Record) id() string { return r.ID }

// leadsTo says whether visitors of the record arrive at the content through
// Cloudflare.
func (r Record) leadsTo(content string) bool {
	return r.Type == "CNAME" && r.Proxied && strings.EqualFold(strings.TrimSuffix(r.Content, "."), content)
}

// takesName says whether no CNAME can stand beside the record: none can beside any
// other, but at the top of a zone Cloudflare flattens it.
func (r Record) takesName(zone string) bool {
	return r.Name != zone || r.Type == "A" || r.Type == "AAAA" || r.Type == "CNAME"
}

// RecordFilter chooses records. At most one field is set; without any it chooses all.
type RecordFilter struct {
	// Name is the records' whole name.
	Name string
	// Mark is the installation whose records are wanted.
	Mark mark
}

// Records lists the records of a zone that the filter lets through.
func (c *Client) Records(ctx context.Context, zoneID string, filter RecordFilter) ([]Record, error) {
	listed, err := list[Record](ctx, c, recordsPerPage, func(ctx context.Context, page, perPage float64, opts ...option.RequestOption) error {
		params := filter.params()
		params.ZoneID.Value, params.ZoneID.Present = zoneID, true
		params.Page.Value, params.Page.Present = page, true
		params.PerPage.Value, params.PerPage.Present = perPage, true
		_, err := c.records.List(ctx, params, opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []Record
	for _, r := range listed {
		r.Name, r.ZoneID = strings.ToLower(r.Name), zoneID
		if filter.passes(r) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (f RecordFilter) params() dns.RecordListParams {
	params := dns.RecordListParams{}
	if f.Name != "" {
		params.Name.Value.Exact.Value, params.Name.Value.Exact.Present = f.Name, true
		params.Name.Present = true
		return params
	}
	if f.Mark != "" {
		params.Comment.Value.Exact.Value, params.Comment.Value.Exact.Present = f.Mark.comment(), true
		params.Comment.Present = true
	}
	return params
}

// passes is the filter again, because Cloudflare's ignores case.
func (f RecordFilter) passes(r Record) bool {
	if f.Name != "" {
		return r.Name == f.Name
	}
	return f.Mark == "" || f.Mark.onRecord(r)
}

func (c *Client) createRecord(ctx context.Context, r Record) error {
	params := dns.RecordNewParams{Body: cname(r)}
	params.ZoneID.Value, params.ZoneID.Present = r.ZoneID, true
	return c.change(ctx, func(ctx context.Context, opts ...option.RequestOption) error {
		_, err := c.records.New(ctx, params, opts...)
		return err
	})
}

func (c *Client) replaceRecord(ctx context.Context, r Record) error {
	params := dns.RecordUpdateParams{Body: cname(r)}
	params.ZoneID.Value, params.ZoneID.Present = r.ZoneID, true
	return c.change(ctx, func(ctx context.Context, opts ...option.RequestOption) error {
		_, err := c.records.Update(ctx, r.ID, params, opts...)
		return err
	})
}

func (c *Client) deleteRecord(ctx context.Context, r Record) error {
	params := dns.RecordDeleteParams{}
	params.ZoneID.Value, params.ZoneID.Present = r.ZoneID, true
	return c.change(ctx, func(ctx context.Context, opts ...option.RequestOption) error {
		_, err := c.records.Delete(ctx, r.ID, params, opts...)
		return err
	})
}

// cname is the only kind of record that we write.
func cname(r Record) dns.CNAMERecordParam {
	body := dns.CNAMERecordParam{}
	body.Type.Value, body.Type.Present = dns.CNAMERecordTypeCNAME, true
	body.Name.Value, body.Name.Present = r.Name, true
	body.Content.Value, body.Content.Present = r.Content, true
	body.Proxied.Value, body.Proxied.Present = r.Proxied, true
	body.TTL.Value, body.TTL.Present = dns.TTL1, true
	body.Comment.Value, body.Comment.Present = r.Comment, true
	return body
}

package cloudflare

import (
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// The statuses of a custom hostname and of its certificate.
const (
	statusPending           = "pending"
	statusActive            = "active"
	statusInitializing      = "initializing"
	statusPendingValidation = "pending_validation"
)

// customHostname is a name of somebody else that a SaaS zone serves.
type customHostname struct {
	ID             string         `json:"id"`
	ZoneID         string         `json:"zone_id"`
	Hostname       string         `json:"hostname"`
	Status         string         `json:"status"`
	SSL            hostnameSSL    `json:"ssl"`
	CustomMetadata map[string]any `json:"custom_metadata"`
	CreatedAt      time.Time      `json:"created_at"`
}

type hostnameSSL struct {
	Status string `json:"status"`
	Method string `json:"method"`
	Type   string `json:"type"`
}

// hostnameView is a custom hostname as the API shows it.
type hostnameView struct {
	ID                 string         `json:"id"`
	Hostname           string         `json:"hostname"`
	SSL                sslView        `json:"ssl"`
	Status             string         `json:"status"`
	CustomMetadata     map[string]any `json:"custom_metadata,omitempty"`
	VerificationErrors []string       `json:"verification_errors,omitempty"`
	Ownership          *ownership     `json:"ownership_verification,omitempty"`
	CreatedAt          time.Time      `json:"created_at"`
}

type sslView struct {
	ID                   string             `json:"id"`
	Type                 string             `json:"type"`
	Method               string             `json:"method"`
	Status               string             `json:"status"`
	CertificateAuthority string             `json:"certificate_authority"`
	Wildcard             bool               `json:"wildcard"`
	BundleMethod         string             `json:"bundle_method"`
	ValidationRecords    []validationRecord `json:"validation_records,omitempty"`
}

type ownership struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

type validationRecord struct {
	Status   string `json:"status"`
	TXTName  string `json:"txt_name"`
	TXTValue string `json:"txt_value"`
}

// ownership is the record that proves that the hostname's owner agrees.
func (h *customHostname) ownership() ownership {
	return ownership{Type: "txt", Name: "_cf-custom-hostname." + h.Hostname, Value: UUID("ownership", h.ID)}
}

// validation is the record that the certificate authority looks for.
func (h *customHostname) validation() validationRecord {
	return validationRecord{Status: "pending", TXTName: "_acme-challenge." + h.Hostname, TXTValue: secretOf("validation", h.ID)}
}

// viewHostname shows the records to set while they are waited for. Those of the
// certificate come only after the answer to the call that made the hostname.
func viewHostname(h *customHostname) hostnameView {
	v := hostnameView{
		ID: h.ID, Hostname: h.Hostname, Status: h.Status, CustomMetadata: h.CustomMetadata, CreatedAt: h.CreatedAt,
		SSL: sslView{
			ID: UUID("certificate", h.ID), Type: h.SSL.Type, Method: h.SSL.Method, Status: h.SSL.Status,
			CertificateAuthority: "lets_encrypt", BundleMethod: "ubiquitous",
		},
	}
	if h.Status == statusPending {
		o := h.ownership()
		v.Ownership, v.VerificationErrors = &o, []string{"custom hostname does not CNAME to this zone."}
	}
	if h.SSL.Status == statusPendingValidation {
		v.SSL.ValidationRecords = []validationRecord{h.validation()}
	}
	return v
}

// saas finds the zone that the path names and refuses one without Cloudflare for
// SaaS, for reading too.
func (s *Server) saas(c *call) (Zone, error) {
	z, err := s.zone(c, errForbidden)
	if err == nil && z.Fallback == "" {
		err = refuse(http.StatusForbidden, 1404, "No quota has been allocated for this zone or for this account.")
	}
	return z, err
}

// hostname finds the custom hostname that the path names.
func (s *Server) hostname(c *call) (*customHostname, error) {
	z, err := s.saas(c)
	if err != nil {
		return nil, err
	}
	id := c.request.PathValue("hostname")
	if !uuidID.MatchString(id) {
		return nil, refuse(http.StatusBadRequest, 1435, "The custom hostname ID is invalid. Check your input and try again.")
	}
	for _, h := range c.state.Hostnames {
		if h.ZoneID == z.ID && h.ID == id {
			return h, nil
		}
	}
	return nil, refuse(http.StatusNotFound, 1436, "The custom hostname was not found.")
}

func (s *Server) listHostnames(c *call) (reply, error) {
	z, err := s.saas(c)
	if err != nil {
		return reply{}, err
	}
	var found []*customHostname
	for _, h := range c.state.Hostnames {
		if h.ZoneID == z.ID && matchesOrAny(c.query.Get("id"), h.ID) && matchesOrAny(normalName(c.query.Get("hostname")), h.Hostname) {
			found = append(found, h)
		}
	}
	slices.SortFunc(found, func(a, b *customHostname) int { return strings.Compare(a.Hostname, b.Hostname) })
	part, info := page(c, found, 20, 50)
	return reply{result: views(part, viewHostname), info: info}, nil
}

func (s *Server) getHostname(c *call) (reply, error) {
	h, err := s.hostname(c)
	if err != nil {
		return reply{}, err
	}
	return reply{result: viewHostname(h)}, nil
}

// hostnameBody is the body of a change; what is nil stays as it is.
type hostnameBody struct {
	Hostname string `json:"hostname"`
	SSL      *struct {
		Method *string `json:"method"`
		Type   *string `json:"type"`
	} `json:"ssl"`
	CustomMetadata map[string]any `json:"custom_metadata"`
}

// apply changes what the body names.
func (b hostnameBody) apply(h *customHostname) error {
	if b.CustomMetadata != nil {
		h.CustomMetadata = b.CustomMetadata
	}
	if b.SSL == nil {
		return nil
	}
	set(&h.SSL.Method, b.SSL.Method)
	set(&h.SSL.Type, b.SSL.Type)
	if !slices.Contains([]string{"http", "txt", "email"}, h.SSL.Method) {
		return refuse(http.StatusBadRequest, 1432, "The validation method is not supported. Only http, email, or txt are accepted. Check your input and try again.")
	}
	if h.SSL.Type != "dv" {
		return refuse(http.StatusBadRequest, 1433, "The validation type is not supported. Only 'dv' is accepted. Check your input and try again.")
	}
	return nil
}

func (s *Server) createHostname(c *call) (reply, error) {
	z, err := s.saas(c)
	if err != nil {
		return reply{}, err
	}
	var body hostnameBody
	if c.decode(&body) != nil {
		return reply{}, refuse(http.StatusBadRequest, 1400, "Unable to decode the JSON request body. Check your input and try again.")
	}
	made, err := s.state.addHostname(z, body, s.cfg.Clock())
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusCreated, result: viewHostname(made)}, nil
}

// addHostname makes a custom hostname; nobody else may have it, in any zone.
func (st *state) addHostname(z Zone, body hostnameBody, now time.Time) (*customHostname, error) {
	name := normalName(body.Hostname)
	if err := checkHostname(name); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(st.Hostnames, func(h *customHostname) bool { return h.Hostname == name }) {
		return nil, refuse(http.StatusConflict, 1406, "Duplicate custom hostname found.")
	}
	if body.SSL == nil {
		return nil, refuse(http.StatusBadRequest, 1434, "The SSL attribute is invalid. Refer to the API documentation, check your input and try again.")
	}
	h := &customHostname{ZoneID: z.ID, Hostname: name, Status: statusPending, CreatedAt: now.UTC()}
	h.SSL = hostnameSSL{Status: statusInitializing, Method: "http", Type: "dv"}
	if err := body.apply(h); err != nil {
		return nil, err
	}
	h.ID = UUID(st.fresh("hostname", z.ID, name)...)
	st.Hostnames = append(st.Hostnames, h)
	st.changed()
	return h, nil
}

// checkHostname refuses what cannot be a custom hostname. Cloudflare refuses the
// top domain "test" too; here it is where the customers of tests live.
func checkHostname(name string) error {
	labels := strings.Split(name, ".")
	top := labels[len(labels)-1]
	_, isName := dns.IsDomainName(name)
	_, notAddress := netip.ParseAddr(name)
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return r > 127 }):
		return refuse(http.StatusBadRequest, 1408, "Custom hostnames with non-ASCII characters are not supported. Check your input and try again.")
	case !isName || notAddress == nil || len(labels) < 2 || strings.ContainsAny(name, " ~`!@#$%^&*()=+{}[]\\/:"):
		return refuse(http.StatusBadRequest, 1407, "Invalid custom hostname.")
	case slices.Contains([]string{"example", "invalid", "localhost"}, top):
		return refuse(http.StatusBadRequest, 1409, "Reserved top domain custom hostnames are not supported. Check your input and try again.")
	case slices.ContainsFunc([]string{"example.com", "example.net", "example.org"}, func(z string) bool { return within(name, z) }):
		return refuse(http.StatusBadRequest, 1411, "Custom hostnames ending in example.com, example.net, or example.org are prohibited. Check your input and try again.")
	}
	return nil
}

func (s *Server) patchHostname(c *call) (reply, error) {
	h, err := s.hostname(c)
	if err != nil {
		return reply{}, err
	}
	var body hostnameBody
	if c.decode(&body) != nil {
		return reply{}, refuse(http.StatusBadRequest, 1400, "Unable to decode the JSON request body. Check your input and try again.")
	}
	changed := *h
	if err := body.apply(&changed); err != nil {
		return reply{}, err
	}
	if !reflect.DeepEqual(changed, *h) {
		*h = changed
		s.state.changed()
	}
	return reply{status: http.StatusAccepted, result: viewHostname(h)}, nil
}

// deleteHostname answers without an envelope, as Cloudflare does.
func (s *Server) deleteHostname(c *call) (reply, error) {
	h, err := s.hostname(c)
	if err != nil {
		return reply{}, err
	}
	s.state.removeHostname(h)
	return reply{bare: true, result: map[string]string{"id": h.ID}}, nil
}

func (st *state) removeHostname(h *customHostname) {
	st.Hostnames = slices.DeleteFunc(st.Hostnames, func(other *customHostname) bool { return other == h })
	st.changed()
}

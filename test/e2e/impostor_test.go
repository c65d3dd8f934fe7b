package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	probePath       = "/.well-known/siteplane/probe"
	impostorAddress = "127.0.0.9"
)

// probeAnswer is what an edge answers to a nonce, docs/probe.md. It is written
// apart from the code under test.
type probeAnswer struct {
	EdgeID    string `json:"edge_id"`
	Host      string `json:"host"`
	Nonce     string `json:"nonce"`
	Time      string `json:"time"`
	Signature string `json:"signature"`
}

// sign signs the answer.
func (a *probeAnswer) sign(key ed25519.PrivateKey) {
	message := fmt.Sprintf("siteplane-probe-v1\n%s\n%s\n%s\n%s", a.EdgeID, a.Host, a.Nonce, a.Time)
	a.Signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(message)))
}

// genuine asks the real edge as a visitor can.
func (i *installation) genuine(host, nonce string) ([]byte, error) {
	status, body, err := fetch(i.edge(), host, probePath+"?nonce="+url.QueryEscape(nonce))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the edge answers %d for %s", status, host)
	}
	return []byte(body), err
}

// impostor answers a probe in place of the edge.
type impostor func(i *installation, host, nonce string) ([]byte, error)

func anything(*installation, string, string) ([]byte, error) { return []byte("welcome"), nil }

// unsigned echoes the nonce in the right form, with all that a stranger can know.
func unsigned(i *installation, host, nonce string) ([]byte, error) {
	return json.Marshal(i.claim(host, nonce))
}

// selfSigned does the same, with a signature by a key of its own.
func selfSigned(i *installation, host, nonce string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	answer := i.claim(host, nonce)
	answer.sign(key)
	return json.Marshal(answer)
}

// replay repeats what the real edge answered for this host to another nonce.
func replay(i *installation, host, _ string) ([]byte, error) {
	other := make([]byte, 32)
	rand.Read(other)
	return i.genuine(host, base64.RawURLEncoding.EncodeToString(other))
}

// otherHost hands the nonce to the real edge under a site that is live.
func otherHost(i *installation, _, nonce string) ([]byte, error) {
	return i.genuine(hostname("genuine"), nonce)
}

// claim is an answer in the name of the real edge, whose id is no secret.
func (i *installation) claim(host, nonce string) probeAnswer {
	answer := probeAnswer{Host: host, Nonce: nonce, Time: time.Now().UTC().Format(time.RFC3339Nano)}
	var real probeAnswer
	if body, err := i.genuine(hostname("genuine"), nonce); err == nil && json.Unmarshal(body, &real) == nil {
		answer.EdgeID = real.EdgeID
	}
	return answer
}

// impostors are known by the slug of the site that they take.
var impostors = map[string]struct {
	answer impostor
	// seen is what the evidence must say of the answer.
	seen string
}{
	"anything":    {anything, "the answer is not a probe answer"},
	"unsigned":    {unsigned, "the answer is not signed"},
	"self-signed": {selfSigned, "the signature is not by the key of that edge"},
	"replay":      {replay, "the answer is to another nonce"},
	"other-host":  {otherHost, "the answer is for another host"},
}

// stranger is the server of the impostors. It counts the probes of each.
type stranger struct {
	mu     sync.Mutex
	probes map[string]int
	failed []error
}

func (s *stranger) count(slug string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probes[slug]++
	if err != nil {
		s.failed = append(s.failed, err)
	}
}

func (s *stranger) seen(slug string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.probes[slug]
}

// startStranger listens where the edge should: at its port, on an address that
// is listed among the edge's.
func startStranger(t *testing.T, i *installation) *stranger {
	t.Helper()
	s := &stranger{probes: map[string]int{}}
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", impostorAddress, i.base+offsets.edge))
	check(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := strings.Cut(r.Host, ":")
		slug := strings.TrimSuffix(host, "."+platformDomain)
		body, err := impostors[slug].answer(i, host, r.URL.Query().Get("nonce"))
		s.count(slug, err)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	check(t, server.Listener.Close())
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return s
}

// I10: a server that is not ours has the address of an edge. Whatever it answers,
// the name is not taken for served; when the record is right again, it is,
// without anybody asking.
func TestSite_stays_routed_while_a_stranger_answers_for_it(t *testing.T) {
	t.Parallel()
	i := startInstallation(t, "--edge-address", "127.0.0.1,"+impostorAddress)
	stranger := startStranger(t, i)
	origin := startOrigin(t, "main")
	i.setRecords("genuine", "A 127.0.0.1")
	i.awaitActive(i.create("genuine", "--origin", origin))

	ids := map[string]string{}
	for slug := range impostors {
		i.setRecords(slug, "A "+impostorAddress)
		ids[slug] = i.create(slug, "--origin", origin)
	}
	for slug, impostor := range impostors {
		t.Run(slug, func(t *testing.T) { i.in(t).wantHeldBack(stranger, slug, ids[slug], impostor.seen) })
	}
	if len(stranger.failed) > 0 {
		t.Errorf("the stranger failed by itself: %v", stranger.failed)
	}
	for slug := range impostors {
		i.setRecords(slug, "A 127.0.0.1")
	}
	for slug, id := range ids {
		i.awaitActive(id)
		i.wantServed(slug, "main")
	}
}

// wantHeldBack waits until a stranger was asked three times about a site, and
// fails unless the site waits for its record to be mended.
func (i *installation) wantHeldBack(s *stranger, slug, id, seen string) {
	i.t.Helper()
	_, serving := i.awaitCondition(id, "Serving", "PROBE_NOT_OURS")
	if serving.GetStatus() != lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE {
		i.t.Errorf("Serving is %v", serving)
	}
	if evidence := strings.Join(serving.GetEvidence(), "\n"); !strings.Contains(evidence, impostorAddress) || !strings.Contains(evidence, seen) {
		i.t.Errorf("the evidence is %q, want the address and %q", evidence, seen)
	}
	eventually(i.t, "the stranger is asked again", func() (string, bool) {
		probes := s.seen(slug)
		return fmt.Sprintf("%d probes", probes), probes >= 3
	})
	wantStatus(i.t, i.site(id), lifecyclev1.SiteStatus_SITE_STATUS_DOMAIN_ROUTED)
	if got := path(i.timeline(id), id); slices.Contains(got, "ACTIVE") {
		i.t.Errorf("the site went %v", got)
	}
}

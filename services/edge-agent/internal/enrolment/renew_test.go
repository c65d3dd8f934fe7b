package enrolment

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	enrolmentv1 "github.com/siteplane/siteplane/gen/siteplane/enrolment/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) count(word string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), word)
}

// joined is an edge in a bubble of fake time, and who renews it.
type joined struct {
	*Renewer
	t   *testing.T
	ca  *identity.CA
	log *journal

	mu sync.Mutex
	// asked are the times of the calls.
	asked   []time.Time
	refusal error
}

// calls are the times of the calls.
func (j *joined) calls() []time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.asked)
}

// refuse says how the next calls are answered; nil: as they should be.
func (j *joined) refuse(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refusal = err
}

func join(t *testing.T) *joined {
	t.Helper()
	ca := newCA(t)
	dir := t.TempDir()
	request, err := identity.NewRequest()
	check(t, err)
	answer, err := renewBy(ca, request.DER())
	check(t, err)
	_, err = folder(dir).take(request, []byte(answer.GetCertificate()), ca.CertificatePEM())
	check(t, err)
	check(t, folder(dir).writeRecord(record{Server: "lifecycle.test:1"}))
	loaded, err := identity.Load(identity.FilesIn(dir))
	check(t, err)
	j := &joined{t: t, ca: ca, log: &journal{}}
	j.Renewer = &Renewer{dir: folder(dir), identity: loaded, logger: slog.New(slog.NewTextHandler(j.log, nil)), ask: j.answer}
	return j
}

func (j *joined) answer(_ context.Context, server string, der []byte) (*enrolmentv1.RenewEdgeResponse, error) {
	if server != "lifecycle.test:1" {
		j.t.Errorf("%s is asked", server)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked = append(j.asked, time.Now())
	if j.refusal != nil {
		return nil, j.refusal
	}
	return renewBy(j.ca, der)
}

// goOn lets time pass while it renews.
func (j *joined) goOn(times ...func()) {
	ctx, cancel := context.WithCancel(j.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		j.Run(ctx)
	}()
	for _, each := range times {
		each()
		synctest.Wait()
	}
	cancel()
	<-ended
}

func TestRenewer_renews_before_the_last_third(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := join(t)
		begun, first := time.Now(), j.end()
		j.goOn(func() { time.Sleep(lifetime*2/3 + time.Second) })
		if len(j.calls()) != 1 {
			t.Fatalf("asked %d times", len(j.calls()))
		}
		if after := j.calls()[0].Sub(begun); after < lifetime*7/12-2*time.Second || after > lifetime*2/3+time.Second {
			t.Errorf("asked after %s of %s", after, lifetime)
		}
		onDisk, err := identity.Load(j.dir.identity())
		check(t, err)
		if !j.end().After(first) || !onDisk.NotAfter().Equal(j.end()) || j.log.count("certificate renewed") != 1 {
			t.Errorf("until %s, first until %s, on disk until %s", j.end(), first, onDisk.NotAfter())
		}
		if _, err := os.Stat(j.dir.next()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the next identity is left: %v", err)
		}
	})
}

func TestRenewer_renews_again_and_again(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := join(t)
		j.goOn(func() { time.Sleep(24 * lifetime) })
		if len(j.calls()) < 24 || len(j.calls()) > 24*12/7+1 || time.Until(j.end()) < lifetime/4 {
			t.Errorf("asked %d times, until %s", len(j.calls()), j.end())
		}
	})
}

// F30: an edge that lifecycle cannot be reached from tries on, and says so louder
// towards the end.
func TestRenewer_tries_on(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := join(t)
		j.refuse(rpcerr.New(codes.Unavailable, "", "connection refused"))
		j.goOn(
			func() {
				time.Sleep(lifetime * 7 / 10)
				synctest.Wait()
				if len(j.calls()) == 0 || j.log.count("WARN") > 0 || j.log.count("ERROR") > 0 {
					t.Errorf("asked %d times, %d warnings too early", len(j.calls()), j.log.count("WARN"))
				}
			},
			func() {
				time.Sleep(lifetime * 2 / 10)
				synctest.Wait()
				if j.log.count("level=WARN") == 0 || j.log.count("level=ERROR") > 0 {
					t.Errorf("a tenth is left, and there are %d warnings", j.log.count("level=WARN"))
				}
			},
			func() {
				j.refuse(nil)
				time.Sleep(lifetime / 20)
			},
		)
		if time.Until(j.end()) < lifetime/2 || len(j.calls()) > 60 {
			t.Errorf("until %s after %d tries", j.end(), len(j.calls()))
		}
	})
}

func TestRenewer_says_once_what_waits_for_somebody(t *testing.T) {
	for reason, says := range map[string]string{
		reasonEvicted: "edge-agent --stop-nginx", reasonCloned: "two hosts are this edge", "": "it has expired",
	} {
		t.Run(says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := join(t)
				j.refuse(rpcerr.New(codes.PermissionDenied, reason, "no"))
				j.goOn(func() { time.Sleep(3 * lifetime) })
				if j.log.count(says) != 1 || j.log.count("siteplane edge join --force") == 0 || len(j.calls()) > 300 {
					t.Errorf("said %d times after %d calls", j.log.count(says), len(j.calls()))
				}
			})
		})
	}
}

// contents are the files of an identity.
func contents(t *testing.T, dir folder) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, file := range []string{dir.identity().CA, dir.identity().Certificate, dir.identity().Key} {
		text, err := os.ReadFile(file)
		check(t, err)
		found[file] = string(text)
	}
	return found
}

func TestRenewer_keeps_what_it_has(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, *joined){
		"when the certificate is of another key": func(t *testing.T, j *joined) {
			other, err := identity.NewRequest()
			check(t, err)
			j.ask = func(context.Context, string, []byte) (*enrolmentv1.RenewEdgeResponse, error) {
				return renewBy(j.ca, other.DER())
			}
		},
		"when the CA is another": func(t *testing.T, j *joined) {
			other := newCA(t)
			j.ask = func(_ context.Context, _ string, der []byte) (*enrolmentv1.RenewEdgeResponse, error) {
				return renewBy(other, der)
			}
		},
		"when nobody says where to ask": func(t *testing.T, j *joined) { check(t, os.Remove(j.dir.record())) },
	} {
		t.Run(name, func(t *testing.T) {
			j := join(t)
			spoil(t, j)
			before, files := j.end(), contents(t, j.dir)
			if err := j.renew(t.Context()); err == nil {
				t.Error("it was renewed")
			}
			if now := contents(t, j.dir); !maps.Equal(now, files) || !j.end().Equal(before) {
				t.Error("something was replaced")
			}
		})
	}
}

// Whatever was moved when the power went, the next start finds one whole identity.
func TestRecover(t *testing.T) {
	for name, c := range map[string]struct {
		moved []string
		lost  []string
		next  bool
	}{
		"before anything was moved":      {nil, nil, true},
		"after the CA":                   {[]string{"ca.crt"}, nil, true},
		"after the key":                  {[]string{"ca.crt", "tls.key"}, nil, true},
		"after everything":               {[]string{"ca.crt", "tls.key", "tls.crt"}, nil, true},
		"before the next one was whole":  {nil, []string{"tls.crt"}, false},
		"before the next one had a key":  {nil, []string{"tls.crt", "tls.key"}, false},
		"before the next one had a file": {nil, []string{"tls.crt", "tls.key", "ca.crt"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			j := join(t)
			old, err := os.ReadFile(j.dir.identity().Certificate)
			check(t, err)
			request, err := identity.NewRequest()
			check(t, err)
			answer, err := renewBy(j.ca, request.DER())
			check(t, err)
			_, err = request.Write(j.dir.next(), []byte(answer.GetCertificate()), []byte(answer.GetCa()))
			check(t, err)
			for _, file := range c.moved {
				check(t, os.Rename(filepath.Join(j.dir.next(), file), j.dir.file(file)))
			}
			for _, file := range c.lost {
				check(t, os.Remove(filepath.Join(j.dir.next(), file)))
			}
			check(t, Recover(string(j.dir)))
			_, err = identity.Load(j.dir.identity())
			check(t, err)
			now, err := os.ReadFile(j.dir.identity().Certificate)
			check(t, err)
			if taken := string(now) != string(old); taken != c.next {
				t.Errorf("the next one is taken: %t, want %t", taken, c.next)
			}
			if _, err := os.Stat(j.dir.next()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the place of the next one is left: %v", err)
			}
		})
	}
}

// Which edge it is, says its certificate alone.
func TestRenewer_shows_its_certificate(t *testing.T) {
	l := startLifecycle(t, newCA(t), lifecyclePath)
	dir := t.TempDir()
	_, err := Join(t.Context(), l.config(dir))
	check(t, err)
	loaded, err := identity.Load(identity.FilesIn(dir))
	check(t, err)
	r := NewRenewer(RenewConfig{Dir: dir, Identity: loaded, Telemetry: telemetry.Discard("test")})
	check(t, r.renew(t.Context()))
	if len(l.renewed) != 1 || l.renewed[0] != "spiffe://siteplane.test/edge/"+edgeID {
		t.Errorf("renewed were %v", l.renewed)
	}
}

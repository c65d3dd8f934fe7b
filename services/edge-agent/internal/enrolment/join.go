package enrolment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	enrolmentv1 "github.com/siteplane/siteplane/gen/siteplane/enrolment/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

const (
	// lifecyclePath is who enrols.
	lifecyclePath = "/service/lifecycle"
	// callLimit is how long one call may take.
	callLimit = 20 * time.Second
)

// JoinConfig says how a host joins; all but Force is required.
type JoinConfig struct {
	// Server is where lifecycle enrols, host:port.
	Server string
	// Token is the text of the join token.
	Token string
	// Address is where lifecycle will call the agent, host:port.
	Address string
	// Dir takes the identity; it is made where it is missing.
	Dir string
	// Force replaces the identity of an edge that is there.
	Force     bool
	Telemetry *telemetry.Telemetry
}

// Joined is the edge that the host is now.
type Joined struct {
	EdgeID, Name string
	// Until is when its certificate ends, if it is not renewed.
	Until time.Time
}

// Validate reports every problem at once.
func (c JoinConfig) Validate() error {
	_, tokenErr := digestOf(c.Token)
	problems := []error{tokenErr, checkAddress("server", c.Server), checkAddress("address", c.Address)}
	if c.Dir == "" {
		problems = append(problems, errors.New("dir: is missing"))
	}
	return errors.Join(problems...)
}

// checkAddress refuses what others cannot call.
func checkAddress(what, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	ip, parseErr := netip.ParseAddr(host)
	switch {
	case err != nil || host == "" || port == "0":
		return fmt.Errorf("%s %q: must be host:port", what, address)
	case parseErr == nil && ip.IsUnspecified():
		return fmt.Errorf("%s %q: is no address of one host, and nobody can call it", what, address)
	}
	return nil
}

// Join makes this host an edge. It may be repeated with the same token when the answer
// was lost, and then gives the same edge; while a join is not over, its key is kept.
// The identity of an edge that is there is an error, unless Force is set.
func Join(ctx context.Context, cfg JoinConfig) (Joined, error) {
	if err := cfg.Validate(); err != nil {
		return Joined{}, err
	}
	dir := folder(cfg.Dir)
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return Joined{}, fmt.Errorf("make the folder of the identity: %w", err)
	}
	if err := dir.takeNext(); err != nil {
		return Joined{}, err
	}
	if err := dir.checkFree(cfg.Force); err != nil {
		return Joined{}, err
	}
	request, err := identity.KeptRequest(dir.joinKey())
	if err != nil {
		return Joined{}, err
	}
	answer, err := ask(ctx, cfg, request.DER())
	if err != nil {
		return Joined{}, err
	}
	return dir.become(request, answer, cfg.Server)
}

// checkFree refuses to replace an identity, but for one that the join which is not
// over has written.
func (f folder) checkFree(force bool) error {
	key, err := os.ReadFile(f.identity().Key)
	if force || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for an identity: %w", err)
	}
	if ours, err := os.ReadFile(f.joinKey()); err == nil && bytes.Equal(ours, key) {
		return nil
	}
	who := "an edge"
	if text, err := os.ReadFile(f.id()); err == nil {
		who = strings.TrimSpace(string(text))
	}
	return fmt.Errorf("%s holds the identity of %s already: give another folder, or --force to replace it", f, who)
}

func ask(ctx context.Context, cfg JoinConfig, der []byte) (*enrolmentv1.JoinEdgeResponse, error) {
	digest, err := digestOf(cfg.Token)
	if err != nil {
		return nil, err
	}
	conn, err := rpc.Dial(cfg.Server, rpc.DialConfig{TLS: identity.JoinTLS(digest, lifecyclePath), Telemetry: cfg.Telemetry, CallTimeout: callLimit})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answer, err := enrolmentv1.NewEnrolmentServiceClient(conn).JoinEdge(ctx, &enrolmentv1.JoinEdgeRequest{
		Token: cfg.Token, CertificateRequest: der, Address: cfg.Address,
	})
	if err != nil {
		return nil, fmt.Errorf("join at %s: %w", cfg.Server, err)
	}
	block, _ := pem.Decode([]byte(answer.GetCa()))
	if block == nil || sha256.Sum256(block.Bytes) != digest {
		return nil, fmt.Errorf("join at %s: the CA in the answer is not the one of the token", cfg.Server)
	}
	return answer, nil
}

// become writes everything; the key of the join goes last, so that whatever is
// interrupted can be repeated.
func (f folder) become(request *identity.Request, answer *enrolmentv1.JoinEdgeResponse, server string) (Joined, error) {
	taken, err := f.take(request, []byte(answer.GetCertificate()), []byte(answer.GetCa()))
	if err != nil {
		return Joined{}, err
	}
	if want := "/edge/" + answer.GetEdgeId(); taken.Path() != want {
		return Joined{}, fmt.Errorf("the certificate is for %s, not for %s", taken.Path(), want)
	}
	if err := write(f.id(), []byte(answer.GetEdgeId()+"\n")); err != nil {
		return Joined{}, err
	}
	if err := f.writeRecord(record{Server: server, Name: answer.GetName()}); err != nil {
		return Joined{}, err
	}
	if err := os.Remove(f.joinKey()); err != nil {
		return Joined{}, fmt.Errorf("end the join: %w", err)
	}
	return Joined{EdgeID: answer.GetEdgeId(), Name: answer.GetName(), Until: taken.NotAfter()}, nil
}

package fleet

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// renewals are the lines that say that the certificate of fra1 was renewed.
func (f *fleet) renewals() int {
	return len(lines(f.fra1.logOf("edge-agent"), `"certificate renewed"`))
}

// joinsAgain gives fra1 a certificate of seconds, which it has to renew while the links
// of another edge are cut.
func (f *fleet) joinsAgain(t *testing.T) {
	f.endLifecycle()
	f.startLifecycle("20s", "3s")
	f.play("Join again")
	f.ran = f.fra1.nginx() + " " + f.agent()
	f.leave = f.visitor.visit("192.0.2.7", "steady."+platformDomain)
	if f.renewals() > 0 {
		t.Error("the certificate of a day was renewed")
	}
}

// agent is the process of fra1's agent.
func (f *fleet) agent() string { return f.fra1.do("cat /run/edge-agent.service.pid") }

// renews sees that fra1 has renewed its certificate: nothing was restarted, no visitor
// noticed, and lifecycle can call it.
func (f *fleet) renews(t *testing.T) {
	eventually(t, "it renews", func() error {
		if f.renewals() == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	f.create("renewed")
	f.awaitSynced("fra1")
	check(t, f.visitor.fetch("192.0.2.7", "renewed"))
	found, err := f.edges()
	check(t, err)
	if left := time.Until(found["fra1"].CertificateExpireTime); left <= 0 || left > 20*time.Second {
		t.Errorf("the certificate holds for %s more", left)
	}
	if runs := f.fra1.nginx() + " " + f.agent(); runs != f.ran {
		t.Errorf("%s was restarted, and is %s", f.ran, runs)
	}
	f.fra1.do("kill -0 " + f.agent())
	f.leave()
}

// isEvicted sees that within a minute there is no connection to the edge, that its
// certificate ends, that its address is nobody's, and that its visitors are served.
func (f *fleet) isEvicted(t *testing.T) {
	leave := f.visitor.visit("192.0.2.7", "steady."+platformDomain)
	defer leave()
	const connections = "ss -Htn state established dst 10.0.0.7"
	if f.do(connections) == "" {
		t.Error("there was no connection before")
	}
	begun := time.Now()
	f.play("Remove")
	eventually(t, "lifecycle has no connection to it", func() error {
		if left := f.do(connections); left != "" {
			return fmt.Errorf("%s", left)
		}
		return nil
	})
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("that took %s", took)
	}
	eventually(t, "its renewal is refused", func() error {
		if len(lines(f.fra1.logOf("edge-agent"), "this edge was evicted", `"ERROR"`)) != 1 {
			return errors.New("its log does not say so once")
		}
		return nil
	})
	f.do("siteplane site create late --origin " + originAddress)
	eventually(t, "its address counts no more", func() error {
		var late struct {
			Domain struct {
				Conditions []struct{ Type, Status, Reason, Message string }
			}
		}
		if err := f.ask(&late, "domain get late."+platformDomain); err != nil {
			return err
		}
		for _, c := range late.Domain.Conditions {
			if c.Type == "Resolves" && c.Status == "CONDITION_STATUS_FALSE" {
				return nil
			}
		}
		return fmt.Errorf("%+v", late)
	})
}

func (f *fleet) isCleared(t *testing.T) {
	f.play("Clear the host")
	if f.visitor.fetch("192.0.2.7", "steady") == nil {
		t.Error("it still serves")
	}
	if left := f.fra1.do("ps -o args= -C nginx,edge-agent; true"); left != "" {
		t.Errorf("still there are %s", left)
	}
	f.do("siteplane edge token fra1 --public-address 192.0.2.7")
}

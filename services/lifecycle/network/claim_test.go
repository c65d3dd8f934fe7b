package network_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/network"
)

var (
	now = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	// claimant has proved shop.example.com.
	claimant = network.Domain{
		ID: "dom_claimant", TenantID: "ten_a", Hostname: "shop.example.com", Kind: network.Custom,
		Status: network.PendingDNS, Wanted: network.Hidden,
	}
	proofs   = []network.Proof{network.ByPlatform, network.ByGrant, network.ByReservation, network.ByRecord}
	verified = []network.Status{network.Validated, network.Routed, network.Active}
)

// other is a claim of another tenant on a hostname.
func other(hostname string, status network.Status) network.Domain {
	return network.Domain{
		ID: "dom_other", TenantID: "ten_b", Hostname: hostname, Kind: network.Custom, Status: status, Wanted: network.Hidden,
	}
}

// holder is a claim of another tenant that holds the hostname.
func holder() network.Domain { return other(claimant.Hostname, network.Active) }

func standing(proof network.Proof, claims ...network.Domain) network.Standing {
	return network.Standing{Domain: claimant, Proof: proof, Claims: claims, Now: now}
}

func contest(outcome network.ContestOutcome, until time.Duration) network.Contest {
	return network.Contest{
		Hostname: claimant.Hostname, ContenderID: claimant.ID, ContenderTenant: claimant.TenantID,
		HolderID: "dom_other", HolderTenant: "ten_b", Token: "token", OpenedAt: now.Add(-time.Hour), Until: now.Add(until), Outcome: outcome,
	}
}

// judged checks a verdict with what it is about.
func judged(t *testing.T, what string, s network.Standing, verdict network.Verdict, about network.Domain, of network.Contest) {
	t.Helper()
	got, d, c := s.Judge()
	if got != verdict {
		t.Errorf("%s: the verdict is %q, want %q", what, got, verdict)
	}
	if diff := cmp.Diff(about, d); diff != "" {
		t.Errorf("%s: in the way stands (-want +got):\n%s", what, diff)
	}
	if diff := cmp.Diff(of, c); diff != "" {
		t.Errorf("%s: the contest is (-want +got):\n%s", what, diff)
	}
}

func TestStanding_Judge(t *testing.T) {
	t.Run("nobody else claims it: it may be had, by any proof", func(t *testing.T) {
		for _, proof := range proofs {
			judged(t, string(proof), standing(proof), network.MayHave, network.Domain{}, network.Contest{})
			judged(t, string(proof), standing(proof, claimant), network.MayHave, network.Domain{}, network.Contest{})
		}
	})
	t.Run("claims that are not verified reserve nothing", func(t *testing.T) {
		for _, status := range []network.Status{network.PendingDNS, network.Error} {
			for _, proof := range proofs {
				unproved := other(claimant.Hostname, status)
				judged(t, string(status), standing(proof, unproved, claimant), network.MayHave, network.Domain{}, network.Contest{})
			}
		}
	})
	t.Run("what is verified can be contested by a record, and by nothing else", func(t *testing.T) {
		for _, status := range verified {
			for _, proof := range proofs {
				want := network.Taken
				if proof == network.ByRecord {
					want = network.Contestable
				}
				held := other(claimant.Hostname, status)
				judged(t, string(status)+" by "+string(proof), standing(proof, held, claimant), want, held, network.Contest{})
			}
		}
	})
	t.Run("nobody contests a platform name, nor a tenant its own", func(t *testing.T) {
		platform := holder()
		platform.Kind = network.Platform
		own := holder()
		own.TenantID = claimant.TenantID
		for _, proof := range proofs {
			judged(t, "a platform name", standing(proof, platform, claimant), network.Taken, platform, network.Contest{})
			judged(t, "the tenant's own", standing(proof, own, claimant), network.Taken, own, network.Contest{})
		}
	})
	t.Run("the claimant is not in its own way", func(t *testing.T) {
		for _, status := range network.Machine.States() {
			s := standing(network.ByRecord)
			s.Domain.Status, s.Domain.Wanted = status, network.Public
			s.Claims = []network.Domain{s.Domain}
			judged(t, string(status), s, network.MayHave, network.Domain{}, network.Contest{})
		}
	})
	t.Run("a hold that is being taken off is waited for, whoever had it", func(t *testing.T) {
		for _, tenant := range []string{"ten_a", "ten_b"} {
			for _, proof := range proofs {
				going := other(claimant.Hostname, network.Releasing)
				lost := other(claimant.Hostname, network.PendingDNS)
				lost.Wanted = network.OnEdge
				failed := other(claimant.Hostname, network.Error)
				failed.Wanted = network.Public
				for _, d := range []network.Domain{going, lost, failed} {
					d.TenantID = claimant.TenantID
					if tenant == "ten_b" {
						d.TenantID = "ten_b"
					}
					judged(t, string(d.Status)+" of "+tenant, standing(proof, claimant, d), network.Withdrawing, d, network.Contest{})
				}
			}
		}
	})
}

func TestStanding_Judge_contests(t *testing.T) {
	const record = network.ByRecord
	of := func(c network.Contest) network.Standing {
		s := standing(record, holder(), claimant)
		s.Contests = []network.Contest{c}
		return s
	}
	t.Run("an open one is waited for until its end, and then it is won", func(t *testing.T) {
		for until, want := range map[time.Duration]network.Verdict{
			time.Hour: network.Contested, time.Nanosecond: network.Contested, 0: network.Won, -time.Hour: network.Won,
		} {
			c := contest(network.ContestOpen, until)
			judged(t, until.String(), of(c), want, holder(), c)
		}
	})
	t.Run("the holder who kept it has it for good", func(t *testing.T) {
		for _, until := range []time.Duration{time.Hour, -time.Hour} {
			c := contest(network.ContestKept, until)
			judged(t, until.String(), of(c), network.Taken, holder(), c)
		}
	})
	t.Run("a holder who lost is waited for until it is released", func(t *testing.T) {
		c := contest(network.ContestLost, -time.Hour)
		judged(t, "verified", of(c), network.Contested, holder(), c)
		s := of(c)
		s.Claims[0].Status = network.Releasing
		judged(t, "releasing", s, network.Withdrawing, s.Claims[0], network.Contest{})
		s.Claims = []network.Domain{claimant}
		judged(t, "released", s, network.MayHave, network.Domain{}, network.Contest{})
	})
	t.Run("one of another contender is waited for, whenever it ends", func(t *testing.T) {
		for _, until := range []time.Duration{time.Hour, -time.Hour} {
			c := contest(network.ContestOpen, until)
			c.ContenderID, c.ContenderTenant = "dom_third", "ten_c"
			judged(t, until.String(), of(c), network.Contested, holder(), c)
		}
	})
	t.Run("one of another contender that ended says nothing about this one", func(t *testing.T) {
		for _, outcome := range []network.ContestOutcome{network.ContestKept, network.ContestLost} {
			c := contest(outcome, -time.Hour)
			c.ContenderID, c.ContenderTenant = "dom_third", "ten_c"
			judged(t, string(outcome), of(c), network.Contestable, holder(), network.Contest{})
		}
	})
	t.Run("one against an earlier holder says nothing about this one", func(t *testing.T) {
		for _, outcome := range []network.ContestOutcome{network.ContestOpen, network.ContestKept, network.ContestLost} {
			c := contest(outcome, -time.Hour)
			c.HolderID, c.HolderTenant = "dom_earlier", "ten_c"
			judged(t, string(outcome), of(c), network.Contestable, holder(), network.Contest{})
		}
	})
	t.Run("a holder who left while it ran comes back by a record, and not by the reservation", func(t *testing.T) {
		running := contest(network.ContestOpen, time.Hour)
		running.ContenderID, running.ContenderTenant = "dom_third", "ten_c"
		running.HolderID, running.HolderTenant = "dom_before", claimant.TenantID
		back := func(proof network.Proof, c network.Contest) network.Standing {
			s := standing(proof, claimant)
			s.Contests = []network.Contest{c}
			return s
		}
		judged(t, "the reservation", back(network.ByReservation, running), network.Withdrawing, network.Domain{}, running)
		judged(t, "a record", back(record, running), network.MayHave, network.Domain{}, network.Contest{})
		over := running
		over.Outcome = network.ContestKept
		judged(t, "once it is over", back(network.ByReservation, over), network.MayHave, network.Domain{}, network.Contest{})
		own := running
		own.ContenderTenant = claimant.TenantID
		judged(t, "its own", back(network.ByReservation, own), network.MayHave, network.Domain{}, network.Contest{})
	})
	t.Run("its own comes before another's", func(t *testing.T) {
		third := contest(network.ContestOpen, time.Hour)
		third.ContenderID = "dom_third"
		kept := contest(network.ContestKept, -time.Hour)
		s := of(third)
		s.Contests = append(s.Contests, kept)
		judged(t, "kept, while a third contends", s, network.Taken, holder(), kept)
	})
	t.Run("without a record there is none to win", func(t *testing.T) {
		for _, proof := range []network.Proof{network.ByPlatform, network.ByGrant, network.ByReservation} {
			s := of(contest(network.ContestOpen, -time.Hour))
			s.Proof = proof
			judged(t, string(proof), s, network.Taken, holder(), network.Contest{})
		}
	})
}

func TestStanding_Judge_names_above(t *testing.T) {
	deep := claimant
	deep.Hostname = "a.b.c.shop.example.com"
	parents := network.Above(deep.Hostname)
	judge := func(proof network.Proof, parent network.Domain) network.Standing {
		return network.Standing{Domain: deep, Proof: proof, Claims: []network.Domain{parent, deep}, Now: now}
	}
	t.Run("another tenant's verified name bars all names below, at every depth", func(t *testing.T) {
		for _, hostname := range parents {
			for _, status := range verified {
				for _, proof := range []network.Proof{network.ByRecord, network.ByReservation} {
					parent := other(hostname, status)
					judged(t, hostname+" "+string(status), judge(proof, parent), network.ParentTaken, parent, network.Contest{})
				}
			}
		}
	})
	t.Run("names that are the operator's to give are not barred", func(t *testing.T) {
		for _, hostname := range parents {
			for _, proof := range []network.Proof{network.ByGrant, network.ByPlatform} {
				judged(t, hostname, judge(proof, other(hostname, network.Active)), network.MayHave, network.Domain{}, network.Contest{})
			}
		}
	})
	t.Run("the tenant's own, and what is not verified, bar nothing", func(t *testing.T) {
		for _, hostname := range parents {
			own := other(hostname, network.Active)
			own.TenantID = deep.TenantID
			judged(t, "own "+hostname, judge(network.ByRecord, own), network.MayHave, network.Domain{}, network.Contest{})
			for _, status := range []network.Status{network.PendingDNS, network.Error, network.Releasing, network.Released} {
				judged(t, string(status)+" "+hostname, judge(network.ByRecord, other(hostname, status)), network.MayHave, network.Domain{}, network.Contest{})
			}
		}
	})
	t.Run("a parent comes before a contest of the name itself", func(t *testing.T) {
		parent, held := other("example.com", network.Active), other(deep.Hostname, network.Active)
		held.ID = "dom_held"
		for _, claims := range [][]network.Domain{{parent, held}, {held, parent}} {
			s := network.Standing{Domain: deep, Proof: network.ByRecord, Claims: claims, Now: now}
			judged(t, "both", s, network.ParentTaken, parent, network.Contest{})
		}
	})
}

func TestOpenContest(t *testing.T) {
	open, kept, lost := contest(network.ContestOpen, 0), contest(network.ContestKept, 0), contest(network.ContestLost, 0)
	if got, ok := network.OpenContest([]network.Contest{kept, lost, open}); !ok || got != open {
		t.Errorf("got %+v, %t", got, ok)
	}
	if got, ok := network.OpenContest([]network.Contest{kept, lost}); ok || got != (network.Contest{}) {
		t.Errorf("got %+v, %t", got, ok)
	}
}

func TestAbove(t *testing.T) {
	for hostname, want := range map[string][]string{
		"a.b.example.com": {"b.example.com", "example.com"}, "www.example.com": {"example.com"}, "example.com": nil, "com": nil, "": nil,
	} {
		if got := network.Above(hostname); !slices.Equal(got, want) {
			t.Errorf("Above(%q) = %q, want %q", hostname, got, want)
		}
	}
}

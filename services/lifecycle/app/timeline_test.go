package app_test

import (
	"testing"
)

func TestTimeline_of_several_domains(t *testing.T) {
	s := stage(t)
	shop := s.serving()
	first, second := s.proved(shop, "first.test"), s.proved(shop, "second.test")
	_, err := s.App.RemoveDomain(t.Context(), s.Caller, first.Domain.ID, "", "")
	must(t, err)
	s.Settle()
	moments, err := s.App.Timeline(t.Context(), s.Caller, shop.ID)
	must(t, err)
	last := map[string]string{}
	steps := map[string]int{}
	for i, m := range moments {
		if i > 0 && m.At.Before(moments[i-1].At) {
			t.Errorf("moment %d is before the one before", i)
		}
		if m.Change != nil {
			last[m.ObjectID] = m.Change.To
		} else {
			steps[m.ObjectID]++
		}
	}
	want := map[string]string{
		string(shop.ID): "ACTIVE", string(s.Get(shop).Primary.Domain.ID): "ACTIVE",
		string(first.Domain.ID): "RELEASED", string(second.Domain.ID): "ACTIVE",
	}
	for object, status := range want {
		if last[object] != status || steps[object] == 0 {
			t.Errorf("%s ends at %s after %d steps, want %s", object, last[object], steps[object], status)
		}
	}
	if len(last) != len(want) {
		t.Errorf("the timeline is of %v", last)
	}
}

package memory

import (
	"reflect"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// Every time that a table keeps is cut, and every list, map and pointer is its own: a new
// field of a row is not forgotten.
func TestSchema_keeps_every_field(t *testing.T) {
	t.Run("tenant", keeps(tenantSchema))
	t.Run("key", keeps(keySchema))
	t.Run("audit", keeps(auditSchema))
	t.Run("site", keeps(siteSchema))
	t.Run("revision", keeps(revisionSchema))
	t.Run("domain", keeps(domainSchema))
	t.Run("evidence", keeps(evidenceSchema))
	t.Run("claim", keeps(claimSchema))
	t.Run("contest", keeps(contestSchema))
	t.Run("zone", keeps(zoneSchema))
	t.Run("condition", keeps(conditionSchema))
	t.Run("history", keeps(historySchema))
	t.Run("event", keeps(eventSchema))
	t.Run("edge", keeps(edgeSchema))
	t.Run("change", keeps(changeSchema))
	t.Run("pin", keeps(pinSchema))
	t.Run("placement", keeps(placementSchema))
	t.Run("join token", keeps(tokenSchema))
	t.Run("tunnel", keeps(tunnelSchema))
	t.Run("tunnel change", keeps(tunnelChangeSchema))
	t.Run("drift", keeps(driftSchema))
	t.Run("hold", keeps(holdSchema))
	t.Run("operation", keeps(operationSchema))
	t.Run("journal", keeps(journalSchema))
	t.Run("request", keeps(requestSchema))
	t.Run("work", func(t *testing.T) {
		at := time.Date(2026, 5, 4, 3, 2, 1, 123456789, time.FixedZone("", 3600))
		row := workRow{dueAt: at, againAt: at, leaseUntil: at}
		workSchema.keep(&row)
		for _, kept := range []time.Time{row.dueAt, row.againAt, row.leaseUntil} {
			isCut(t, "a time", kept)
		}
	})
}

func keeps[R any](s *schema[R]) func(t *testing.T) {
	return func(t *testing.T) {
		var given R
		fill(reflect.ValueOf(&given).Elem())
		kept := given
		s.keep(&kept)
		compare(t, reflect.TypeFor[R]().Name(), reflect.ValueOf(given), reflect.ValueOf(kept))
	}
}

// fill gives every time, list, map and pointer a value.
func fill(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Date(2026, 5, 4, 3, 2, 1, 123456789, time.FixedZone("", 3600))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.Zero(v.Type().Key()), reflect.Zero(v.Type().Elem()))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	}
}

// compare checks that what is kept shares nothing with what was given.
func compare(t *testing.T, name string, given, kept reflect.Value) {
	t.Helper()
	if at, ok := reflect.TypeAssert[time.Time](kept); ok {
		isCut(t, name, at)
		return
	}
	switch kept.Kind() {
	case reflect.Struct:
		for i := range kept.NumField() {
			if field := kept.Type().Field(i); field.IsExported() {
				compare(t, name+"."+field.Name, given.Field(i), kept.Field(i))
			}
		}
	case reflect.Map:
		if given.UnsafePointer() == kept.UnsafePointer() {
			t.Errorf("%s is shared", name)
		}
	case reflect.Slice, reflect.Pointer:
		if given.UnsafePointer() == kept.UnsafePointer() {
			t.Errorf("%s is shared", name)
		}
		if kept.Kind() == reflect.Slice {
			compare(t, name, given.Index(0), kept.Index(0))
			return
		}
		compare(t, name, given.Elem(), kept.Elem())
	}
}

func isCut(t *testing.T, name string, at time.Time) {
	t.Helper()
	if at.Location() != time.UTC || at.Nanosecond() != 123456000 || at.Hour() != 2 {
		t.Errorf("%s is kept as %v", name, at)
	}
}

// The history of an object is one chain, whoever asks for what.
func TestSchema_history(t *testing.T) {
	s := New(Config{})
	change := func(from, to string) error {
		return s.update(t.Context(), func(tx *tx) error {
			c := lifecycle.Change{ObjectID: "site_1", From: from, To: to, Cause: lifecycle.Cause{At: time.Unix(1, 0)}}
			return tx.record(t.Context(), event.SiteStatusChanged, c)
		})
	}
	refused := func(from, to string) {
		t.Helper()
		if err := change(from, to); !breaks(err, "history.from_status") && !breaks(err, "history.to_status") {
			t.Errorf("from %q to %q: got %v", from, to, err)
		}
	}
	refused("CREATED", "ACTIVE")
	refused("", "")
	for _, step := range [][2]string{{"", "CREATED"}, {"CREATED", "ACTIVE"}, {"ACTIVE", "ERROR"}} {
		if err := change(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	refused("", "CREATED")
	refused("ACTIVE", "ERROR")
	err := s.View(t.Context(), func(tx store.Tx) error {
		history, err := tx.HistoryOf(t.Context(), []string{"site_1"})
		if len(history) != 3 {
			t.Errorf("the history is %v", history)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

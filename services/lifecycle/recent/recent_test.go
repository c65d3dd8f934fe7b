package recent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/recent"
)

func TestRows(t *testing.T) {
	setup := func() (r *recent.Rows[string, int], now *time.Time, reads *int, get func(id string) int) {
		now, reads = &time.Time{}, new(int)
		r = recent.New[string, int](time.Second, func() time.Time { return *now })
		return r, now, reads, func(id string) int {
			row, err := r.Get(id, func() (int, error) { *reads++; return *reads, nil })
			if err != nil {
				t.Fatal(err)
			}
			return row
		}
	}
	t.Run("are read once in a while", func(t *testing.T) {
		_, now, reads, get := setup()
		for range 2 {
			if get("a") != 1 || get("b") != 2 {
				t.Errorf("read %d times", *reads)
			}
		}
		*now = now.Add(time.Second - 1)
		if get("a") != 1 {
			t.Error("a was read again too soon")
		}
		*now = now.Add(1)
		if get("a") != 3 {
			t.Error("a was not read again")
		}
	})
	t.Run("are read again when they were forgotten", func(t *testing.T) {
		r, _, _, get := setup()
		get("a")
		get("b")
		r.Forget("a")
		if get("a") != 3 || get("b") != 2 {
			t.Error("others were forgotten, or a was not")
		}
		r.Clear()
		if get("b") != 4 {
			t.Error("b was not forgotten")
		}
	})
	t.Run("are not kept where the reading failed", func(t *testing.T) {
		r, _, _, get := setup()
		failed := errors.New("no database")
		if _, err := r.Get("a", func() (int, error) { return 7, failed }); !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
		if get("a") != 1 {
			t.Error("a failure was kept")
		}
	})
}

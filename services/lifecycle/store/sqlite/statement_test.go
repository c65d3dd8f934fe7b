package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

func TestCache(t *testing.T) {
	setup := func(t *testing.T) *Store {
		s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "db"), synchronous: "OFF"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	missed := func(s *Store, on *cache, do func(tx store.Tx) error) int {
		b, err := s.begin(t.Context(), on)
		if err != nil {
			t.Fatal(err)
		}
		defer b.end(t.Context())
		if err := do(b.transaction(false)); err != nil {
			t.Fatal(err)
		}
		return len(b.prepared.missed)
	}
	look := func(tx store.Tx) error {
		_, err := tx.GetTenant(t.Context(), id.NewTenant())
		var missing *lifecycle.NotFoundError
		if errors.As(err, &missing) {
			err = nil
		}
		return err
	}
	t.Run("keeps a statement from its first use on, for each pool", func(t *testing.T) {
		s := setup(t)
		for _, on := range []*cache{s.reading, s.writing} {
			if n := missed(s, on, look); n != 1 {
				t.Errorf("at first %d statements were not prepared", n)
			}
			if n := missed(s, on, look); n != 0 {
				t.Errorf("then %d were not prepared", n)
			}
		}
	})
	t.Run("does not grow without end", func(t *testing.T) {
		s := setup(t)
		for i := range 2 * maxStatements {
			s.reading.prepare(t.Context(), []string{fmt.Sprintf("SELECT %d", i)})
		}
		if n := len(s.reading.prepared); n != maxStatements {
			t.Errorf("%d are kept", n)
		}
	})
	t.Run("keeps nothing that cannot be prepared", func(t *testing.T) {
		s := setup(t)
		s.reading.prepare(t.Context(), []string{"SELECT nonsense FROM nowhere"})
		if len(s.reading.prepared) != 0 {
			t.Error("nonsense is kept")
		}
	})
	t.Run("never waits for the transaction that it is called in", func(t *testing.T) {
		s := setup(t)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.Update(ctx, func(tx store.Tx) error { return look(tx) }); err != nil {
			t.Error(err)
		}
	})
}

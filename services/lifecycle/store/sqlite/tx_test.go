package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
)

func insertTenant(t *testing.T, s *Store) {
	t.Helper()
	must(t, s.Update(t.Context(), func(tx store.Tx) error {
		return tx.InsertTenant(t.Context(), admin.Tenant{ID: "ten_1", Name: "default", CreatedAt: time.Unix(1, 0)})
	}))
}

func TestStore_View(t *testing.T) {
	t.Run("shows one snapshot while others commit", func(t *testing.T) {
		s := openTest(t, Config{})
		must(t, s.View(t.Context(), func(tx store.Tx) error {
			if _, err := tx.Era(t.Context()); err != nil { // the snapshot begins here
				return err
			}
			insertTenant(t, s)
			_, err := tx.TenantByName(t.Context(), "default")
			var missing *lifecycle.NotFoundError
			if !errors.As(err, &missing) {
				t.Errorf("got %v, want the snapshot of before", err)
			}
			return nil
		}))
	})
	t.Run("says that it cannot write", func(t *testing.T) {
		s := openTest(t, Config{})
		err := s.View(t.Context(), func(tx store.Tx) error {
			return tx.InsertTenant(t.Context(), admin.Tenant{ID: "ten_1", Name: "default", CreatedAt: time.Unix(1, 0)})
		})
		if !errors.Is(err, errReadOnly) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestStore_Update(t *testing.T) {
	t.Run("stamps what it updates by its clock", func(t *testing.T) {
		now := time.Date(2031, 1, 2, 3, 4, 5, 6000, time.UTC)
		s := openTest(t, Config{Clock: func() time.Time { return now }})
		owner, domain := storetest.Everything(t, s)
		must(t, s.Update(t.Context(), func(tx store.Tx) error {
			must(t, tx.UpdateSite(t.Context(), owner))
			must(t, tx.UpdateDomain(t.Context(), domain))
			owner, _ = tx.GetSite(t.Context(), owner.TenantID, owner.ID)
			domain, _ = tx.GetDomain(t.Context(), domain.TenantID, domain.ID)
			return nil
		}))
		if !owner.UpdatedAt.Equal(now) || !domain.UpdatedAt.Equal(now) {
			t.Fatalf("updated at %v and %v", owner.UpdatedAt, domain.UpdatedAt)
		}
	})
	t.Run("says that the database is unavailable while another process holds the lock", func(t *testing.T) {
		s := openTest(t, Config{})
		other := lock(t, s)
		defer func() { must(t, other.Rollback()) }()
		// The lock's owner never lets go, so no wait for it is worth while here.
		_, err := s.writer.Exec(`PRAGMA busy_timeout = 0`)
		must(t, err)
		err = s.Update(t.Context(), func(store.Tx) error { return nil })
		var unavailable *lifecycle.UnavailableError
		if !errors.As(err, &unavailable) || unavailable.What != "database" || unavailable.RetryAfter <= 0 {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("runs the closure again when the file was locked, but not for ever", func(t *testing.T) {
		s := openTest(t, Config{})
		runs := 0
		busy := func(failures int) error {
			runs = 0
			return s.Update(t.Context(), func(store.Tx) error {
				if runs++; runs <= failures {
					return unavailable(errBusy)
				}
				return nil
			})
		}
		must(t, busy(maxRuns-1))
		if err := busy(maxRuns); !errors.Is(err, errBusy) || runs != maxRuns {
			t.Fatalf("got %v after %d runs", err, runs)
		}
	})
	t.Run("does not run the closure again for any other error", func(t *testing.T) {
		s := openTest(t, Config{})
		runs := 0
		err := s.Update(t.Context(), func(store.Tx) error {
			runs++
			return lifecycle.ErrLostRace
		})
		if !errors.Is(err, lifecycle.ErrLostRace) || runs != 1 {
			t.Fatalf("got %v after %d runs", err, runs)
		}
	})
	t.Run("waits for the one writer no longer than its context", func(t *testing.T) {
		s := openTest(t, Config{})
		must(t, s.Update(t.Context(), func(store.Tx) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if err := s.Update(ctx, func(store.Tx) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			return nil
		}))
	})
}

// lock begins a writing transaction as another process would.
func lock(t *testing.T, s *Store) *sql.Tx {
	t.Helper()
	other, err := sql.Open(driver, "file:"+s.path+"?_txlock=immediate")
	must(t, err)
	t.Cleanup(func() { must(t, other.Close()) })
	begun, err := other.Begin()
	must(t, err)
	return begun
}

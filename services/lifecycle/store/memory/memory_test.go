package memory_test

import (
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/memory"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB, clock func() time.Time) store.Store {
		return memory.New(memory.Config{Clock: clock})
	})
}

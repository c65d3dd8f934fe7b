package cloudflare

import "time"

// settle is how long a list may lag behind what was written.
const settle = 10 * time.Second

// hidden remembers the hostnames where something was made, or may have been, that
// no list has shown yet. An old list says that nothing is there, and the rule
// would go while the record stays.
type hidden map[string]time.Time

// made notes that something is about to be made.
func (h hidden) made(hostname string) { h[hostname] = time.Now() }

// found notes that a list has shown it.
func (h hidden) found(hostname string) { delete(h, hostname) }

// may says whether something may be there that lists do not show.
func (h hidden) may(hostname string) bool {
	at, noted := h[hostname]
	if noted && time.Since(at) >= settle {
		delete(h, hostname)
		return false
	}
	return noted
}

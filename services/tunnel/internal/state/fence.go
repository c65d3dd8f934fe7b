package state

import "github.com/siteplane/siteplane/services/tunnel/internal/fence"

// Raise lets a caller in: its fence becomes the highest and is on disk. A lower
// one than the highest is refused with *fence.Stale, the same is not.
func (d *Dir) Raise(f fence.Fence) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(f); err != nil {
		return err
	}
	if f == d.fence {
		return nil
	}
	if err := d.write(fenceFile, f, true); err != nil {
		return err
	}
	d.fence = f
	return nil
}

// Check refuses a fence that is not the highest any more.
func (d *Dir) Check(f fence.Fence) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.check(f)
}

func (d *Dir) check(f fence.Fence) error {
	if f.Compare(d.fence) < 0 {
		return &fence.Stale{Got: f, Seen: d.fence}
	}
	return nil
}

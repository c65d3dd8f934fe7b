package state

// version says which version of which tunnel's configuration was ours.
type version struct {
	TunnelID string `json:"tunnel_id"`
	Version  int64  `json:"version"`
}

// Ours returns the version of the tunnel's configuration that was noted last; 0
// when none was.
func (d *Dir) Ours(tunnelID string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.version.TunnelID != tunnelID {
		return 0
	}
	return d.version.Version
}

// NoteOurs notes a version of the tunnel's configuration.
func (d *Dir) NoteOurs(tunnelID string, number int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := version{tunnelID, number}
	if err := d.write(versionFile, now, false); err != nil {
		return err
	}
	d.version = now
	return nil
}

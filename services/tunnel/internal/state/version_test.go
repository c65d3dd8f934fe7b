package state

import "testing"

func TestDir_Ours_is_of_one_tunnel_and_survives_a_restart(t *testing.T) {
	d := open(t, t.TempDir())
	if got := d.Ours("t1"); got != 0 {
		t.Errorf("before anything was noted it is %d", got)
	}
	for _, number := range []int64{12, 14, 3} {
		if err := d.NoteOurs("t1", number); err != nil {
			t.Fatal(err)
		}
		if d = reopen(t, d); d.Ours("t1") != number || d.Ours("t2") != 0 {
			t.Errorf("it is %d, and %d of another tunnel, want %d", d.Ours("t1"), d.Ours("t2"), number)
		}
	}
}

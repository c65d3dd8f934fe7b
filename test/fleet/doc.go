// Package fleet runs an installation on hosts of its own: lifecycle, tunnel and DNS
// validator on one, edges on others, visitors on another, each with a network, a file
// system and processes apart, joined by a switch whose links can be cut both ways or
// one way. All programs are real; systemctl is a stand-in that reads the real units.
//
// The life of a host is what docs/edge.md tells people to type, as it stands there.
//
// Nothing is left of a run, however it ends: a host is a process namespace, which the
// kernel clears when the test is gone.
package fleet

// Package simulate plays the whole lifecycle core in one process, with several
// replicas on one database, under every fault that the fakes know, and looks after
// each action whether anything is as it must never be.
//
//	schedule (plain data, drawn from a seed, printable, replayable)
//	   |
//	   v
//	callers ---> replica 0     replica 1 ... replica n     real app.ControlPlane,
//	   |            |   \       /   |                      real work loops
//	   |         [doors: slow, paused, dead, refusing, answer lost, run twice]
//	   |            |     \   /     |
//	   |        database   \ /   edges, tunnel, DNS        one memory store, the
//	   |            |       X       |                      hostile fakes of infra/fake
//	   +------> invariants, after every action, on one snapshot
//	                |
//	            heal, run until idle, invariants of a converged world
//
// Everything of one run lives in a bubble of testing/synctest: time is fake and
// passes only while everybody waits. Each call of a replica to what is outside of it
// goes through a door, which takes a chosen while; so who comes before whom is the
// seed's choice and not the machine's. Test it with GOMAXPROCS=1.
//
// Where things go: schedule.go says what a schedule is and draws one, actions.go and
// outside.go do its actions, caller.go is the tenant who repeats what got no answer;
// replica.go starts, kills and stops replicas, door.go has their faults, database.go
// and infrastructure.go are the doors; invariants*.go judge, converge.go heals and
// judges the end, shrink.go makes a failing schedule short, tally.go counts what must
// have happened at least once for all this to mean anything.
//
// It must not know how the engine does its work: what it judges are rows, events,
// answers, and what the fakes hold.
package simulate

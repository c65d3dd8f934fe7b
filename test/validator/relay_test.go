package validator_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// relayWait bounds one question that a relay hands on.
const relayWait = 5 * time.Second

// relay hands on every question that arrives at one address to another, byte for
// byte, until the test ends. bind9 listens only at addresses that an interface
// has, which on loopback is one, and name servers are told apart by address.
func relay(t *testing.T, host string, port int, to string) {
	t.Helper()
	at := fmt.Sprintf("%s:%d", host, port)
	listener, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	var under sync.WaitGroup
	under.Go(func() { relayStreams(listener, to, &under) })
	under.Go(func() { relayPackets(packets, to, &under) })
	t.Cleanup(func() {
		_, _ = listener.Close(), packets.Close()
		under.Wait()
	})
}

func relayPackets(packets net.PacketConn, to string, under *sync.WaitGroup) {
	for {
		question := make([]byte, 64<<10)
		n, from, err := packets.ReadFrom(question)
		if err != nil {
			return
		}
		under.Go(func() {
			answer := make([]byte, 64<<10)
			if m := exchange(to, question[:n], answer); m > 0 {
				_, _ = packets.WriteTo(answer[:m], from) // Who waits for it notices.
			}
		})
	}
}

// exchange asks over UDP and returns how long the answer is, 0 for none.
func exchange(to string, question, answer []byte) int {
	conn, err := net.Dial("udp", to)
	if err != nil {
		return 0
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(relayWait))
	if _, err := conn.Write(question); err != nil {
		return 0
	}
	n, err := conn.Read(answer)
	if err != nil {
		return 0
	}
	return n
}

func relayStreams(listener net.Listener, to string, under *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		under.Go(func() { relayStream(conn, to) })
	}
}

func relayStream(conn net.Conn, to string) {
	defer conn.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	for _, c := range []net.Conn{conn, server} {
		_ = c.SetDeadline(time.Now().Add(relayWait))
	}
	var asked sync.WaitGroup
	asked.Go(func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	})
	_, _ = io.Copy(conn, server)
	_ = conn.Close()
	asked.Wait()
}

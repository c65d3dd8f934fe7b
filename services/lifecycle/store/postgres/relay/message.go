package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// longest bounds a message.
const longest = 64 << 20

// message is one of the protocol:
// https://www.postgresql.org/docs/15/protocol-message-formats.html
type message struct {
	// kind is the first byte; zero for the message that begins a connection.
	kind byte
	// bytes are the whole message, body what follows its length.
	bytes, body []byte
}

// read reads a message; the first one of a client has no kind.
func read(from io.Reader, first bool) (m message, err error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(from, head); err != nil {
		return message{}, err
	}
	if !first {
		m.kind = head[0]
	}
	length := binary.BigEndian.Uint32(head[len(head)-4:])
	if length < 4 || length > longest {
		return message{}, fmt.Errorf("a message of %d bytes", length)
	}
	m.bytes = append(head, make([]byte, length-4)...)
	m.body = m.bytes[len(head):]
	_, err = io.ReadFull(from, m.body)
	return m, err
}

// word returns the text that ends with a zero byte, and where the next begins.
func (m message) word(at int) (string, int) {
	if at > len(m.body) {
		return "", at
	}
	text, _, _ := bytes.Cut(m.body[at:], []byte{0})
	return string(text), at + len(text) + 1
}

// commits reports whether it is the server's word that a COMMIT has ended, well or not.
func (m message) commits() bool {
	tag, _ := m.word(0)
	return m.kind == 'C' && tag == "COMMIT" || m.kind == 'Z'
}

package main

import "encoding/binary"

// The messages of PostgreSQL's protocol that matter here, by the byte that they begin
// with: https://www.postgresql.org/docs/15/protocol-message-formats.html
const (
	// Of the client.
	wireParse    = 'P'
	wireDescribe = 'D'
	wireBind     = 'B'
	wireExecute  = 'E'
	wireClose    = 'C'
	wireSync     = 'S'
	wireQuery    = 'Q'
	// Of the server.
	wireReady    = 'Z'
	wireError    = 'E'
	wireComplete = 'C'
)

const (
	// wireIdle is the state of a connection outside of a transaction.
	wireIdle = 'I'
	// wireStatement is what is described or closed, and not a portal.
	wireStatement = 'S'
)

// wireHead is the type of a message and its length, which counts itself.
const wireHead = 5

// wireMessage is one message; the first of a client has no type.
type wireMessage struct {
	kind byte
	body []byte
}

// wireReader cuts a stream of bytes into messages.
type wireReader struct {
	// untyped says that the next message is the client's first.
	untyped bool
	left    []byte
}

// read takes what came next and calls each for every message that is complete then; raw
// is the message as it came. Both hold until each returns.
func (r *wireReader) read(came []byte, each func(m wireMessage, raw []byte)) {
	r.left = append(r.left, came...)
	rest := r.left
	for {
		head := wireHead
		if r.untyped {
			head--
		}
		if len(rest) < head {
			break
		}
		size := head - 4 + int(binary.BigEndian.Uint32(rest[head-4:]))
		if len(rest) < size {
			break
		}
		m := wireMessage{body: rest[head:size]}
		if !r.untyped {
			m.kind = rest[0]
		}
		r.untyped = false
		each(m, rest[:size])
		rest = rest[size:]
	}
	r.left = append(r.left[:0], rest...)
}

// wireText is the text that ends at the first zero byte, and what follows it.
func wireText(body []byte) (text string, rest []byte) {
	for i, b := range body {
		if b == 0 {
			return string(body[:i]), body[i+1:]
		}
	}
	return string(body), nil
}

// wireCode is the SQLSTATE of an error.
func wireCode(body []byte) string {
	for len(body) > 1 {
		field := body[0]
		text, rest := wireText(body[1:])
		if field == 'C' {
			return text
		}
		body = rest
	}
	return ""
}

// wireSettings are what a client's first message asks for.
func wireSettings(body []byte) map[string]string {
	settings := map[string]string{}
	for body = body[4:]; len(body) > 1; { // after the version of the protocol
		name, rest := wireText(body)
		settings[name], body = wireText(rest)
	}
	return settings
}

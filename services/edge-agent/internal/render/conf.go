package render

import (
	"bytes"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

// literal is text from this source: an untyped constant converts by itself, a
// string variable does not.
type literal = encode.Literal

// conf writes nginx syntax with indentation.
type conf struct {
	buffer bytes.Buffer
	depth  int
}

func (c *conf) bytes() []byte { return c.buffer.Bytes() }

func (c *conf) indent() {
	for range c.depth {
		c.buffer.WriteString("    ")
	}
}

func (c *conf) blank() { c.buffer.WriteByte('\n') }

func (c *conf) comment(lines ...literal) {
	for _, line := range lines {
		c.indent()
		c.buffer.WriteString("# ")
		c.buffer.WriteString(string(line))
		c.buffer.WriteByte('\n')
	}
}

func (c *conf) words(name literal, parameters []encode.Token) {
	c.indent()
	c.buffer.WriteString(string(name))
	for _, parameter := range parameters {
		c.buffer.WriteByte(' ')
		c.buffer.WriteString(parameter.Token())
	}
}

// directive writes name and its parameters on one line.
func (c *conf) directive(name literal, parameters ...encode.Token) {
	c.words(name, parameters)
	c.buffer.WriteString(";\n")
}

// list writes name and one parameter per line.
func (c *conf) list(name literal, parameters []encode.Token) {
	c.words(name, nil)
	c.depth++
	for _, parameter := range parameters {
		c.blank()
		c.indent()
		c.buffer.WriteString(parameter.Token())
	}
	c.depth--
	c.buffer.WriteString(";\n")
}

// entry writes one line of a map.
func (c *conf) entry(key, value encode.Token) {
	c.indent()
	c.buffer.WriteString(key.Token())
	c.buffer.WriteByte(' ')
	c.buffer.WriteString(value.Token())
	c.buffer.WriteString(";\n")
}

// block writes name, its parameters and what body writes in braces.
func (c *conf) block(name literal, parameters []encode.Token, body func()) {
	c.words(name, parameters)
	c.buffer.WriteString(" {\n")
	c.depth++
	body()
	c.depth--
	c.indent()
	c.buffer.WriteString("}\n")
}

func tokens(values ...encode.Token) []encode.Token { return values }

package encode

// Literal is text from this program's source or from the agent's validated
// configuration, never from a site.
type Literal string

// Token returns the text as it is.
func (l Literal) Token() string { return string(l) }

func (Literal) sealed() {}

package relational

import "sync"

// maxTranslations bounds the texts that are kept translated. Ours are some two
// hundred; filters of callers make more, and those beyond are translated each time.
const maxTranslations = 1000

// Translations keeps what a database makes of our texts.
type Translations struct {
	translate func(text string) string

	mu   sync.RWMutex
	made map[string]string
}

// NewTranslations returns one for a way of translating.
func NewTranslations(translate func(text string) string) *Translations {
	return &Translations{translate: translate, made: map[string]string{}}
}

// Of returns the translation of a text.
func (t *Translations) Of(text string) string {
	t.mu.RLock()
	made, ok := t.made[text]
	t.mu.RUnlock()
	if ok {
		return made
	}
	made = t.translate(text)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.made) < maxTranslations {
		t.made[text] = made
	}
	return made
}

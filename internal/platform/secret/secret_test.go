package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/secret"
)

const value = "hunter2"

type config struct {
	Name  string
	Token secret.Secret
}

func TestSecret_never_shows(t *testing.T) {
	cfg := config{Name: "cloudflare", Token: value}
	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s"} {
		shown = append(shown, fmt.Sprintf(verb, cfg.Token), fmt.Sprintf(verb, cfg), fmt.Sprintf(verb, &cfg),
			fmt.Sprintf(verb, []secret.Secret{value}), fmt.Sprintf(verb, map[string]secret.Secret{"a": value}))
	}
	shown = append(shown, fmt.Errorf("dial with %s: %w", cfg.Token, errors.New("refused")).Error(), logged(cfg), marshalled(t, cfg))
	for _, s := range shown {
		if strings.Contains(s, value) || strings.Contains(s, fmt.Sprintf("%x", value)) || strings.Contains(s, fmt.Sprintf("%X", value)) {
			t.Errorf("the secret shows in %q", s)
		}
	}
}

func logged(cfg config) string {
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).Info("start", "token", cfg.Token, "config", cfg)
	}
	return out.String()
}

func marshalled(t *testing.T, cfg config) string {
	t.Helper()
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	asXML, err := xml.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return string(asJSON) + string(asXML)
}

func TestSecret_shows_whether_it_is_set(t *testing.T) {
	for _, tt := range []struct {
		secret secret.Secret
		want   string
	}{{value, secret.Redacted}, {"", ""}} {
		if got := tt.secret.String(); got != tt.want {
			t.Errorf("String() = %q, want %q", got, tt.want)
		}
		if got := fmt.Sprint(tt.secret); got != tt.want {
			t.Errorf("Sprint = %q, want %q", got, tt.want)
		}
		if got := tt.secret.LogValue().String(); got != tt.want {
			t.Errorf("LogValue() = %q, want %q", got, tt.want)
		}
	}
}

func TestSecret_Reveal_returns_the_value(t *testing.T) {
	if got := secret.Secret(value).Reveal(); got != value {
		t.Errorf("Reveal() = %q", got)
	}
}

func TestSecret_is_read_from_JSON(t *testing.T) {
	var cfg config
	if err := json.Unmarshal([]byte(`{"Token":"hunter2"}`), &cfg); err != nil || cfg.Token.Reveal() != value {
		t.Errorf("read %q, %v", cfg.Token.Reveal(), err)
	}
}

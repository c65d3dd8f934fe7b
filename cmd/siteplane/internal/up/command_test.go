package up

import (
	"log/slog"
	"testing"
)

func TestSuitTerminal(t *testing.T) {
	for name, c := range map[string]struct {
		args     []string
		terminal bool
		format   string
		level    slog.Level
	}{
		"a terminal shows little, for people":   {nil, true, "text", slog.LevelWarn},
		"a program reads everything, as JSON":   {nil, false, "json", slog.LevelInfo},
		"what is given holds on a terminal":     {[]string{"--log-level", "debug", "--log-format", "json"}, true, "json", slog.LevelDebug},
		"what is given holds without one":       {[]string{"--log-level", "error", "--log-format", "text"}, false, "text", slog.LevelError},
		"info that is given is not the default": {[]string{"--log-level", "info"}, true, "text", slog.LevelInfo},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Defaults()
			cmd := commandOf(&cfg)
			if err := cmd.ParseFlags(c.args); err != nil {
				t.Fatal(err)
			}
			suitTerminal(cmd, &cfg, c.terminal)
			if cfg.LogFormat != c.format || cfg.LogLevel != c.level {
				t.Errorf("the log is %s from %s on", cfg.LogFormat, cfg.LogLevel)
			}
		})
	}
}

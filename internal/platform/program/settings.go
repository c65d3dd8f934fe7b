package program

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// environment is the prefix of the variables that stand for flags.
const environment = "SITEPLANE"

// errHelp is the end of a program that was asked for help.
var errHelp = errors.New("help was asked for")

// Logging is what every program lets its operator set.
type Logging struct {
	LogFormat    string     `help:"How log lines are written: json or text. Default: text on a terminal, json elsewhere." placeholder:"FORMAT"`
	LogLevel     slog.Level `help:"The least level that is logged: debug, info, warn or error." default:"info" placeholder:"LEVEL"`
	OTLPEndpoint string     `name:"otlp-endpoint" help:"Where traces go, OTLP over gRPC. Default: nowhere." placeholder:"HOST:PORT"`
}

func (l Logging) check() error {
	switch l.LogFormat {
	case "", "json", "text":
		return nil
	}
	return fmt.Errorf("--log-format %q: must be json or text", l.LogFormat)
}

func (l Logging) config(service string, log io.Writer) telemetry.Config {
	return telemetry.Config{
		Service: service, OTLPEndpoint: l.OTLPEndpoint, Log: log, LogFormat: l.LogFormat, LogLevel: l.LogLevel,
	}
}

// read returns the settings of flags and environment, or everything that is
// wrong with them.
func (p Program[S]) read(args []string, out io.Writer) (S, Logging, error) {
	var flags struct {
		Own     S       `embed:""`
		Logging Logging `embed:"" group:"Logs and traces"`
	}
	var wrong problems
	helped := false
	options := append(wrong.values(),
		kong.Name(p.Name), kong.Description(p.About), kong.Vars(p.Defaults),
		kong.DefaultEnvars(environment), kong.Writers(out, out), kong.Exit(func(int) { helped = true }),
		kong.ValueFormatter(describe), kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 110}))
	parser, err := kong.New(&flags, options...)
	if err != nil {
		return flags.Own, flags.Logging, fmt.Errorf("describe the settings: %w", err)
	}
	_, err = parser.Parse(args)
	if helped {
		return flags.Own, flags.Logging, errHelp
	}
	if err != nil { // not everything was read, so there is nothing to check yet
		return flags.Own, flags.Logging, errors.Join(append(wrong.found, err)...)
	}
	return flags.Own, flags.Logging, errors.Join(append(wrong.found, flags.Own.Check(), flags.Logging.check())...)
}

// describe is the help of a flag with its default and its variable.
func describe(v *kong.Value) string {
	text := v.Help
	if v.Default != "" {
		text += " Default: " + v.Default + "."
	}
	if len(v.Tag.Envs) > 0 {
		text += " [" + strings.Join(v.Tag.Envs, ", ") + "]"
	}
	return text
}

// problems collects values that are none. The parser would end at the first.
type problems struct {
	found []error
}

// values reads the types that a text may not fit.
func (p *problems) values() []kong.Option {
	return []kong.Option{
		value(p, "a whole number", strconv.Atoi),
		value(p, "a duration such as 30s, 10m or 72h", time.ParseDuration),
		value(p, "debug, info, warn or error", func(text string) (l slog.Level, err error) { return l, l.UnmarshalText([]byte(text)) }),
		value(p, "a network such as 10.0.0.0/8", netip.ParsePrefix),
		value(p, "an address as ip:port", netip.ParseAddrPort),
	}
}

// value reads a type with a function; what it cannot read is a problem and leaves
// the zero value.
func value[T any](p *problems, want string, parse func(string) (T, error)) kong.Option {
	var zero T
	return kong.TypeMapper(reflect.TypeOf(zero), kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("value", &text); err != nil {
			return err
		}
		parsed, err := parse(text)
		if err != nil {
			p.found = append(p.found, fmt.Errorf("--%s %q: must be %s", ctx.Value.Name, text, want))
			return nil
		}
		target.Set(reflect.ValueOf(parsed))
		return nil
	}))
}

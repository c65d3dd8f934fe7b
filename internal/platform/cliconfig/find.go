package cliconfig

import "errors"

// EnvContext is the environment variable that names a context.
const EnvContext = "SITEPLANE_CONTEXT"

// Choice is what somebody said about which config is meant; both may be empty.
type Choice struct {
	// File is a config file, Context the name of a context.
	File, Context string
}

// ErrTwoChoices says that a file and a context are named at once.
var ErrTwoChoices = errors.New("a config file and a context are named; one of them is enough")

// Source is where a config comes from.
type Source struct {
	// File is the config file.
	File string
	// Context is the name of the context that it is, empty where it is none.
	Context string
	// Because says what chose it: a flag, a variable, the current context, or that
	// nothing did.
	Because string
}

// Find reads the config that is meant. From the first to the last, what decides is:
// the choice, $SITEPLANE_CONFIG, $SITEPLANE_CONTEXT, the current context, and cli.json
// where `siteplane up` writes it.
func Find(getenv func(string) string, choice Choice) (Source, Config, error) {
	source, err := locate(getenv, choice)
	if err != nil {
		return source, Config{}, err
	}
	if source.Context == "" {
		config, err := Read(source.File)
		return source, config, err
	}
	contexts, err := ContextsOf(getenv)
	if err != nil {
		return source, Config{}, err
	}
	config, err := contexts.Read(source.Context)
	return source, config, err
}

func locate(getenv func(string) string, choice Choice) (Source, error) {
	switch {
	case choice.File != "" && choice.Context != "":
		return Source{}, ErrTwoChoices
	case choice.File != "":
		return Source{File: choice.File, Because: "--config"}, nil
	case choice.Context != "":
		return contextSource(getenv, choice.Context, "--context")
	case getenv(EnvPath) != "":
		return Source{File: getenv(EnvPath), Because: "$" + EnvPath}, nil
	case getenv(EnvContext) != "":
		return contextSource(getenv, getenv(EnvContext), "$"+EnvContext)
	}
	// Without a home there are no contexts; Path says then what is missing.
	if contexts, err := ContextsOf(getenv); err == nil {
		current, err := contexts.Current()
		if err != nil {
			return Source{}, err
		}
		if current != "" {
			return contextSource(getenv, current, "the current context")
		}
	}
	path, err := Path(getenv)
	return Source{File: path, Because: "nothing else is chosen"}, err
}

func contextSource(getenv func(string) string, name, because string) (Source, error) {
	contexts, err := ContextsOf(getenv)
	if err != nil {
		return Source{}, err
	}
	path, err := contexts.Path(name)
	return Source{File: path, Context: name, Because: because}, err
}

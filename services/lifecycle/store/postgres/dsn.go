package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// reachLimit is how long a database may take to let somebody in.
const reachLimit = 5 * time.Second

// Describe returns a DSN as it may be shown, without the password and the settings:
// postgres://USER@HOST:PORT/NAME, with several hosts where the DSN has them. Environment
// and service file fill in what it leaves out, as they do for libpq. The error shows no
// password either.
func Describe(dsn string) (string, error) {
	cfg, err := parse(dsn)
	if err != nil {
		return "", err
	}
	hosts := []string{address(cfg.Host, cfg.Port)}
	for _, other := range cfg.Fallbacks {
		if host := address(other.Host, other.Port); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return "postgres://" + url.User(cfg.User).String() + "@" + strings.Join(hosts, ",") + "/" + cfg.Database, nil
}

// parse reads a DSN. Its error quotes nothing of the DSN: what cannot be read may be the
// password.
func parse(dsn string) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig(dsn)
	if err == nil {
		return cfg, nil
	}
	if _, readable := url.Parse(dsn); readable != nil {
		return nil, errors.New("is no URL; a character of the password that has a meaning there is written as % and its two hexadecimal digits")
	}
	_, why, _ := strings.Cut(plain(err), "`: ")
	return nil, errors.New(why)
}

func address(host string, port uint16) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s:%d", host, port)
}

// Reach returns nil once the database has let us in. One that does not answer is
// *lifecycle.UnavailableError; one that refuses us, for its name or ours, is another
// error, which waiting does not heal.
func Reach(ctx context.Context, dsn string) error {
	cfg, err := parse(dsn)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeoutCause(ctx, reachLimit, unavailable(fmt.Errorf("no answer within %s", reachLimit)))
	defer cancel()
	conn, err := pgconn.ConnectConfig(within, cfg)
	if err != nil {
		return mapped(within, innermost(err))
	}
	_ = conn.Close(within) // it has answered
	return nil
}

// innermost is what was wrong with the last host that was tried, which says it all to
// somebody who knows which host it is.
func innermost(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused
	}
	return err
}

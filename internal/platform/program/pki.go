package program

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

const (
	// reloadEvery is how soon a renewed certificate is taken.
	reloadEvery = 10 * time.Second
	// warnBefore is how long before the end of a certificate the log begins to
	// say so.
	warnBefore = 14 * 24 * time.Hour
	// warnEvery is how often it says so.
	warnEvery = 24 * time.Hour
)

// PKI says where a program keeps what it proves itself with.
type PKI struct {
	Dir  string `name:"pki" help:"Folder of this program from 'siteplane pki init': tls.crt, tls.key and ca.crt. They are read again when they change." placeholder:"DIR"`
	Cert string `help:"Certificate, in place of the one in --pki." placeholder:"FILE"`
	Key  string `help:"Its key, in place of the one in --pki." placeholder:"FILE"`
	CA   string `name:"ca" help:"CA that callers and called must come from, in place of the one in --pki." placeholder:"FILE"`

	// Renewed says that the program renews its certificate by itself, and warns
	// where it cannot.
	Renewed bool `kong:"-"`
	// Untimely says that the program goes on with a certificate that has expired or
	// is not yet valid, until there is a renewed one.
	Untimely bool `kong:"-"`
}

func (k PKI) files() identity.Files {
	in := identity.FilesIn(k.Dir)
	return identity.Files{Certificate: or(k.Cert, in.Certificate), Key: or(k.Key, in.Key), CA: or(k.CA, in.CA)}
}

func or(given, otherwise string) string {
	if given != "" {
		return given
	}
	return otherwise
}

// Check reports what is wrong with the files.
func (k PKI) Check() error {
	if k.Dir == "" && (k.Cert == "" || k.Key == "" || k.CA == "") {
		return errors.New("--pki: is missing; give this program's folder from `siteplane pki init`, or all of --cert, --key and --ca")
	}
	_, _, err := k.load()
	return err
}

// load returns the identity and, where it is taken all the same, why nobody will
// believe it now.
func (k PKI) load() (i *identity.Identity, late, err error) {
	files := k.files()
	i, err = identity.Load(files)
	if err == nil || !k.Untimely {
		return i, nil, err
	}
	if i, untimely := identity.LoadUntimely(files); untimely == nil {
		return i, err, nil
	}
	return nil, nil, err
}

// Open returns the identity, and follows its files until the context is done.
func (k PKI) Open(ctx context.Context, logger *slog.Logger) (*identity.Identity, error) {
	files := k.files()
	loaded, late, err := k.load()
	if err != nil {
		return nil, err
	}
	if late != nil {
		logger.ErrorContext(ctx, "nobody believes the certificate now", "error", late)
	}
	f := followed{file: files.Certificate, end: loaded.NotAfter, reload: func() (bool, error) { return loaded.Reload(files) }, quiet: k.Renewed}
	go f.follow(ctx, logger)
	return loaded, nil
}

// PublicPKI says where the certificate of a public listener is.
type PublicPKI struct {
	PublicCert string `help:"Certificate of the public listeners, perhaps with its chain. Default: public.crt in --pki." placeholder:"FILE"`
	PublicKey  string `help:"Its key. Default: public.key in --pki." placeholder:"FILE"`
}

func (k PublicPKI) files(dir string) identity.ServerFiles {
	in := identity.ServerFilesIn(dir)
	return identity.ServerFiles{Certificate: or(k.PublicCert, in.Certificate), Key: or(k.PublicKey, in.Key)}
}

// Check reports what is wrong with the files; dir is that of PKI.
func (k PublicPKI) Check(dir string) error {
	if dir == "" && (k.PublicCert == "" || k.PublicKey == "") {
		return errors.New("--public-cert, --public-key: are missing; give both, or --pki")
	}
	_, err := identity.LoadServer(k.files(dir))
	return err
}

// Open returns the certificate, and follows its files until the context is done.
func (k PublicPKI) Open(ctx context.Context, dir string, logger *slog.Logger) (*identity.Server, error) {
	files := k.files(filepath.Clean(dir))
	loaded, err := identity.LoadServer(files)
	if err != nil {
		return nil, err
	}
	f := followed{file: files.Certificate, end: loaded.NotAfter, reload: func() (bool, error) { return loaded.Reload(files) }}
	go f.follow(ctx, logger)
	return loaded, nil
}

// followed is a certificate in a file that may be replaced.
type followed struct {
	file   string
	end    func() time.Time
	reload func() (changed bool, err error)
	// quiet says that somebody else warns of its end.
	quiet bool
}

// follow takes renewed certificates and says so, and warns of one that ends soon.
// A failure is said once, at the second look: files may be half copied at the first.
func (f followed) follow(ctx context.Context, logger *slog.Logger) {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	var failed, said string
	var warned time.Time
	for {
		if left := time.Until(f.end()); !f.quiet && left < warnBefore && time.Since(warned) > warnEvery {
			logger.WarnContext(ctx, "certificate ends soon: run `siteplane pki init --renew`", "file", f.file, "until", f.end())
			warned = time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := f.reload()
		switch {
		case err == nil:
			failed, said = "", ""
		case err.Error() != failed:
			failed = err.Error()
		case failed != said:
			said = failed
			logger.ErrorContext(ctx, "certificate not read again, the old one stays", "file", f.file, "error", said)
		}
		if changed {
			logger.InfoContext(ctx, "certificate renewed", "file", f.file, "until", f.end())
		}
	}
}

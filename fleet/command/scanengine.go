package command

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/queue"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
)

// engineFlags say where the queue of a scan is.
type engineFlags struct {
	listen, url, creds, tokenFile string
	ca                            []string
	cert, key                     string
	tokenFlag                     string // the name of the flag for tokenFile
}

func (f *engineFlags) add(c *cobra.Command) {
	f.addShared(c, "token-file")
}

// addShared adds them with the token under another name.
func (f *engineFlags) addShared(c *cobra.Command, token string) {
	f.tokenFlag = "--" + token
	g := flags.Under(c, "Machines")
	g.Text(&f.url, "engine", "use the NATS servers at `URL[,URL]`, like nats://a.example:4222 or tls://…, with JetStream")
	g.Text(&f.creds, "engine-creds", "`FILE` with NATS credentials for --engine")
	g.List(&f.ca, "engine-ca", "trust the certificates in FILE for --engine instead of the system's; repeatable", flags.Kind{Type: "FILE"})
	g.Text(&f.cert, "engine-cert", "`FILE` with the certificate of --listen, or the client's for --engine")
	g.Text(&f.key, "engine-key", "`FILE` with its private key (default: the same)")
	if token == "token-file" {
		g.Text(&f.tokenFile, token, "`FILE` whose first line is the token that workers must have; --listen makes it where it is missing")
		return
	}
	g.Text(&f.tokenFile, token, "`FILE` whose first line is the token that --engine wants")
}

// ackWait is how long a worker may be silent before its work is given to others.
var ackWait = queue.DefaultAckWait

// options are the queue's options.
func (f *engineFlags) options() (queue.Options, error) {
	o := queue.Options{Listen: f.listen, URL: f.url, Credentials: f.creds, AckWait: ackWait}
	if f.listen != "" && f.url != "" {
		return o, target.Usagef("--listen and --engine exclude each other: the queue is here or elsewhere")
	}
	if f.listen != "" {
		if _, _, err := net.SplitHostPort(f.listen); err != nil {
			return o, target.Usagef("--listen: %q is not HOST:PORT", f.listen)
		}
		if f.tokenFile == "" {
			return o, target.Usagef("--listen needs --token-file FILE").Hint("the file is made where it is missing; workers need a copy of it")
		}
		if err := makeToken(f.tokenFile); err != nil {
			return o, target.Usagef("--token-file: %v", err)
		}
	}
	if f.tokenFile != "" {
		b, err := session.ReadFile(f.tokenFile, nil, 4096)
		if err != nil {
			return o, target.Usagef("%s: %v", f.tokenFlag, err)
		}
		first, _, _ := strings.Cut(string(b), "\n")
		if o.Token = strings.TrimSpace(first); len(o.Token) < 16 {
			return o, target.Usagef("%s: a token has 16 characters at least, and %s has %d", f.tokenFlag, f.tokenFile, len(o.Token))
		}
	}
	return o, f.tls(&o)
}

// tls reads the certificates.
func (f *engineFlags) tls(o *queue.Options) error {
	if f.key != "" && f.cert == "" {
		return target.Usagef("--engine-key needs --engine-cert")
	}
	if f.cert == "" && len(f.ca) == 0 {
		return nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.cert != "" {
		key := f.key
		if key == "" {
			key = f.cert
		}
		pair, err := tls.LoadX509KeyPair(f.cert, key)
		if err != nil {
			return target.Usagef("--engine-cert: %v", command.PlainPathError(err))
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	pool, err := target.Pool("--engine-ca", f.ca)
	if err != nil {
		return err
	}
	conf.RootCAs, o.TLS = pool, conf
	return nil
}

// makeToken makes a file with a token, unless there is one.
func makeToken(name string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return command.PlainPathError(err)
	}
	var b [24]byte
	rand.Read(b[:])
	_, err = fmt.Fprintln(f, hex.EncodeToString(b[:]))
	return errors.Join(err, f.Close())
}

// engineError is the error of a queue that cannot be had, in the user's words.
func engineError(err error) error {
	if errors.Is(err, queue.ErrUnsafe) {
		return target.Usagef("--listen: %v", err).Hint("--engine-cert FILE and --engine-key FILE give the listener a certificate; on 127.0.0.1 none is needed")
	}
	return target.Usagef("%v", err)
}

// addressed is the URL at which workers join.
func addressed(addr string, secure bool) string {
	if secure {
		return "tls://" + addr
	}
	return "nats://" + addr
}

// makeFolder makes the folder of a job that is collected.
func makeFolder(dir string, m *job.Manifest, exclude []byte) error {
	if have, err := job.ReadManifest(dir); err == nil && have.ID != m.ID {
		return target.Usagef("%s has another job", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return target.Usagef("the job's folder cannot be made: %v", command.PlainPathError(err))
	}
	if len(exclude) > 0 {
		if err := job.WriteFile(filepath.Join(dir, job.ExcludeFile), exclude); err != nil {
			return target.Usagef("%v", command.PlainPathError(err))
		}
	}
	if err := m.Write(dir); err != nil {
		return target.Usagef("%v", command.PlainPathError(err))
	}
	return nil
}

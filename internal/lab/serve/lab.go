// Package serve starts the lab's servers: a PKI, TLS servers, OCSP responders, CRL
// and issuer downloads and CT logs, all in this process and on loopback. Each
// scenario of the catalogue has one server.
//
// The lab needs no network, no rights and no files but a temporary directory.
package serve

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
)

// Options configure Start.
type Options struct {
	// Dir is where root.pem, log-list.json and the files of openssl command
	// lines are written; it is made if need be, and nothing in it is overwritten. ""
	// makes a temporary directory. Close removes what was written.
	Dir string
	// Only are patterns (path.Match) of the scenarios to start; nil means all.
	Only []string
	// Witness, when not nil, is told what the servers that serve a page see. It is called by
	// several goroutines.
	Witness func(Sight)
}

// Lab is a running lab. Its fields are not to be changed.
type Lab struct {
	Scenarios []Scenario // in the order of the catalogue

	Dir         string
	Roots       [][]byte // the trusted roots, DER
	RootFile    string   // the same, PEM
	LogList     []byte   // a log list, v3 JSON, of the lab's logs
	LogListFile string
	BaseURL     string // of the HTTP server, no slash at the end

	witness func(Sight)
	ownDir  bool
	trees   []string // directories of the lab alone
	made    []string // files and directories to remove, in the order in which they were made
	pki     *pki
	web     *web
	dead    string // an address that refuses connections
	closers []func()
	wg      sync.WaitGroup
	done    chan struct{}
}

// Start starts the servers of all scenarios, or of the chosen ones. The caller
// must Close the lab.
func Start(ctx context.Context, o Options) (l *Lab, err error) {
	wanted, err := scenarios.Matching(o.Only)
	if err != nil {
		return nil, err
	}
	l = &Lab{Dir: o.Dir, witness: o.Witness, done: make(chan struct{})}
	defer func() {
		if err != nil {
			l.Close()
			l = nil
		}
	}()
	if err = l.openDir(); err != nil {
		return l, err
	}
	if err = l.startWeb(); err != nil {
		return l, err
	}
	l.pki = newPKI(l)
	l.Roots = [][]byte{l.pki.root.Raw, l.pki.second.Raw}
	if l.RootFile, err = l.writePublic("root.pem", forge.PEM("CERTIFICATE", l.Roots...)); err != nil {
		return l, err
	}
	l.LogList = l.pki.logList(time.Now().Add(-time.Hour))
	if l.LogListFile, err = l.writePublic("log-list.json", l.LogList); err != nil {
		return l, err
	}
	for _, data := range wanted {
		if err := ctx.Err(); err != nil {
			return l, err
		}
		b := &build{l: l, s: &Scenario{Scenario: data, Host: data.Name + "." + scenarios.Domain}}
		if err = b.run(makers[data.Name]); err != nil {
			return l, fmt.Errorf("scenario %s: %w", data.Name, err)
		}
		l.Scenarios = append(l.Scenarios, *b.s)
	}
	return l, nil
}

// Scenario returns the running scenario of that name.
func (l *Lab) Scenario(name string) (Scenario, bool) {
	for _, s := range l.Scenarios {
		if s.Name == name {
			return s, true
		}
	}
	return Scenario{}, false
}

// Close stops every server and removes the temporary directory, if Start made
// it. It may be called more than once.
func (l *Lab) Close() {
	select {
	case <-l.done:
		return
	default:
		close(l.done)
	}
	for i := len(l.closers) - 1; i >= 0; i-- {
		l.closers[i]()
	}
	l.wg.Wait()
	l.sweep()
}

func (l *Lab) listen() (net.Listener, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err == nil {
		l.closers = append(l.closers, func() { ln.Close() })
	}
	return ln, err
}

// slug makes a name fit for a URL's path.
func slug(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s)
}

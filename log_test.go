package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// lines is a log handler that keeps what it is given, as it is given: handlers
// that quote by themselves would hide that nobody else did.
type lines struct {
	slog.Handler
	mu  sync.Mutex
	got []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	s := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool { s += " " + a.Key + "=" + a.Value.String(); return true })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, s)
	return nil
}

func (l *lines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.got, "|")
}

// hostile would move a terminal's cursor, end a line, and turn text around.
const hostile = "\x1b]0;pwned\a\r\n\u202eevil<script>"

func quoted(s string) bool { return !strings.ContainsAny(s, "\x1b\a\r\n\u202e") }

// Text of the peer's reaches errors and the log in quotes only: here an issuer's
// name, a subject's name and a revocation address.
func TestPeerTextIsQuoted(t *testing.T) {
	w := newWorld(t)
	rogue := forge.NewRoot(hostile, nil)
	key := forge.P256()
	good := w.server()
	for name, c := range map[string]struct {
		leaf  *forge.CA
		conf  assay.Config
		shown string // a piece of the text that must be there, to know that it was
		log   bool   // crypto/tls's refusals come before there is a report to log
	}{
		"issuer": {rogue.Server("localhost", nil), assay.Config{Network: assay.Inline}, "pwned", false},
		"subject and names": {w.root.Issue(forge.Cert{Key: key, Subject: forge.CN(hostile), Extensions: w.root.ServerExts(key, forge.DNS("\x1b]0;pwned\a\r\nevil"))}),
			assay.Config{Network: assay.Inline}, "", false},
		"address": {w.root.Issue(forge.Cert{Key: key, Subject: forge.CN(hostile), Extensions: append(w.root.ServerExts(key, forge.DNS("localhost")),
			forge.CRLDP("http://127.0.0.1:1/\x1b]0;pwned\a\r\nevil"))}), assay.Config{Network: assay.Inline, Unknown: assay.UnknownDeny}, "", true},
		"nothing wrong": {good, assay.Config{Network: assay.Inline}, "", false},
	} {
		log := &lines{}
		c.conf.Logger = slog.New(log)
		addr := serve(t, &tls.Config{Certificates: []tls.Certificate{c.leaf.TLS()}})
		_, port, _ := strings.Cut(addr, ":")
		_, err := newVerifier(t, w.config(c.conf)).Dial("tcp", "localhost:"+port)
		if c.leaf == good {
			if err != nil || log.all() != "" {
				t.Errorf("%s: error %v, log %q", name, err, log.all())
			}
			continue
		}
		if err == nil || !quoted(err.Error()) || !strings.Contains(err.Error(), c.shown) {
			t.Errorf("%s: error %q", name, err)
		}
		var own *assay.Error
		if errors.As(err, &own) { // every finding's text too
			for _, f := range own.Report.Findings {
				if !quoted(f.Title()) {
					t.Errorf("%s: finding %q", name, f.Title())
				}
			}
		}
		if got := log.all(); !quoted(got) || c.log != strings.Contains(got, "ERROR assay: ") {
			t.Errorf("%s: log %q", name, got)
		}
	}
}

// Acceptances with a warning are logged as warnings, others not at all.
func TestLogLevels(t *testing.T) {
	l := startLab(t, "good", "crl-unreachable", "revoked")
	for name, want := range map[string]string{"good": "", "crl-unreachable": "WARN assay: ", "revoked": "ERROR assay: "} {
		log := &lines{}
		client, s := labClient(t, l, name, assay.Config{Network: assay.Inline, Logger: slog.New(log)})
		err := get(client, s)
		if (err == nil) != (name != "revoked") {
			t.Errorf("%s: %v", name, err)
		}
		got := log.all()
		if want == "" && got != "" || !strings.HasPrefix(got, want) || want != "" && !strings.Contains(got, "name="+s.Host) {
			t.Errorf("%s: log %q", name, got)
		}
		if name == "revoked" && !strings.Contains(got, "id="+string(finding.CertRevoked)) {
			t.Errorf("%s: log %q", name, got)
		}
	}
}

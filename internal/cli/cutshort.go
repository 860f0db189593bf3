package cli

import (
	"fmt"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/report"
)

// checked is what became of one target.
type checked struct {
	results []session.Result
	cut     bool // the user interrupted: the results are not whole, and no verdict
}

// tellCut says on standard error of a target that an interrupt cut short what was
// known of it by then.
func (a *app) tellCut(c tlsclient.Config, results []session.Result) {
	var known []string
	for _, res := range results {
		known = append(known, knownByThen(res.Report)...)
	}
	text := "interrupted before the check of " + c.Host + " port " + c.Port + " was complete"
	if len(known) == 0 {
		known = append(known, "no connection yet")
	}
	fmt.Fprintf(a.Stderr, "assay: %s; known by then: %s\n", command.QuoteLines(text), strings.Join(known, "; "))
}

// knownByThen is what of an unfinished report does not depend on what is missing:
// the connection, and defects of the certificates themselves. An interrupt makes
// downloads and limits fail, so what says that nothing could be had is left out.
func knownByThen(r *report.Report) (known []string) {
	if conn := r.Connection; conn != nil && conn.Version != "" {
		known = append(known, "connected to "+finding.Quote(conn.Addr)+" with "+finding.Quote(conn.Version)+", "+command.Counted(len(r.Sent), "certificate", "certificates")+" received")
	} else if conn != nil && conn.Addr != "" {
		known = append(known, "connected to "+finding.Quote(conn.Addr)+", no handshake yet")
	}
	for _, f := range r.Counted() {
		switch f.Kind().Class {
		case finding.ClassPath, finding.ClassName, finding.ClassCertificate, finding.ClassEncoding, finding.ClassRevocation:
			if f.Severity == finding.Error {
				known = append(known, f.Title())
			}
		}
	}
	return known
}

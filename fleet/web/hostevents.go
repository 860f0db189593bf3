package web

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/assaytls/assay/fleet/watch"
)

// eventRow is one change of a target in words, with what was before and what is
// after. Texts are quoted and bounded.
type eventRow struct {
	Time                  time.Time
	What                  string
	Before, After         string // "" when there was, or is, nothing
	BeforePath, AfterPath string // of the pages about the certificates; "" for none
	Report                string // path of the page with the report that saw it
}

func eventRowOf(e watch.Event) eventRow {
	row := eventRow{Time: e.Time, What: eventWords(e.Kind), Report: hostPath(e.Target) + "?state=" + strconv.FormatInt(e.State, 10)}
	row.Before, row.BeforePath = sideWords(e.Kind, e.Before)
	row.After, row.AfterPath = sideWords(e.Kind, e.After)
	return row
}

func eventWords(k watch.EventKind) string {
	switch k {
	case watch.Added:
		return "The first check"
	case watch.Removed:
		return "It is watched no longer"
	case watch.Verdict:
		return "The verdict changed"
	case watch.Certificate:
		return "The server has another certificate"
	case watch.Key:
		return "The server has another key"
	case watch.Issuer:
		return "Another certificate issued the server's"
	case watch.Chain:
		return "The server sends another chain"
	case watch.Found:
		return "A problem began"
	case watch.Gone:
		return "A problem is over"
	case watch.Graded:
		return "A problem weighs more or less"
	case watch.Unwatchable:
		return "The settings of its group cannot be used any more"
	}
	return short(60, string(k))
}

// sideWords say what one side of a change is.
func sideWords(k watch.EventKind, f *watch.Facts) (words, path string) {
	if f == nil {
		return "", ""
	}
	certificate := func() (string, string) {
		if f.Certificate == "" {
			return "", ""
		}
		words := short(100, cmp.Or(f.Subject, "(empty subject)"))
		if !f.NotAfter.IsZero() {
			words += ", until " + whenOf(f.NotAfter)
		}
		return words, "/certificates/" + f.Certificate
	}
	switch {
	case f.Finding != nil:
		return short(140, f.Finding.Severity.String()+": "+f.Finding.Title), ""
	case k == watch.Key:
		return "SHA-256 " + short(16, f.Key), ""
	case k == watch.Chain:
		return plural(len(f.Chain), "certificate", "certificates") + " after the server's own", ""
	case k == watch.Certificate || k == watch.Issuer:
		return certificate()
	}
	words = wordOf(f.Verdict).Word
	if f.Title != "" {
		words += ": " + short(120, f.Title)
	}
	if k == watch.Added {
		if cert, at := certificate(); cert != "" {
			words, path = fmt.Sprintf("%s; %s", words, cert), at
		}
	}
	return words, path
}

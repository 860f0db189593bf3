package watch

import (
	"slices"

	"github.com/assaytls/assay/finding"
)

// changes lists what differs between two checks of a target, the verdict first.
// before are the findings that it had.
func (w *writing) changes(f *facts, was, now *standing, known bool, before []Finding) ([]Event, error) {
	if !known {
		after := f.verdict()
		if f.seen {
			f.describe(after)
		}
		after.Chain = f.chain
		return append([]Event{{Kind: Added, After: after}}, f.found(nil)...), nil
	}
	var events []Event
	if was.Verdict != now.Verdict {
		e := Event{Kind: Verdict, Before: &Facts{Verdict: was.Verdict}, After: f.verdict()}
		if was.Row != nil {
			e.Before.Headline, e.Before.Title = was.Row.Headline, was.Row.Title
		}
		events = append(events, e)
	}
	if f.seen && was.leaf != (Hash{}) {
		changed, err := w.certificateChanges(f, was)
		if err != nil {
			return nil, err
		}
		events = append(events, changed...)
	}
	return append(events, f.found(before)...), nil
}

// certificateChanges compares what the server sends with what it sent when it was
// last seen.
func (w *writing) certificateChanges(f *facts, was *standing) (events []Event, err error) {
	old := func(h Hash) (*Facts, error) {
		c, _, err := w.tx.certificate(h)
		if err != nil {
			return nil, err
		}
		return &Facts{Certificate: h.String(), Key: c.SPKI, Subject: c.Subject, Issuer: c.Issuer, NotAfter: c.NotAfter}, nil
	}
	if was.leaf != f.leaf {
		e := Event{Kind: Certificate, After: &Facts{}}
		if e.Before, err = old(was.leaf); err != nil {
			return nil, err
		}
		f.describe(e.After)
		events = append(events, e)
	}
	if was.spki != f.spki {
		events = append(events, Event{Kind: Key, Before: &Facts{Key: was.spki.String()}, After: &Facts{Key: f.spki.String()}})
	}
	if was.issuer != f.issuer {
		e := Event{Kind: Issuer, After: f.of(f.issuer)}
		if was.issuer != (Hash{}) {
			if e.Before, err = old(was.issuer); err != nil {
				return nil, err
			}
		}
		events = append(events, e)
	}
	if !slices.Equal(was.chain, f.chain) {
		events = append(events, Event{Kind: Chain, Before: &Facts{Chain: was.chain}, After: &Facts{Chain: f.chain}})
	}
	return events, nil
}

// verdict is what the report came to.
func (f *facts) verdict() *Facts {
	return &Facts{Verdict: f.row.Verdict, Headline: f.row.Headline, Title: f.row.Title}
}

// describe adds the server's certificate.
func (f *facts) describe(to *Facts) {
	if c := f.of(f.leaf); c != nil {
		to.Certificate, to.Key, to.Subject, to.Issuer, to.NotAfter = c.Certificate, c.Key, c.Subject, c.Issuer, c.NotAfter
	}
}

// of describes a certificate of the report, nil when it has none such.
func (f *facts) of(h Hash) *Facts {
	c := f.names[h]
	if c == nil {
		return nil
	}
	return &Facts{Certificate: c.SHA256, Key: c.SPKISHA256, Subject: quoted(c.Subject), Issuer: quoted(c.Issuer), NotAfter: c.NotAfter}
}

// found compares findings of severity warning and above. Milder ones come and go
// with caches and addresses and are no news.
func (f *facts) found(before []Finding) (events []Event) {
	same := func(a, b Finding) bool { return a.ID == b.ID && a.SHA256 == b.SHA256 }
	for _, g := range f.findings {
		if g.Severity < finding.Warning {
			continue
		}
		i := slices.IndexFunc(before, func(b Finding) bool { return same(b, g) && b.Severity >= finding.Warning })
		switch {
		case i < 0:
			events = append(events, Event{Kind: Found, After: &Facts{Finding: new(g)}})
		case before[i].Severity != g.Severity:
			events = append(events, Event{Kind: Graded, Before: &Facts{Finding: new(before[i])}, After: &Facts{Finding: new(g)}})
		}
	}
	for _, b := range before {
		if b.Severity >= finding.Warning && !f.keeps(b) && !slices.ContainsFunc(f.findings, func(g Finding) bool { return same(b, g) && g.Severity >= finding.Warning }) {
			events = append(events, Event{Kind: Gone, Before: &Facts{Finding: new(b)}})
		}
	}
	return events
}

// keeps reports whether a finding that a target had stays: of a server that does
// not answer it is not known that what was wrong with its certificate is mended.
func (f *facts) keeps(g Finding) bool {
	k, _ := finding.Lookup(g.ID)
	return !f.reached && k.Class != finding.ClassConnection
}

// quoted is a text of the peer's as people may read it, bounded.
func quoted(s string) string { return clip(finding.Quote(s)) }

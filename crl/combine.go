package crl

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// combine draws the conclusion from the lists that count: revoked when one
// says so, good when together they cover every reason.
func (j *judge) combine(complete, deltas []*judged) {
	var covered cert.Reasons
	used := make(map[*judged]bool)
	for i, c := range complete {
		j.regress(c, complete[:i])
		if c.superseded(complete) {
			continue
		}
		d := j.deltaFor(c, deltas)
		if d != nil {
			used[d] = true
		}
		if e := verdict(c, d); e != nil {
			by := c
			if d != nil && e == d.entry {
				by = d
			}
			j.revoked(by, e)
			continue
		}
		if !c.sound {
			continue
		}
		covered |= c.reasons
		c.answer.Detail = c.leave
		if c.reasons == cert.AllReasons {
			c.answer.Status = report.Good
		} else {
			c.answer.Partial = true
			c.answer.Detail = "not listed; covers only " + strings.Join(c.reasons.Names(), ", ")
		}
		j.until(c)
		if d != nil {
			d.answer.Partial = true
			d.answer.Detail = "a delta list; it says nothing against the certificate"
			j.until(d)
		}
	}
	for _, d := range deltas {
		if !used[d] {
			j.loneDelta(d, complete, deltas)
		}
	}
	switch {
	case j.res.Status == report.Revoked:
	case covered == cert.AllReasons:
		j.res.Status = report.Good
	default:
		if covered != 0 {
			j.res.Findings = append(j.res.Findings, finding.New(finding.CRLReasonsIncomplete,
				"reasons", strings.Join((cert.AllReasons&^covered).Names(), ", "), "source", "crl"))
		}
		j.res.Expires = time.Time{}
	}
}

// verdict returns the entry of complete list c or delta d by which the
// certificate is revoked; nil for none. A delta's removeFromCRL releases from
// a hold, and from nothing else.
func verdict(c, d *judged) *Entry {
	if d == nil || d.entry == nil {
		return c.entry
	}
	if d.entry.weight() > 0 {
		return d.entry
	}
	if c.entry != nil && !c.entry.held() {
		return c.entry
	}
	return nil
}

func (j *judge) revoked(by *judged, e *Entry) {
	a := by.answer
	a.Status, a.RevokedAt, a.Detail = report.Revoked, e.Date, by.leave
	if e.HasReason {
		a.Reason = e.reason()
	}
	j.res.Status = report.Revoked
	j.final = j.final || e.Final()
	j.until(by)
}

// until bounds the result by the life of a list.
func (j *judge) until(d *judged) {
	end := d.List.NextUpdate
	if j.q.MaxAge > 0 {
		if t := d.List.ThisUpdate.Add(j.q.MaxAge); end.IsZero() || t.Before(end) {
			end = t
		}
	}
	if end.IsZero() || end.Before(j.q.Time) { // counted by the policy on stale lists only
		end = j.q.Time
	}
	if j.res.Expires.IsZero() || end.Before(j.res.Expires) {
		j.res.Expires = end
	}
}

// sameLine reports whether two lists are editions of one: same issuer, key and
// scope.
func sameLine(a, b *judged) bool {
	if !sameName(a.List.Issuer, b.List.Issuer) || !bytes.Equal(a.signer.RawSPKI, b.signer.RawSPKI) {
		return false
	}
	x, y := a.List.IDP, b.List.IDP
	return x == nil && y == nil || x != nil && y != nil && bytes.Equal(x.Raw, y.Raw)
}

// superseded reports whether a later edition of c is among the lists and c has
// nothing to say that later editions cannot take back.
func (c *judged) superseded(complete []*judged) bool {
	if c.entry != nil && !c.entry.held() {
		return false
	}
	for _, o := range complete {
		if o != c && o.sound && sameLine(c, o) && o.List.ThisUpdate.After(c.List.ThisUpdate) &&
			(c.List.Number == nil || compare(o.List.Number, c.List.Number) > 0) {
			c.answer.Detail = "a newer edition of the list is at hand"
			return true
		}
	}
	return false
}

// regress warns when editions are not numbered upwards.
func (j *judge) regress(c *judged, others []*judged) {
	for _, o := range others {
		if !sameLine(c, o) || c.List.Number == nil || o.List.Number == nil {
			continue
		}
		newer, older := c, o
		if older.List.ThisUpdate.After(newer.List.ThisUpdate) {
			newer, older = older, newer
		}
		if newer.List.ThisUpdate.After(older.List.ThisUpdate) && compare(newer.List.Number, older.List.Number) < 0 {
			j.add(newer, finding.New(finding.CRLNumberRegress, "number", fmt.Sprintf("%x", newer.List.Number), "previous", fmt.Sprintf("%x", older.List.Number)))
		}
	}
}

// compare orders two non-negative INTEGERs by their DER contents; nil is least.
func compare(a, b []byte) int {
	if len(a) > 0 && a[0] == 0 && len(a) > 1 {
		a = a[1:]
	}
	if len(b) > 0 && b[0] == 0 && len(b) > 1 {
		b = b[1:]
	}
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return bytes.Compare(a, b)
}

// deltaFor returns the newest delta that goes with complete list c (RFC 5280,
// 5.2.4 and 6.3.3 (c)); nil if there is none.
func (j *judge) deltaFor(c *judged, deltas []*judged) (best *judged) {
	for _, d := range deltas {
		if d.mismatch(c) != "" || !d.sound && (d.entry == nil || d.entry.weight() == 0) { // a doubtful one releases nothing
			continue
		}
		if best == nil || compare(d.List.Number, best.List.Number) > 0 {
			best = d
		}
	}
	return best
}

// mismatch says why delta d does not go with complete list c; "" if it does.
func (d *judged) mismatch(c *judged) string {
	switch {
	case !sameName(d.List.Issuer, c.List.Issuer):
		return "another issuer"
	case !bytes.Equal(d.signer.RawSPKI, c.signer.RawSPKI):
		return "signed with another key"
	case !sameLine(d, c):
		return "another scope"
	case len(d.List.Number) == 0 || len(c.List.Number) == 0 || len(d.List.BaseNumber) == 0:
		return "a number is missing"
	case compare(d.List.BaseNumber, c.List.Number) > 0:
		return fmt.Sprintf("it continues from number %x, the complete list is %x", d.List.BaseNumber, c.List.Number)
	case compare(d.List.Number, c.List.Number) <= 0:
		return "the complete list is not older"
	}
	return ""
}

// loneDelta judges a delta that no complete list goes with: it can revoke, but
// not clear. One that is older than the complete list of its line says nothing.
func (j *judge) loneDelta(d *judged, complete, deltas []*judged) {
	why := ""
	for _, o := range deltas {
		if o.sound && sameLine(o, d) && len(d.List.Number) > 0 && compare(o.List.Number, d.List.Number) > 0 && (d.entry == nil || d.entry.held()) {
			d.answer.Detail = "a newer delta list is at hand"
			return
		}
	}
	for _, c := range complete {
		if sameLine(c, d) {
			if len(d.List.Number) > 0 && compare(d.List.Number, c.List.Number) <= 0 {
				d.answer.Detail = "the complete list is newer"
				return
			}
			why = d.mismatch(c)
		} else if why == "" {
			why = d.mismatch(c)
		}
	}
	if e := d.entry; e != nil && e.weight() > 0 {
		j.revoked(d, e)
		return
	}
	if !d.sound { // that is said already
		return
	}
	f := finding.New(finding.CRLDeltaWithoutBase, "base", fmt.Sprintf("%x", d.List.BaseNumber))
	if why != "" {
		f = finding.New(finding.CRLDeltaMismatch, "detail", why)
	}
	j.useless(d, f)
}

// needs asks for the freshest CRLs of the lists that count and have no delta yet.
func (j *judge) needs(complete []*judged) {
	if j.final { // no delta takes that back; it may a hold
		return
	}
	if len(complete) > 0 {
		j.ask(j.q.Cert.FreshestCRL, complete[0].Point)
	}
	for _, c := range complete {
		j.ask(c.List.FreshestCRL, c.Point)
	}
}

// ask adds the points' URLs to the needs, those excepted that a delta is from.
func (j *judge) ask(points []cert.DistributionPoint, at int) {
	for _, p := range points {
		for _, g := range p.FullName {
			if g.Type != cert.URIName || !overHTTP(g.Value) || len(j.res.Needs) >= maxNeeds ||
				slices.ContainsFunc(j.q.Sources, func(s Source) bool { return s.URL == g.Value && s.List != nil && s.List.Delta() }) ||
				slices.ContainsFunc(j.res.Needs, func(n Need) bool { return n.URL == g.Value }) {
				continue
			}
			j.res.Needs = append(j.res.Needs, Need{URL: g.Value, Point: at})
			j.res.Findings = append(j.res.Findings, finding.New(finding.CRLDeltaMissing, "url", g.Value, "source", "crl"))
		}
	}
}

// overHTTP reports whether a URI is one of http or https.
func overHTTP(uri string) bool { return strings.HasPrefix(strings.ToLower(uri), "http") }

// maxNeeds bounds the downloads asked for.
const maxNeeds = 8

package crl_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// signerOf issues a certificate of this name and key usage, for a new key.
func signerOf(by *f.CA, name []byte, ku ...int) *f.CA {
	ca := slices.Contains(ku, f.KeyCertSign)
	key := f.P256()
	return by.Issue(f.Cert{Subject: name, Key: key, Extensions: exts(f.BasicConstraints(ca, -1), f.KeyUsage(ku...), f.SKI(key.ID()), f.AKI(by.Key.ID()))})
}

// otherKeyCase is a list that another key signed than the one that issued the
// certificate.
type otherKeyCase struct {
	issuer, signer *f.CA
	above          *f.CA  // between issuer and root
	named          bool   // by the certificate, as its CRL issuer
	good           bool   // the list may say "good"
	detail         string // of the answer
}

func otherKeys() map[string]otherKeyCase {
	w := world()
	noSign := w.root.Intermediate("No Sign", nil, f.KeyUsage(f.KeyCertSign))
	stranger := w.root.Intermediate("No Sign", nil)
	named := signerOf(w.root, f.CN("Lists of CA"), f.CRLSign)
	rollover := signerOf(w.ca, w.ca.Name, f.KeyCertSign, f.CRLSign)
	return map[string]otherKeyCase{
		"a key that the issuer certified for lists alone":                        {issuer: w.ca, signer: signerOf(w.ca, w.ca.Name, f.CRLSign), good: true, detail: "for its lists alone"},
		"and for certificates too":                                               {issuer: w.ca, signer: rollover},
		"the old key, by the new one":                                            {issuer: rollover, signer: w.ca, above: w.ca},
		"a key for lists that the root certified, and the issuer has cRLSign":    {issuer: w.ca, signer: signerOf(w.root, w.ca.Name, f.CRLSign)},
		"a second authority of the name":                                         {issuer: w.ca, signer: w.root.Intermediate("CA", nil)},
		"a key for lists beside an issuer that may not sign any":                 {issuer: noSign, signer: signerOf(w.root, noSign.Name, f.CRLSign), good: true, detail: "beside the issuer's"},
		"a second authority beside an issuer that may not sign any":              {issuer: noSign, signer: stranger},
		"a key for lists beside an issuer that may not sign any, by another key": {issuer: noSign, signer: signerOf(w.other, noSign.Name, f.CRLSign)},
		"a key for lists that a second authority of the name certified":          {issuer: noSign, signer: signerOf(stranger, noSign.Name, f.CRLSign)},
		"the CRL issuer that the certificate names":                              {issuer: w.ca, signer: named, named: true, good: true, detail: "names"},
	}
}

// made issues the certificate in question, and its list with the entry e.
func (c otherKeyCase) made(e f.Entry) (subject *f.CA, list []byte) {
	dp, l := f.CRLDP(url), f.CRL{}
	if c.named {
		dp = f.CRLDPs(f.DP{FullName: [][]byte{f.URI(url)}, CRLIssuer: [][]byte{aName(c.signer)}})
		l.Extensions = exts(f.IDP{FullName: [][]byte{f.URI(url)}, Indirect: true}.Ext())
		e.Extensions = append(e.Extensions[:len(e.Extensions):len(e.Extensions)], f.CertificateIssuer(aName(c.issuer)))
	}
	l.Entries = entries(e)
	return c.issuer.Issue(f.Cert{Subject: f.CN("leaf"), Serial: serial, Extensions: exts(dp)}), c.signer.CRL(l)
}

// Whether a list that another key of the issuer's name signed may say "good" is
// decided by the certificates of the two keys, never by their names. Every such
// list may revoke.
func TestListsOfOtherKeys(t *testing.T) {
	w := world()
	for name, c := range otherKeys() {
		for _, allowed := range []bool{false, true} {
			ask := func(e f.Entry) crl.Result {
				subject, list := c.made(e)
				return judged(t, subject, func(q *crl.Query) {
					trust(q)
					q.OtherKey = allowed
					q.Issuer, q.Pool = cert.Parse(c.issuer.Raw), []*cert.Certificate{cert.Parse(c.signer.Raw), cert.Parse(w.ca.Raw)}
					if c.above != nil {
						q.Above = append([]*cert.Certificate{cert.Parse(c.above.Raw)}, q.Above...)
					}
				}, list)
			}
			r := ask(noise)
			if good := r.Status == report.Good; good != (c.good || allowed) || has(r, finding.CRLOtherKey) == c.good {
				t.Errorf("%s, allowed %v: %s, %v", name, allowed, r.Status, r.Findings)
			}
			if len(r.Answers) != 1 || !strings.Contains(r.Answers[0].Detail, c.detail) {
				t.Errorf("%s: answers %+v", name, r.Answers)
			}
			if r := ask(listed); r.Status != report.Revoked {
				t.Errorf("%s, listed: %s, %v", name, r.Status, r.Findings)
			}
		}
	}
}

// Beside the list of the issuer's own key that of another neither clears nor
// stands in the way, and its revocation wins.
func TestListsOfBothKeys(t *testing.T) {
	w := world()
	second := w.root.Intermediate("CA", nil)
	own, ownListed := w.ca.CRL(f.CRL{}), w.ca.CRL(f.CRL{Entries: entries(listed)})
	other, otherListed := second.CRL(f.CRL{}), second.CRL(f.CRL{Entries: entries(listed)})
	for _, c := range []struct {
		lists [][]byte
		want  report.Status
	}{
		{[][]byte{own, other}, report.Good},
		{[][]byte{other, own}, report.Good},
		{[][]byte{ownListed, other}, report.Revoked},
		{[][]byte{other, ownListed}, report.Revoked},
		{[][]byte{own, otherListed}, report.Revoked},
		{[][]byte{second.CRL(f.CRL{ThisUpdate: time.Now().Add(-time.Minute), Extensions: exts(f.CRLNumber(9))}), w.ca.CRL(f.CRL{Extensions: exts(f.CRLNumber(5)), Entries: entries(onHold)})}, report.Revoked},
	} {
		r := judged(t, leaf(), func(q *crl.Query) { trust(q); q.Pool = []*cert.Certificate{cert.Parse(second.Raw)} }, c.lists...)
		if r.Status != c.want || report.Worst(r.Findings) > finding.Warning {
			t.Errorf("%s, want %s: %v", r.Status, c.want, r.Findings)
		}
	}
}

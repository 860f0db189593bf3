package crl_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// judged asks lists in DER about subject, which world's CA issued.
func judged(t *testing.T, subject *f.CA, change func(*crl.Query), lists ...[]byte) crl.Result {
	t.Helper()
	w := world()
	q := crl.Query{Cert: cert.Parse(subject.Raw), Issuer: cert.Parse(w.ca.Raw), Anchor: cert.Parse(w.root.Raw), Time: time.Now()}
	for _, b := range lists {
		l, err := crl.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		q.Sources = append(q.Sources, crl.Source{List: l, URL: url})
	}
	if change != nil {
		change(&q)
	}
	return crl.Check(context.Background(), q)
}

func has(r crl.Result, id finding.ID) bool {
	for _, f := range r.Findings {
		if f.ID == id {
			return true
		}
	}
	return false
}

// byLists is a certificate whose only point is an indirect list.
func byLists() *f.CA {
	w := world()
	return leaf(f.CRLDPs(f.DP{FullName: [][]byte{f.URI(url)}, CRLIssuer: [][]byte{aName(w.lists)}}))
}

// indirectList is signed by world's separate issuer of lists.
func indirectList(es ...f.Entry) []byte {
	return world().lists.CRL(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{f.URI(url)}, Indirect: true}.Ext()), Entries: es})
}

func trustLists(q *crl.Query) {
	trust(q)
	q.Pool = []*cert.Certificate{cert.Parse(world().lists.Raw)}
}

// The key of an issuer that may not sign lists does not get leave to by a
// certificate for it that nobody vouches for.
func TestKeyUsageOfAnotherCertificate(t *testing.T) {
	w := world()
	noSign := w.root.Intermediate("No Sign", nil, f.KeyUsage(f.KeyCertSign))
	subject := noSign.Issue(f.Cert{Subject: f.CN("leaf"), Serial: serial, Extensions: exts(f.CRLDP(url))})
	forged := f.NewRoot("Somebody", nil).Intermediate("No Sign", noSign.Key)
	for _, anchored := range []bool{false, true} {
		r := judged(t, subject, func(q *crl.Query) {
			q.Issuer, q.Pool = cert.Parse(noSign.Raw), []*cert.Certificate{cert.Parse(forged.Raw)}
			q.Anchored = func(*cert.Certificate) bool { return anchored }
		}, noSign.CRL(f.CRL{}))
		if good := r.Status == report.Good; good != anchored || good == has(r, finding.CRLSignNotAllowed) {
			t.Errorf("anchored %v: %s, %v", anchored, r.Status, r.Findings)
		}
	}
}

// A delta list with something unknown and critical ends no hold, and is not
// called one without a base.
func TestDoubtfulDelta(t *testing.T) {
	w := world()
	for _, c := range []struct {
		base, delta f.Entry
		unknown     bool
		want        report.Status
	}{
		{onHold, gone, true, report.Revoked},
		{onHold, gone, false, report.Good},
		{noise, listed, true, report.Revoked},
		{noise, noise, true, report.Good},
	} {
		e := exts(f.CRLNumber(7), f.DeltaIndicator(5), f.Unknown(c.unknown))
		r := judged(t, leaf(), nil, w.ca.CRL(f.CRL{Extensions: exts(f.CRLNumber(5)), Entries: entries(c.base)}),
			w.ca.CRL(f.CRL{Extensions: e, Entries: entries(c.delta)}))
		if r.Status != c.want || has(r, finding.CRLDeltaWithoutBase) {
			t.Errorf("%+v: %s, %v", c, r.Status, r.Findings)
		}
	}
}

// A certificateIssuer that names nobody makes the list unfit to say "good":
// whom it means could be anybody.
func TestEntryIssuerUnreadable(t *testing.T) {
	w := world()
	for name, c := range map[string]struct {
		names []byte
		want  report.Status
	}{
		"not a name":        {f.TLV(0x3f, []byte{1}), report.Unknown},
		"no directory name": {f.DNS("ca.test"), report.Unknown},
		"primitive":         {f.TLV(0x84, w.ca.Name), report.Unknown},
		"empty":             {f.DirName(f.EmptyName()), report.Unknown},
		"another":           {aName(w.other), report.Good},
	} {
		r := judged(t, byLists(), trustLists, indirectList(noise, f.Revoke(serial, 1, f.CertificateIssuer(c.names))))
		if r.Status != c.want {
			t.Errorf("%s: %s, %v", name, r.Status, r.Findings)
		}
	}
}

// More entries of one serial number than a Scan keeps are no reason to say
// that those beyond are not there.
func TestScanOverflow(t *testing.T) {
	w := world()
	es := entries(f.Revoke(serial, 1, f.CertificateIssuer(aName(w.other))))
	for range 300 {
		es = append(es, listed)
	}
	es = append(es, f.Revoke(serial, 1, f.CertificateIssuer(aName(w.ca))))
	for n, want := range map[int]report.Status{10: report.Good, len(es): report.Unknown} {
		l, err := crl.Scan(context.Background(), newReader(indirectList(es[:n]...)), serial, w.lists.Serial)
		if err != nil {
			t.Fatal(err)
		}
		r := judged(t, byLists(), func(q *crl.Query) { trustLists(q); q.Sources = []crl.Source{{List: l, URL: url}} })
		if r.Status != want || has(r, finding.CRLTooLarge) != (want == report.Unknown) {
			t.Errorf("%d entries: %s, %v", n, r.Status, r.Findings)
		}
	}
}

// A list behind many PEM blocks of other kinds is not looked for for ever.
func TestManyBlocks(t *testing.T) {
	list, other := f.PEM("X509 CRL", world().ca.CRL(f.CRL{})), f.PEM("CERTIFICATE", world().ca.Raw)
	for n, ok := range map[int]bool{0: true, 1023: true, 1024: false} {
		if _, err := crl.Parse(append(bytes.Repeat(other, n), list...)); (err == nil) != ok {
			t.Errorf("after %d blocks: %v", n, err)
		}
	}
}

// A nextUpdate at the zero of Go's clock is one that is long past, not one
// that is absent.
func TestNextUpdateYearOne(t *testing.T) {
	for _, at := range []string{"00010101000001Z", "00010101000000Z"} {
		r := judged(t, leaf(), func(q *crl.Query) { q.MaxAge = 48 * time.Hour }, world().ca.CRL(f.CRL{
			NextUpdate: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC),
			MutateTBS:  func(b []byte) []byte { return bytes.Replace(b, []byte("00010101000001Z"), []byte(at), 1) }}))
		if r.Status != report.Unknown || !has(r, finding.CRLTimesInvalid) {
			t.Errorf("%s: %s, %v", at, r.Status, r.Findings)
		}
	}
}

package crl_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// judged asks lists in DER about subject, which world's CA issued.
func judged(t *testing.T, subject *f.CA, change func(*crl.Query), lists ...[]byte) crl.Result {
	t.Helper()
	w := world()
	q := crl.Query{Cert: cert.Parse(subject.Raw), Issuer: cert.Parse(w.ca.Raw), Above: []*cert.Certificate{cert.Parse(w.root.Raw)}, Time: time.Now()}
	for _, b := range lists {
		l, err := crl.Parse(context.Background(), b)
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
			vouch(map[bool]report.Status{true: report.Good}[anchored])(q)
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
		"truncated":         {[]byte{0xa4, 5, 0x30}, report.Unknown},
		"not a name in it":  {f.Explicit(4, f.Null()), report.Unknown},
		"too many":          {bytes.Repeat(aName(w.other), 9), report.Unknown},
		"another":           {aName(w.other), report.Good},
		"several":           {bytes.Repeat(aName(w.other), 8), report.Good},
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
		if _, err := crl.Parse(context.Background(), append(bytes.Repeat(other, n), list...)); (err == nil) != ok {
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

// Whoever is not a CA and has no key usage is no issuer of lists, anchored or not.
func TestSignerWithoutLeave(t *testing.T) {
	w := world()
	for ku, want := range map[bool]report.Status{false: report.Unknown, true: report.Good} {
		e := exts(f.BasicConstraints(false, -1))
		if ku {
			e = append(e, f.KeyUsage(f.CRLSign))
		}
		signer := w.ca.Issue(f.Cert{Subject: w.ca.Name, Extensions: e})
		r := judged(t, leaf(), func(q *crl.Query) { trust(q); q.Pool = []*cert.Certificate{cert.Parse(signer.Raw)} }, signer.CRL(f.CRL{}))
		if r.Status != want || has(r, finding.CRLSignNotAllowed) != !ku {
			t.Errorf("cRLSign %v: %s, %v", ku, r.Status, r.Findings)
		}
	}
}

// Work on signers is bounded: by how many may have signed one list, and by the
// signatures of all.
func TestSignerBudgets(t *testing.T) {
	w := world()
	for _, c := range []struct {
		signers, lists int
		over           bool
	}{{15, 1, false}, {16, 1, true}, {15, 30, false}, {15, 33, true}} {
		stranger := f.NewRoot("CA", nil)
		r := judged(t, leaf(), func(q *crl.Query) {
			for range c.signers {
				q.Pool = append(q.Pool, cert.Parse(w.root.Intermediate("CA", nil).Raw))
			}
			for range c.lists - 1 {
				q.Sources = append(q.Sources, q.Sources[0])
			}
		}, stranger.CRL(f.CRL{}))
		if r.Status != report.Unknown || has(r, finding.CRLBudget) != c.over {
			t.Errorf("%+v: %s, %v", c, r.Status, r.Findings[:min(3, len(r.Findings))])
		}
	}
}

// What is known of a signer off the path decides what its list may say.
func TestSignerStatus(t *testing.T) {
	w := world()
	listed := indirectList(f.Revoke(serial, 1, f.CertificateIssuer(aName(w.ca))))
	for _, c := range []struct {
		signer    report.Status
		note      bool // a finding of the caller's
		clear, on report.Status
		id        finding.ID
	}{
		{report.Good, false, report.Good, report.Revoked, ""},
		{report.Good, true, report.Good, report.Revoked, finding.CRLIssuerUnchecked},
		{report.Revoked, false, report.Unknown, report.Unknown, finding.CRLIssuerRevoked},
		{report.Unknown, false, report.Unknown, report.Revoked, finding.CRLIssuerUnchecked},
		{report.Unknown, true, report.Unknown, report.Revoked, finding.CRLIssuerUndetermined},
		{"", false, report.Unknown, report.Unknown, finding.CRLIssuerUntrusted},
	} {
		set := func(q *crl.Query) {
			trustLists(q)
			q.Signer = func(*cert.Certificate) (report.Status, *finding.Finding) {
				if !c.note {
					return c.signer, nil
				}
				f := finding.New(c.id)
				return c.signer, &f
			}
		}
		for _, l := range []struct {
			list []byte
			want report.Status
		}{{indirectList(noise), c.clear}, {listed, c.on}} {
			if r := judged(t, byLists(), set, l.list); r.Status != l.want || c.id != "" && !has(r, c.id) || c.id == "" && len(r.Findings) > 0 {
				t.Errorf("%+v: %s, want %s, %v", c, r.Status, l.want, r.Findings)
			}
		}
	}
}

// Of several certificates of the signing key the one counts that lets the list
// say most: neither their order nor one that is revoked decides.
func TestSignerOfSeveralCertificates(t *testing.T) {
	w := world()
	again := w.root.Intermediate("List Issuer", w.lists.Key)
	for _, order := range [][]*f.CA{{w.lists, again}, {again, w.lists}} {
		for st, want := range map[report.Status]report.Status{report.Good: report.Good, report.Unknown: report.Unknown, report.Revoked: report.Unknown} {
			r := judged(t, byLists(), func(q *crl.Query) {
				q.Pool = []*cert.Certificate{cert.Parse(order[0].Raw), cert.Parse(order[1].Raw)}
				q.Signer = func(c *cert.Certificate) (report.Status, *finding.Finding) {
					if c.SHA256 == cert.Parse(again.Raw).SHA256 {
						return st, nil
					}
					return report.Revoked, nil
				}
			}, indirectList(noise))
			if r.Status != want {
				t.Errorf("%s: %s, %v", st, r.Status, r.Findings)
			}
		}
	}
}

// Names that are not the same do not match.
func TestScopeNames(t *testing.T) {
	w := world()
	part := []f.Attr{{OID: "2.5.4.3", Value: "part 1"}}
	other := func(v string) []byte { return f.OtherName("1.3.6.1.4.1.55555.2", f.UTF8(v)) }
	idp := func(i f.IDP) f.CRL { return f.CRL{Extensions: exts(i.Ext())} }
	for name, c := range map[string]struct {
		subject *f.CA
		list    []byte
		want    report.Status
	}{
		"relative to the one issuer": {leaf(f.CRLDPs(f.DP{Relative: part, CRLIssuer: [][]byte{aName(w.lists)}})), w.lists.CRL(idp(f.IDP{Relative: part, Indirect: true})), report.Good},
		"relative to which":          {leaf(f.CRLDPs(f.DP{Relative: part, CRLIssuer: [][]byte{aName(w.lists), aName(w.other)}})), w.lists.CRL(idp(f.IDP{Relative: part, Indirect: true})), report.Unknown},
		"otherName":                  {leaf(f.CRLDPs(f.DP{FullName: [][]byte{other("a")}})), w.ca.CRL(idp(f.IDP{FullName: [][]byte{other("a")}})), report.Good},
		"another otherName":          {leaf(f.CRLDPs(f.DP{FullName: [][]byte{other("a")}})), w.ca.CRL(idp(f.IDP{FullName: [][]byte{other("b")}})), report.Unknown},
		"IP":                         {leaf(f.CRLDPs(f.DP{FullName: [][]byte{f.IP("10.0.0.1")}})), w.ca.CRL(idp(f.IDP{FullName: [][]byte{f.IP("10.0.0.2")}})), report.Unknown},
	} {
		if r := judged(t, c.subject, trustLists, c.list); r.Status != c.want {
			t.Errorf("%s: %s, %v", name, r.Status, r.Findings)
		}
	}
	nameless := w.root.Issue(f.Cert{Extensions: exts(f.BasicConstraints(true, -1), f.KeyUsage(f.CRLSign))})
	subject := nameless.Issue(f.Cert{Serial: serial, Extensions: exts(f.CRLDP(url))})
	r := judged(t, subject, func(q *crl.Query) { q.Issuer = cert.Parse(nameless.Raw) }, nameless.CRL(f.CRL{}))
	if r.Status != report.Unknown {
		t.Errorf("without a name: %s, %v", r.Status, r.Findings)
	}
}

// A revocation in a stale list keeps its weight beside a current list, a hold
// does not; and the tolerance for clocks is what was asked for.
func TestStaleWeights(t *testing.T) {
	w := world()
	old := func(e f.Entry, end time.Duration) []byte {
		return w.ca.CRL(f.CRL{ThisUpdate: daysAgo(9), NextUpdate: time.Now().Add(-end), Entries: entries(e)})
	}
	current := w.ca.CRL(f.CRL{})
	r := judged(t, leaf(), nil, old(listed, 24*time.Hour), current)
	for _, f := range r.Findings {
		if want := f.ID == finding.CRLStaleListed; (f.Severity == finding.Inconclusive) != want {
			t.Errorf("%s is %s", f.ID, f.Severity)
		}
	}
	if r.Status != report.Good || len(r.Findings) != 2 {
		t.Errorf("%s, %v", r.Status, r.Findings)
	}
	if r := judged(t, leaf(), nil, old(onHold, 24*time.Hour), current); has(r, finding.CRLStaleListed) {
		t.Errorf("a hold: %v", r.Findings)
	}
	for end, want := range map[time.Duration]report.Status{4 * time.Minute: report.Good, 6 * time.Minute: report.Unknown} {
		if r := judged(t, leaf(), func(q *crl.Query) { q.Skew = 5 * time.Minute }, old(noise, end)); r.Status != want {
			t.Errorf("%s ago: %s", end, r.Status)
		}
	}
}

// A list by another key is no later edition, and one for some reasons is not
// shown as good.
func TestEditions(t *testing.T) {
	w := world()
	second := w.root.Intermediate("CA", nil)
	r := judged(t, leaf(), func(q *crl.Query) { trust(q); q.Pool = []*cert.Certificate{cert.Parse(second.Raw)} },
		w.ca.CRL(f.CRL{ThisUpdate: daysAgo(2), Extensions: exts(f.CRLNumber(1)), Entries: entries(onHold)}), second.CRL(f.CRL{Extensions: exts(f.CRLNumber(2))}))
	if r.Status != report.Revoked {
		t.Errorf("a later list by another key: %s, %v", r.Status, r.Findings)
	}
	some := func(r ...int) []byte { return w.ca.CRL(f.CRL{Extensions: exts(f.IDP{OnlySomeReasons: r}.Ext())}) }
	r = judged(t, leaf(), nil, some(1, 2), some(3, 4, 5, 6, 7, 8))
	if r.Status != report.Good {
		t.Errorf("%s, %v", r.Status, r.Findings)
	}
	for _, a := range r.Answers {
		if a.Status == report.Good || a.Detail == "" {
			t.Errorf("%+v", a)
		}
	}
}

// What does not end a hold, and what does not undo a revocation.
func TestNotTakenBack(t *testing.T) {
	w := world()
	edition := func(number int64, age int, es []f.Entry, e ...f.Ext) []byte {
		return w.ca.CRL(f.CRL{ThisUpdate: daysAgo(age), Extensions: append(exts(f.CRLNumber(number)), e...), Entries: es})
	}
	for name, lists := range map[string][][]byte{
		"a later edition of another scope":       {edition(1, 2, entries(onHold), f.IDP{OnlyUser: true}.Ext()), edition(2, 1, nil, point.Ext())},
		"a later edition with something unknown": {edition(1, 2, entries(onHold)), edition(2, 1, nil, f.Unknown(true))},
		"a later delta, neither with a base":     {edition(7, 2, entries(listed), f.DeltaIndicator(5)), edition(9, 1, nil, f.DeltaIndicator(8))},
	} {
		if r := judged(t, leaf(), nil, lists...); r.Status != report.Revoked {
			t.Errorf("%s: %s, %v", name, r.Status, r.Findings)
		}
	}
	now := time.Now()
	r := judged(t, leaf(), func(q *crl.Query) { q.Time, q.Stale = now, policy.StaleAllow }, w.ca.CRL(f.CRL{ThisUpdate: daysAgo(9), NextUpdate: daysAgo(1)}))
	if r.Status != report.Good || !r.Expires.Equal(now) {
		t.Errorf("a stale list that is allowed: %s until %s", r.Status, r.Expires)
	}
	var points []f.DP
	for i := range 20 {
		points = append(points, f.DP{FullName: [][]byte{f.URI(fmt.Sprint("http://crl.test/delta", i))}})
	}
	if r := judged(t, leaf(f.FreshestCRL(points...)), nil, w.ca.CRL(f.CRL{})); len(r.Needs) != 8 {
		t.Errorf("%d needs", len(r.Needs))
	}
}

// Extensions are there once, in DER, and numbers are not negative.
func TestExtensionSyntax(t *testing.T) {
	w := world()
	// last replaces the list's last extension by what change makes of it.
	last := func(change func([]byte) []byte) func([]byte) []byte {
		return func(tbs []byte) []byte {
			n := len(f.Children(tbs)) - 1
			all := f.Children(f.Children(f.Children(tbs)[n])[0])
			all[len(all)-1] = change(all[len(all)-1])
			return f.Replace(tbs, n, f.Explicit(0, f.Seq(all...)))
		}
	}
	long := func(x []byte) []byte { _, body, _ := f.SplitTLV(x); return f.LongTLV(0x30, 2, body) }
	twice := func(x []byte) []byte { return append(x, x...) }
	if _, err := crl.Parse(context.Background(), w.ca.CRL(f.CRL{Extensions: exts(point.Ext()), MutateTBS: last(twice)})); err == nil {
		t.Error("an extension twice")
	}
	for name, c := range map[string]struct {
		list f.CRL
		id   finding.ID
	}{
		"a long length":     {f.CRL{Extensions: exts(f.Unknown(false)), MutateTBS: last(long)}, finding.CRLNotDER},
		"a negative number": {f.CRL{Extensions: exts(f.CRLNumber(-1))}, finding.CRLExtensionMalformed},
		"only no reasons":   {f.CRL{Extensions: exts(f.IDP{OnlySomeReasons: []int{}}.Ext())}, finding.CRLScopeContradictory},
	} {
		if r := judged(t, leaf(), nil, w.ca.CRL(c.list)); r.Status != report.Unknown || !has(r, c.id) {
			t.Errorf("%s: %s, %v", name, r.Status, r.Findings)
		}
	}
	l, err := crl.Parse(context.Background(), w.ca.CRL(f.CRL{Extensions: exts(f.Ext{OID: "2.5.29.27", Critical: true, Value: f.Null()})}))
	if err != nil || !l.Delta() {
		t.Errorf("a delta list whose base is unreadable is still one: %v", err)
	}
}

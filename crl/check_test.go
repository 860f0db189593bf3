package crl_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// world is the PKI of the tests: a root, a CA below it, and two others that
// issue lists.
var world = sync.OnceValue(func() *struct{ root, ca, other, lists *f.CA } {
	root := f.NewRoot("Root", nil)
	return &struct{ root, ca, other, lists *f.CA }{root, root.Intermediate("CA", nil), root.Intermediate("Other CA", nil), root.Intermediate("List Issuer", nil)}
})

const url = "http://crl.test/ca.crl"

var serial = f.Serial(0x1234567890)

// leaf issues the certificate in question.
func leaf(exts ...f.Ext) *f.CA {
	w := world()
	return w.ca.Issue(f.Cert{Subject: f.CN("leaf"), Serial: serial, Extensions: f.Merge([]f.Ext{f.BasicConstraints(false, -1), f.AKI(w.ca.Key.ID()), f.CRLDP(url)}, exts...)})
}

// a test of Check: lists, certificate and query, and what must come out.
type checkTest struct {
	name  string
	exts  []f.Ext // of the certificate
	cert  func() *f.CA
	lists func() [][]byte
	query func(*crl.Query)
	want  report.Status
	ids   []finding.ID // all must be there
	none  bool         // and no finding at all
	reas  string
}

func one(l f.CRL) func() [][]byte { return by(nil, l) }

// by signs lists with ca; nil means the certificate's issuer.
func by(ca *f.CA, ls ...f.CRL) func() [][]byte {
	return func() (out [][]byte) {
		if ca == nil {
			ca = world().ca
		}
		for _, l := range ls {
			out = append(out, ca.CRL(l))
		}
		return out
	}
}

func both(fs ...func() [][]byte) func() [][]byte {
	return func() (out [][]byte) {
		for _, f := range fs {
			out = append(out, f()...)
		}
		return out
	}
}

func entries(es ...f.Entry) []f.Entry { return es }
func exts(es ...f.Ext) []f.Ext        { return es }

var (
	noise  = f.Revoke(f.Serial(99), f.KeyCompromise)
	listed = f.Revoke(serial, f.KeyCompromise)
	onHold = f.Revoke(serial, f.CertificateHold)
	gone   = f.Revoke(serial, f.RemoveFromCRL)
	point  = f.IDP{FullName: [][]byte{f.URI(url)}}
	aName  = func(ca *f.CA) []byte { return f.DirName(ca.Name) }
	trust  = vouch(report.Good)
)

// vouch has every signer off the path be of this status.
func vouch(st report.Status) func(*crl.Query) {
	return func(q *crl.Query) {
		q.Signer = func(*cert.Certificate) (report.Status, *finding.Finding) { return st, nil }
	}
}

func daysAgo(n int) time.Time { return time.Now().Add(-time.Duration(n) * 24 * time.Hour) }

func checkTests() []checkTest { return append(basicTests(), numberAndNameTests()...) }

func basicTests() []checkTest {
	w := world()
	indirect := f.CRLDPs(f.DP{FullName: [][]byte{f.URI(url)}, CRLIssuer: [][]byte{aName(w.lists)}})
	indirectIDP := f.IDP{FullName: [][]byte{f.URI(url)}, Indirect: true}.Ext()
	impostor := f.NewRoot("CA", nil)
	rsa1024 := w.root.Intermediate("Small", f.RSA(1024))
	rsa2048 := w.root.Intermediate("Large", f.RSA(2048))
	ofRSA := func(ca *f.CA) func() *f.CA {
		return func() *f.CA {
			return ca.Issue(f.Cert{Subject: f.CN("leaf"), Serial: serial, Extensions: exts(f.CRLDP(url))})
		}
	}
	issuedBy := func(ca *f.CA) func(*crl.Query) { return func(q *crl.Query) { q.Issuer = cert.Parse(ca.Raw) } }
	noSign := w.root.Intermediate("No Sign", nil, f.KeyUsage(f.KeyCertSign))
	second := w.root.Intermediate("CA", nil) // another key of the same CA
	freshest := f.FreshestCRL(f.DP{FullName: [][]byte{f.URI("http://crl.test/delta.crl")}})
	base := f.CRL{Extensions: exts(f.CRLNumber(5)), Entries: entries(noise)}
	delta := func(number, from int64, es ...f.Entry) f.CRL {
		return f.CRL{Extensions: exts(f.CRLNumber(number), f.DeltaIndicator(from)), Entries: es}
	}
	holdBase := f.CRL{Extensions: exts(f.CRLNumber(5)), Entries: entries(onHold)}
	reasons := func(r ...int) f.CRL { return f.CRL{Extensions: exts(f.IDP{OnlySomeReasons: r}.Ext())} }
	stale := f.CRL{ThisUpdate: daysAgo(10), NextUpdate: daysAgo(1)}
	staleListed := func(e f.Entry) f.CRL { c := stale; c.Entries = entries(e); return c }
	good, revoked, unknown := report.Good, report.Revoked, report.Unknown
	return []checkTest{
		{name: "absent", lists: one(f.CRL{Entries: entries(noise)}), want: good, none: true},
		{name: "empty list", lists: one(f.CRL{}), want: good, none: true},
		{name: "v1", lists: one(f.CRL{Version: 1, Entries: entries(f.Revoke(f.Serial(1), -1))}), want: good, none: true},
		{name: "listed", lists: one(f.CRL{Entries: entries(noise, listed, noise)}), want: revoked, reas: "keyCompromise", none: true},
		{name: "listed without reason", lists: one(f.CRL{Entries: entries(f.Revoke(serial, -1))}), want: revoked},
		{name: "hold is revoked", lists: one(f.CRL{Entries: entries(onHold)}), want: revoked, reas: "certificateHold"},
		{name: "removeFromCRL in a complete list is revoked", lists: one(f.CRL{Entries: entries(gone)}), want: revoked},
		{name: "revoked in the future", lists: one(f.CRL{Entries: entries(f.Entry{Serial: serial, Time: time.Now().AddDate(1, 0, 0)})}), want: revoked},
		{name: "listed twice, the worst counts", lists: one(f.CRL{Entries: entries(onHold, listed)}), want: revoked, reas: "keyCompromise"},
		{name: "a serial number that begins alike", lists: one(f.CRL{Entries: entries(f.Revoke(serial[:len(serial)-1], 1), f.Revoke(append(serial[:len(serial):len(serial)], 0), 1))}), want: good},
		{name: "a padded serial number is the same", lists: one(f.CRL{Entries: entries(f.Revoke(append([]byte{0}, serial...), 1))}), want: revoked, ids: []finding.ID{finding.CRLProfile}},
		{name: "no lists", lists: func() [][]byte { return nil }, want: unknown, none: true},

		// Times.
		{name: "stale", lists: one(stale), want: unknown, ids: []finding.ID{finding.CRLStale}},
		{name: "stale within the skew", lists: one(f.CRL{ThisUpdate: daysAgo(9), NextUpdate: time.Now().Add(-time.Minute)}), query: func(q *crl.Query) { q.Skew = 5 * time.Minute }, want: good},
		{name: "stale, allowed", lists: one(stale), query: func(q *crl.Query) { q.Stale = policy.StaleAllow }, want: good, ids: []finding.ID{finding.CRLStale}},
		{name: "stale, warned", lists: one(stale), query: func(q *crl.Query) { q.Stale = policy.StaleWarn }, want: good, ids: []finding.ID{finding.CRLStale}},
		{name: "stale but listed", lists: one(staleListed(listed)), want: unknown, ids: []finding.ID{finding.CRLStale, finding.CRLStaleListed}},
		{name: "stale hold", lists: one(staleListed(onHold)), want: unknown, ids: []finding.ID{finding.CRLStale}},
		{name: "stale and listed beside a current one", lists: by(nil, staleListed(listed), f.CRL{}), want: good, ids: []finding.ID{finding.CRLStaleListed}},
		{name: "not yet valid", lists: one(f.CRL{ThisUpdate: time.Now().Add(time.Hour)}), want: unknown, ids: []finding.ID{finding.CRLNotYetValid}},
		{name: "not yet valid, allowed staleness does not help", lists: one(f.CRL{ThisUpdate: time.Now().Add(time.Hour)}), query: func(q *crl.Query) { q.Stale = policy.StaleAllow }, want: unknown, ids: []finding.ID{finding.CRLNotYetValid}},
		{name: "within the skew", lists: one(f.CRL{ThisUpdate: time.Now().Add(time.Minute)}), query: func(q *crl.Query) { q.Skew = 5 * time.Minute }, want: good},
		{name: "too old", lists: one(f.CRL{ThisUpdate: daysAgo(3)}), query: func(q *crl.Query) { q.MaxAge = 48 * time.Hour }, want: unknown, ids: []finding.ID{finding.CRLTooOld}},
		{name: "no nextUpdate", lists: one(f.CRL{NoNextUpdate: true}), want: unknown, ids: []finding.ID{finding.CRLNoNextUpdate}},
		{name: "no nextUpdate but young", lists: one(f.CRL{NoNextUpdate: true}), query: func(q *crl.Query) { q.MaxAge = 48 * time.Hour }, want: good},
		{name: "no nextUpdate and old", lists: one(f.CRL{NoNextUpdate: true, ThisUpdate: daysAgo(3)}), query: func(q *crl.Query) { q.MaxAge = 48 * time.Hour }, want: unknown, ids: []finding.ID{finding.CRLTooOld}},
		{name: "ends before it begins", lists: one(f.CRL{ThisUpdate: daysAgo(1), NextUpdate: daysAgo(2)}), query: func(q *crl.Query) { q.Stale = policy.StaleAllow }, want: unknown, ids: []finding.ID{finding.CRLTimesInvalid}},

		// Authenticity.
		{name: "signature", lists: one(f.CRL{Entries: entries(listed), MutateSig: f.FlipMiddle}), want: unknown, ids: []finding.ID{finding.CRLSignatureInvalid}},
		{name: "another CA of the same name", lists: by(impostor, f.CRL{}), want: unknown, ids: []finding.ID{finding.CRLSignatureInvalid}},
		{name: "another CA of the same name, in the pool", lists: by(impostor, f.CRL{Entries: entries(listed)}), query: func(q *crl.Query) {
			q.Pool = []*cert.Certificate{cert.Parse(impostor.Raw)}
			vouch("")(q)
		}, want: unknown, ids: []finding.ID{finding.CRLIssuerUntrusted}},
		{name: "the same, with nobody to ask", lists: by(impostor, f.CRL{}), query: func(q *crl.Query) { q.Pool = []*cert.Certificate{cert.Parse(impostor.Raw)} }, want: unknown, ids: []finding.ID{finding.CRLIssuerUntrusted}},
		{name: "another key of the same CA", lists: by(second, f.CRL{Entries: entries(listed)}), query: func(q *crl.Query) { trust(q); q.Pool = []*cert.Certificate{cert.Parse(second.Raw)} }, want: revoked, ids: []finding.ID{finding.CRLOtherKey}},
		{name: "another key of the same CA, revoked", lists: both(by(second, f.CRL{}), by(w.root, f.CRL{Entries: entries(f.Revoke(second.Serial, 1))})),
			query: func(q *crl.Query) { vouch(report.Revoked)(q); q.Pool = []*cert.Certificate{cert.Parse(second.Raw)} }, want: unknown, ids: []finding.ID{finding.CRLIssuerRevoked}},
		{name: "another key of the same CA, not revoked", lists: both(by(second, f.CRL{}), by(w.root, f.CRL{})),
			query: func(q *crl.Query) { trust(q); q.Pool = []*cert.Certificate{cert.Parse(second.Raw)} }, want: unknown, ids: []finding.ID{finding.CRLOtherKey}},
		{name: "MD5", cert: ofRSA(rsa2048), query: issuedBy(rsa2048), lists: by(rsa2048, f.CRL{Alg: f.MD5WithRSA, Entries: entries(listed)}), want: unknown, ids: []finding.ID{finding.CRLHashBroken}},
		{name: "SHA-1", cert: ofRSA(rsa2048), query: issuedBy(rsa2048), lists: by(rsa2048, f.CRL{Alg: f.SHA1WithRSA}), want: good, ids: []finding.ID{finding.CRLHashWeak}},
		{name: "PSS", cert: ofRSA(rsa2048), query: issuedBy(rsa2048), lists: by(rsa2048, f.CRL{Alg: f.SHA256WithPSS}), want: good, none: true},
		{name: "weak key", cert: ofRSA(rsa1024), query: issuedBy(rsa1024), lists: by(rsa1024, f.CRL{Entries: entries(listed)}), want: unknown, ids: []finding.ID{finding.CRLKeyWeak}},
		{name: "weak key, allowed", cert: ofRSA(rsa1024), query: func(q *crl.Query) { issuedBy(rsa1024)(q); q.MinRSA = 1024 }, lists: by(rsa1024, f.CRL{}), want: good},
		{name: "weak key, revokes when allowed", cert: ofRSA(rsa1024), query: func(q *crl.Query) { issuedBy(rsa1024)(q); q.MinRSA = 1024 }, lists: by(rsa1024, f.CRL{Entries: entries(listed)}), want: revoked},
		{name: "weak key, level 0", cert: ofRSA(rsa1024), query: func(q *crl.Query) { issuedBy(rsa1024)(q); q.SecurityLevel = policy.Level0 }, lists: by(rsa1024, f.CRL{}), want: good},
		{name: "weak key, level 2", cert: ofRSA(rsa1024), query: func(q *crl.Query) { issuedBy(rsa1024)(q); q.SecurityLevel = policy.Level2 }, lists: by(rsa1024, f.CRL{}), want: unknown, ids: []finding.ID{finding.CRLKeyWeak}},
		{name: "a key that is too small for the policy", cert: ofRSA(rsa2048), query: func(q *crl.Query) { issuedBy(rsa2048)(q); q.MinRSA = 3072 }, lists: by(rsa2048, f.CRL{}), want: unknown, ids: []finding.ID{finding.CRLKeyWeak}},
		{name: "a key that is too small for the level", cert: ofRSA(rsa2048), query: func(q *crl.Query) { issuedBy(rsa2048)(q); q.SecurityLevel = policy.Level3 }, lists: by(rsa2048, f.CRL{}), want: unknown, ids: []finding.ID{finding.CRLKeyWeak}},
		{name: "a curve that is too small for the level", query: func(q *crl.Query) { q.SecurityLevel = policy.Level4 }, lists: one(f.CRL{}), want: unknown, ids: []finding.ID{finding.CRLKeyWeak}},
		{name: "SHA-1, level 1", cert: ofRSA(rsa2048), query: func(q *crl.Query) { issuedBy(rsa2048)(q); q.SecurityLevel = policy.Level1 }, lists: by(rsa2048, f.CRL{Alg: f.SHA1WithRSA}), want: unknown, ids: []finding.ID{finding.CRLHashWeak}},
		{name: "a limit that is none", cert: ofRSA(rsa1024), query: func(q *crl.Query) { issuedBy(rsa1024)(q); q.MinRSA = -5 }, lists: by(rsa1024, f.CRL{}), want: unknown, ids: []finding.ID{finding.CRLKeyWeak}},
		{name: "two algorithms", lists: one(f.CRL{InnerAlg: f.ECDSAWithSHA384.ID, Entries: entries(listed)}), want: unknown, ids: []finding.ID{finding.CRLAlgorithmMismatch}},
		{name: "two forms of one algorithm", lists: one(f.CRL{InnerAlg: f.Seq(f.OID("1.2.840.10045.4.3.2"), f.Null()), Entries: entries(listed)}), want: unknown, ids: []finding.ID{finding.CRLAlgorithmMismatch}},
		{name: "unknown algorithm", lists: one(f.CRL{Alg: f.ECDSAWithSHA256.WithID(f.Seq(f.OID("1.2.3.4")))}), want: unknown, ids: []finding.ID{finding.CRLSignatureUnsupported}},
		{name: "no cRLSign", cert: ofRSA(noSign), query: issuedBy(noSign), lists: by(noSign, f.CRL{Entries: entries(listed)}), want: unknown, ids: []finding.ID{finding.CRLSignNotAllowed}},
		{name: "another issuer's", lists: by(w.other, f.CRL{Entries: entries(listed)}), want: unknown, ids: []finding.ID{finding.CRLOtherIssuer}},

		// Scope.
		{name: "own partition", lists: one(f.CRL{Extensions: exts(point.Ext())}), want: good, none: true},
		{name: "another partition", lists: one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{f.URI("http://crl.test/other.crl")}}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "own partition, host and scheme in another case", lists: one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{f.URI("HTTP://CRL.test/ca.crl")}}.Ext())}), want: good, none: true},
		{name: "another partition, differing by case in the path", lists: one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{f.URI("http://crl.test/CA.crl")}}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "another partition, differing by case in the query", lists: one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{f.URI("http://crl.test?CA.crl")}}.Ext())}), exts: exts(f.CRLDP("http://crl.test?ca.crl")), want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "another partition, differing by case in the user", lists: one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{f.URI("http://A@crl.test/")}}.Ext())}), exts: exts(f.CRLDP("http://a@crl.test/")), want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "another partition, no host", lists: one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{f.URI("urn:A")}}.Ext())}), exts: exts(f.CRLDP("urn:a")), want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "another kind of name with the same text", lists: one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{f.DNS(url)}}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "second point, second name", exts: exts(f.CRLDPs(f.DP{FullName: [][]byte{f.URI("ldap://x/")}}, f.DP{FullName: [][]byte{f.URI("http://a.test/"), f.URI(url)}})),
			lists: one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{f.URI("http://b.test/"), f.URI(url)}}.Ext())}), want: good},
		{name: "no points, a partition", exts: exts(f.Unknown(false)), cert: func() *f.CA { return w.ca.Issue(f.Cert{Serial: serial}) }, lists: one(f.CRL{Extensions: exts(point.Ext())}), want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "no points, the complete list", cert: func() *f.CA { return w.ca.Issue(f.Cert{Serial: serial}) }, lists: one(f.CRL{}), want: good},
		{name: "named by its issuer", lists: one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{aName(w.ca)}}.Ext())}), want: good},
		{name: "relative names on both sides", exts: exts(f.CRLDPs(f.DP{Relative: []f.Attr{{OID: "2.5.4.3", Value: "part 1"}}})),
			lists: one(f.CRL{Extensions: exts(f.IDP{Relative: []f.Attr{{OID: "2.5.4.3", Value: "PART  1"}}}.Ext())}), want: good},
		{name: "relative in the list, full in the certificate", exts: exts(f.CRLDPs(f.DP{FullName: [][]byte{f.DirName(f.DN(f.Attr{OID: "2.5.4.3", Value: "CA"}, f.Attr{OID: "2.5.4.3", Value: "part 1"}))}})),
			lists: one(f.CRL{Extensions: exts(f.IDP{Relative: []f.Attr{{OID: "2.5.4.3", Value: "part 1"}}}.Ext())}), want: good},
		{name: "another relative name", exts: exts(f.CRLDPs(f.DP{Relative: []f.Attr{{OID: "2.5.4.3", Value: "part 1"}}})),
			lists: one(f.CRL{Extensions: exts(f.IDP{Relative: []f.Attr{{OID: "2.5.4.3", Value: "part 2"}}}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "only user", lists: one(f.CRL{Extensions: exts(f.IDP{OnlyUser: true}.Ext())}), want: good},
		{name: "only user, a CA", exts: exts(f.BasicConstraints(true, -1)), lists: one(f.CRL{Extensions: exts(f.IDP{OnlyUser: true}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLOtherKind}},
		{name: "only CA", lists: one(f.CRL{Extensions: exts(f.IDP{OnlyCA: true}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLOtherKind}},
		{name: "only CA, a CA", exts: exts(f.BasicConstraints(true, -1)), lists: one(f.CRL{Extensions: exts(f.IDP{OnlyCA: true}.Ext())}), want: good},
		{name: "only attribute", lists: one(f.CRL{Extensions: exts(f.IDP{OnlyAttributeCert: true}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLOtherKind}},
		{name: "only user, version 1", cert: func() *f.CA { return w.ca.Issue(f.Cert{Version: 1, Serial: serial}) }, lists: one(f.CRL{Extensions: exts(f.IDP{OnlyUser: true}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLOtherKind}},
		{name: "user and CA at once", lists: one(f.CRL{Extensions: exts(f.IDP{OnlyUser: true, OnlyCA: true}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLScopeContradictory}},
		{name: "an empty IDP", lists: one(f.CRL{Extensions: exts(f.IDP{}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLScopeContradictory}},
		{name: "an empty IDP, listed", lists: one(f.CRL{Extensions: exts(f.IDP{}.Ext()), Entries: entries(listed)}), want: unknown, ids: []finding.ID{finding.CRLScopeContradictory}},
		{name: "IDP not critical", lists: one(f.CRL{Extensions: exts(point.Ext().NonCrit())}), want: good, ids: []finding.ID{finding.CRLProfile}},

		// Extensions.
		{name: "unknown extension", lists: one(f.CRL{Extensions: exts(f.Unknown(false))}), want: good, none: true},
		{name: "unknown critical", lists: one(f.CRL{Extensions: exts(f.Unknown(true))}), want: unknown, ids: []finding.ID{finding.CRLUnknownCritical}},
		{name: "unknown critical, listed", lists: one(f.CRL{Extensions: exts(f.Unknown(true)), Entries: entries(listed)}), want: revoked, ids: []finding.ID{finding.CRLUnknownCritical}},
		{name: "unknown critical in another entry", lists: one(f.CRL{Entries: entries(f.Revoke(f.Serial(1), 1, f.Unknown(true)))}), want: unknown, ids: []finding.ID{finding.CRLEntryUnknownCritical}},
		{name: "unknown critical in its entry", lists: one(f.CRL{Entries: entries(f.Revoke(serial, 1, f.Unknown(true)))}), want: revoked, ids: []finding.ID{finding.CRLEntryUnknownCritical}},
		{name: "unknown in an entry", lists: one(f.CRL{Entries: entries(f.Revoke(f.Serial(1), 1, f.Unknown(false)))}), want: good, none: true},
		{name: "malformed IDP", lists: one(f.CRL{Extensions: exts(f.Ext{OID: "2.5.29.28", Critical: true, Value: f.Seq(f.Null())})}), want: unknown, ids: []finding.ID{finding.CRLExtensionMalformed}},
		{name: "malformed number", lists: one(f.CRL{Extensions: exts(f.Ext{OID: "2.5.29.20", Value: f.Null()})}), want: unknown, ids: []finding.ID{finding.CRLExtensionMalformed}},
		{name: "version 1 with extensions", lists: one(f.CRL{Version: 1, Extensions: exts(f.CRLNumber(1))}), want: unknown, ids: []finding.ID{finding.CRLVersion}},
		{name: "version 3", lists: one(f.CRL{Version: 3}), want: unknown, ids: []finding.ID{finding.CRLVersion}},
		{name: "version 3, listed", lists: one(f.CRL{Version: 3, Entries: entries(listed)}), want: revoked, ids: []finding.ID{finding.CRLVersion}},
		{name: "a reason that does not exist", lists: one(f.CRL{Entries: entries(f.Revoke(serial, 7))}), want: revoked, ids: []finding.ID{finding.CRLProfile}, reas: "code 7"},

		// Reasons.
		{name: "some reasons only", lists: by(nil, reasons(1, 2)), want: unknown, ids: []finding.ID{finding.CRLReasonsIncomplete}},
		{name: "some reasons only, listed", lists: one(f.CRL{Extensions: exts(f.IDP{OnlySomeReasons: []int{1, 2}}.Ext()), Entries: entries(listed)}), want: revoked},
		{name: "all reasons in two lists", lists: by(nil, reasons(1, 2), reasons(3, 4, 5, 6, 7, 8)), want: good, none: true},
		{name: "all but one in two lists", lists: by(nil, reasons(1, 2), reasons(3, 4, 5, 7, 8)), want: unknown, ids: []finding.ID{finding.CRLReasonsIncomplete}},
		{name: "some reasons twice", lists: by(nil, reasons(1, 2), reasons(1, 2)), want: unknown, ids: []finding.ID{finding.CRLReasonsIncomplete}},
		{name: "the point limits the reasons", exts: exts(f.CRLDPs(f.DP{FullName: [][]byte{f.URI(url)}, Reasons: []int{1, 2}})), lists: one(f.CRL{Extensions: exts(point.Ext())}), want: unknown, ids: []finding.ID{finding.CRLReasonsIncomplete}},
		{name: "list and point share no reason", exts: exts(f.CRLDPs(f.DP{FullName: [][]byte{f.URI(url)}, Reasons: []int{1, 2}})),
			lists: one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{f.URI(url)}, OnlySomeReasons: []int{3}}.Ext())}), want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "only no reasons", lists: one(f.CRL{Extensions: exts(f.IDP{OnlySomeReasons: []int{}}.Ext())}), want: unknown},

		// Indirect lists.
		{name: "indirect", exts: exts(indirect), lists: by(w.lists, f.CRL{Extensions: exts(indirectIDP)}), query: trust, want: good},
		{name: "indirect, nobody named it", lists: by(w.lists, f.CRL{Extensions: exts(indirectIDP)}), query: trust, want: unknown, ids: []finding.ID{finding.CRLOtherIssuer}},
		{name: "indirect, but the list does not say so", exts: exts(indirect), lists: by(w.lists, f.CRL{Extensions: exts(point.Ext())}), query: trust, want: unknown, ids: []finding.ID{finding.CRLOtherIssuer}},
		{name: "indirect, not anchored", exts: exts(indirect), lists: by(w.lists, f.CRL{Extensions: exts(indirectIDP)}), want: unknown, ids: []finding.ID{finding.CRLIssuerUntrusted}},
		{name: "indirect, listed", exts: exts(indirect), lists: by(w.lists, f.CRL{Extensions: exts(indirectIDP), Entries: entries(noise, f.Revoke(serial, 1, f.CertificateIssuer(aName(w.ca))))}), query: trust, want: revoked},
		{name: "indirect, the issuer persists", exts: exts(indirect), lists: by(w.lists, f.CRL{Extensions: exts(indirectIDP), Entries: entries(noise, f.Revoke(f.Serial(5), 1, f.CertificateIssuer(aName(w.ca))), noise, listed)}), query: trust, want: revoked},
		{name: "indirect, the default issuer is the list's", exts: exts(indirect), lists: by(w.lists, f.CRL{Extensions: exts(indirectIDP), Entries: entries(listed, f.Revoke(f.Serial(5), 1, f.CertificateIssuer(aName(w.ca))))}), query: trust, want: good},
		{name: "indirect, another issuer's number", exts: exts(indirect), lists: by(w.lists, f.CRL{Extensions: exts(indirectIDP), Entries: entries(f.Revoke(f.Serial(5), 1, f.CertificateIssuer(aName(w.ca))), f.Revoke(serial, 1, f.CertificateIssuer(aName(w.other))))}), query: trust, want: good},
		{name: "issuers in a list that is not indirect", lists: one(f.CRL{Entries: entries(f.Revoke(f.Serial(5), 1, f.CertificateIssuer(aName(w.other))))}), want: unknown, ids: []finding.ID{finding.CRLExtensionMalformed}},
		{name: "indirect, unnamed point", exts: exts(f.CRLDPs(f.DP{CRLIssuer: [][]byte{aName(w.lists)}})), lists: by(w.lists, f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{aName(w.lists)}, Indirect: true}.Ext())}), query: trust, want: good},

		// Deltas.
		{name: "delta says nothing", lists: by(nil, base, delta(7, 5, noise)), want: good, none: true},
		{name: "delta lists", lists: by(nil, base, delta(7, 5, listed)), want: revoked},
		{name: "delta releases from hold", lists: by(nil, holdBase, delta(7, 5, gone)), want: good},
		{name: "delta keeps the hold", lists: by(nil, holdBase, delta(7, 5, noise)), want: revoked},
		{name: "delta does not release from compromise", lists: by(nil, f.CRL{Extensions: exts(f.CRLNumber(5)), Entries: entries(listed)}, delta(7, 5, gone)), want: revoked},
		{name: "of two deltas the newest", lists: by(nil, holdBase, delta(7, 5, onHold), delta(8, 5, gone)), want: good},
		{name: "delta from a later base", lists: by(nil, base, delta(9, 7, noise)), want: good, ids: []finding.ID{finding.CRLDeltaMismatch}},
		{name: "delta from a later base cannot release", lists: by(nil, holdBase, delta(9, 7, gone)), want: revoked},
		{name: "delta older than the complete list", lists: by(nil, base, delta(4, 3, onHold)), want: good},
		{name: "delta as old as the complete list cannot release", lists: by(nil, holdBase, delta(5, 3, gone)), want: revoked},
		{name: "stale delta cannot release", lists: by(nil, holdBase, f.CRL{Extensions: exts(f.CRLNumber(7), f.DeltaIndicator(5)), Entries: entries(gone), ThisUpdate: daysAgo(3), NextUpdate: daysAgo(1)}), want: revoked},
		{name: "stale delta", lists: by(nil, base, f.CRL{Extensions: exts(f.CRLNumber(7), f.DeltaIndicator(5)), ThisUpdate: daysAgo(3), NextUpdate: daysAgo(1)}), want: good, ids: []finding.ID{finding.CRLStale}},
		{name: "delta of another scope cannot release", lists: by(nil, holdBase, f.CRL{Extensions: exts(f.CRLNumber(7), f.DeltaIndicator(5), point.Ext()), Entries: entries(gone)}), want: revoked},
		{name: "delta by another key cannot release", lists: both(by(nil, holdBase), by(second, delta(7, 5, gone))), query: func(q *crl.Query) { trust(q); q.Pool = []*cert.Certificate{cert.Parse(second.Raw)} }, want: revoked, ids: []finding.ID{finding.CRLOtherKey}},
		{name: "badly signed delta cannot release", lists: both(by(nil, holdBase), by(impostor, delta(7, 5, gone))), want: revoked, ids: []finding.ID{finding.CRLSignatureInvalid}},
		{name: "delta alone", lists: by(nil, delta(7, 5, noise)), want: unknown, ids: []finding.ID{finding.CRLDeltaWithoutBase}},
		{name: "delta alone, listed", lists: by(nil, delta(7, 5, listed)), want: revoked},
		{name: "delta alone, released", lists: by(nil, delta(7, 5, gone)), want: unknown, ids: []finding.ID{finding.CRLDeltaWithoutBase}},
		{name: "delta with a malformed base number", lists: by(nil, holdBase, f.CRL{Extensions: exts(f.CRLNumber(7), f.Ext{OID: "2.5.29.27", Critical: true, Value: f.Null()}), Entries: entries(gone)}), want: revoked, ids: []finding.ID{finding.CRLExtensionMalformed}},
		{name: "stale complete, current delta", lists: by(nil, f.CRL{Extensions: exts(f.CRLNumber(5)), ThisUpdate: daysAgo(9), NextUpdate: daysAgo(1)}, delta(7, 5)), want: unknown, ids: []finding.ID{finding.CRLStale, finding.CRLDeltaWithoutBase}},
		{name: "freshest list wanted", lists: one(f.CRL{Extensions: exts(freshest)}), want: good, ids: []finding.ID{finding.CRLDeltaMissing}},

		// Several editions.
		{name: "a newer edition ends the hold", lists: by(nil, f.CRL{ThisUpdate: daysAgo(2), Extensions: exts(f.CRLNumber(1)), Entries: entries(onHold)}, f.CRL{Extensions: exts(f.CRLNumber(2))}), want: good},
		{name: "a newer edition does not end a revocation", lists: by(nil, f.CRL{ThisUpdate: daysAgo(2), Extensions: exts(f.CRLNumber(1)), Entries: entries(listed)}, f.CRL{Extensions: exts(f.CRLNumber(2))}), want: revoked},
		{name: "numbers fall", lists: by(nil, f.CRL{ThisUpdate: daysAgo(2), Extensions: exts(f.CRLNumber(9))}, f.CRL{Extensions: exts(f.CRLNumber(2))}), want: good, ids: []finding.ID{finding.CRLNumberRegress}},
		{name: "another edition of another partition does not end the hold", lists: by(nil, f.CRL{ThisUpdate: daysAgo(2), Extensions: exts(f.CRLNumber(1)), Entries: entries(onHold)}, f.CRL{Extensions: exts(f.CRLNumber(2), point.Ext())}), want: revoked},
		{name: "too many lists", lists: func() (out [][]byte) {
			l := w.ca.CRL(f.CRL{})
			for range 300 {
				out = append(out, l)
			}
			return out
		}, want: unknown, ids: []finding.ID{finding.CRLBudget}},
	}
}

func TestCheck(t *testing.T) {
	w := world()
	for _, c := range checkTests() {
		t.Run(c.name, func(t *testing.T) {
			subject := leaf(c.exts...)
			if c.cert != nil {
				subject = c.cert()
			}
			q := crl.Query{Cert: cert.Parse(subject.Raw), Issuer: cert.Parse(w.ca.Raw), Above: []*cert.Certificate{cert.Parse(w.root.Raw)}, Time: time.Now(),
				Pool: []*cert.Certificate{cert.Parse(w.lists.Raw)}}
			if c.query != nil {
				c.query(&q)
				if q.Signer != nil && len(q.Pool) == 1 {
					q.Pool = append(q.Pool, cert.Parse(w.lists.Raw))
				}
			}
			for i, b := range c.lists() {
				l, err := crl.Parse(context.Background(), b)
				if err != nil {
					t.Fatal(err)
				}
				q.Sources = append(q.Sources, crl.Source{List: l, URL: fmt.Sprintf("http://crl.test/%d", i)})
			}
			r := crl.Check(context.Background(), q)
			if r.Status != c.want {
				t.Errorf("%s, want %s", r.Status, c.want)
			}
			for _, id := range c.ids {
				if !slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.ID == id }) {
					t.Errorf("no %s", id)
				}
			}
			if c.none && len(r.Findings) > 0 || c.want == report.Unknown && !c.none && len(c.ids) > 0 && report.Worst(r.Findings) < finding.Inconclusive {
				t.Error("findings")
			}
			if c.want != report.Unknown && r.Expires.IsZero() || c.want == report.Unknown && !r.Expires.IsZero() {
				t.Errorf("expires %v", r.Expires)
			}
			if c.want == report.Revoked {
				i := slices.IndexFunc(r.Answers, func(a report.Answer) bool { return a.Status == report.Revoked })
				if i < 0 || c.reas != "" && r.Answers[i].Reason != c.reas || r.Answers[i].RevokedAt.IsZero() {
					t.Errorf("answers %+v", r.Answers)
				}
			}
			for _, f := range r.Findings {
				if f.Param("source") != "crl" {
					t.Errorf("%s has no source", f.ID)
				}
				if t.Failed() {
					t.Log(f)
				}
			}
			// The streamed form gives the same answer.
			for i, b := range c.lists() {
				l, err := crl.Scan(context.Background(), newReader(b), q.Cert.Serial, cert.Parse(world().lists.Raw).Serial, q.Pool[0].Serial)
				if err != nil {
					t.Fatal(err)
				}
				if i < len(q.Sources) {
					q.Sources[i].List = l
				}
			}
			if s := crl.Check(context.Background(), q); s.Status != r.Status || len(s.Findings) != len(r.Findings) {
				t.Errorf("streamed: %s, %v", s.Status, s.Findings)
			}
		})
	}
}

func TestCheckCancelled(t *testing.T) {
	w := world()
	l, err := crl.Parse(context.Background(), w.ca.CRL(f.CRL{}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := crl.Check(ctx, crl.Query{Cert: cert.Parse(leaf().Raw), Issuer: cert.Parse(w.ca.Raw), Time: time.Now(), Sources: []crl.Source{{List: l}}})
	if r.Status != report.Unknown || len(r.Findings) != 1 || r.Findings[0].ID != finding.CRLBudget {
		t.Errorf("%+v", r)
	}
}

// The needs name the delta lists of certificate and list, once each, and end
// when the delta is there.
func TestNeeds(t *testing.T) {
	w := world()
	at := func(u string) f.Ext {
		return f.FreshestCRL(f.DP{FullName: [][]byte{f.URI(u), f.URI("ldap://crl.test/")}})
	}
	subject := cert.Parse(leaf(at("http://crl.test/1")).Raw)
	parse := func(c f.CRL) *crl.List {
		l, err := crl.Parse(context.Background(), w.ca.CRL(c))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	q := crl.Query{Cert: subject, Issuer: cert.Parse(w.ca.Raw), Time: time.Now(), Sources: []crl.Source{{URL: url, Point: 0,
		List: parse(f.CRL{Extensions: exts(at("http://crl.test/2"))})}}}
	r := crl.Check(context.Background(), q)
	if want := []crl.Need{{"http://crl.test/1", 0}, {"http://crl.test/2", 0}}; !slices.Equal(r.Needs, want) {
		t.Errorf("%+v", r.Needs)
	}
	q.Sources = append(q.Sources, crl.Source{URL: "http://crl.test/1", List: parse(f.CRL{Extensions: exts(f.CRLNumber(2), f.DeltaIndicator(1))})})
	if r = crl.Check(context.Background(), q); len(r.Needs) != 1 || r.Status != report.Good {
		t.Errorf("%+v", r)
	}
}

// What a delta list may take back is asked for: a hold, and nothing else.
func TestNeedsOfAHold(t *testing.T) {
	w := world()
	const delta = "http://crl.test/delta.crl"
	for e, want := range map[*f.Entry]int{&onHold: 1, &listed: 0, &noise: 1} {
		r := judged(t, leaf(), nil, w.ca.CRL(f.CRL{Entries: entries(*e), Extensions: exts(f.CRLNumber(5), f.FreshestCRL(f.DP{FullName: [][]byte{f.URI(delta)}}))}))
		if len(r.Needs) != want || want > 0 && r.Needs[0].URL != delta {
			t.Errorf("%s: needs %+v", r.Status, r.Needs)
		}
	}
}

package ocsp_test

import (
	"bytes"
	"crypto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// world is a small PKI; every test case starts from it.
type world struct {
	root, ca, leaf, sibling *CA
	now                     time.Time
}

func newWorld() *world {
	w := &world{now: time.Now().Truncate(time.Second)}
	w.root = NewRoot("Test Root", nil)
	w.ca = w.root.Intermediate("Test CA", nil)
	w.leaf = w.ca.Server("good.example", nil)
	w.sibling = w.ca.Server("other.example", nil)
	return w
}

func (w *world) query() ocsp.Query {
	return ocsp.Query{Cert: cert.Parse(w.leaf.Raw), Issuer: cert.Parse(w.ca.Raw), Time: w.now, Skew: time.Minute, Source: policy.OCSP, URL: "http://ocsp.example/"}
}

func (w *world) good() Single { return w.ca.Good(w.leaf.Serial) }

func ids(fs []finding.Finding, least finding.Severity) (out []finding.ID) {
	for _, f := range fs {
		if f.Severity >= least {
			out = append(out, f.ID)
		}
	}
	return out
}

func TestCheck(t *testing.T) {
	w := newWorld()
	none := report.Status("")
	withSingle := func(change func(*Single)) []byte {
		s := w.good()
		change(&s)
		return OCSP{Singles: []Single{s}}.Sign(w.ca)
	}
	delegated := func(d *CA, o OCSP) []byte {
		if o.Singles == nil {
			o.Singles = []Single{w.good()}
		}
		o.Certs = append([][]byte{d.Raw}, o.Certs...)
		return o.Sign(d)
	}
	direct := func(o OCSP) []byte {
		if o.Singles == nil {
			o.Singles = []Single{w.good()}
		}
		return o.Sign(w.ca)
	}
	noCheck := w.ca.Responder("OCSP Responder", nil)
	badCA := NewRoot("Test CA", nil) // the issuer's name, another key
	unknownExt := Unknown(true)
	day := 24 * time.Hour
	cases := []struct {
		name   string
		body   []byte
		change func(*ocsp.Query)
		want   report.Status
		ids    []finding.ID // of warning and above
	}{
		{"good, by name", direct(OCSP{}), nil, report.Good, nil},
		{"good, by key", direct(OCSP{ByKey: true}), nil, report.Good, nil},
		{"good, issuer enclosed", direct(OCSP{Certs: [][]byte{w.ca.Raw}}), nil, report.Good, nil},
		{"good, cross-signed issuer enclosed", direct(OCSP{Certs: [][]byte{NewRoot("Other Root", nil).Intermediate("Test CA", w.ca.Key).Raw}}), nil, report.Good, nil},
		{"good, unrelated enclosed", direct(OCSP{Certs: [][]byte{w.sibling.Raw, w.root.Raw}}), nil, report.Good, nil},
		{"revoked", direct(OCSP{Singles: []Single{w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise)}}), nil, report.Revoked, nil},
		{"on hold", direct(OCSP{Singles: []Single{w.ca.RevokedSingle(w.leaf.Serial, CertificateHold)}}), nil, report.Revoked, nil},
		{"revoked, no reason", direct(OCSP{Singles: []Single{w.ca.RevokedSingle(w.leaf.Serial, -1)}}), nil, report.Revoked, nil},
		{"unknown", direct(OCSP{Singles: []Single{w.ca.UnknownSingle(w.leaf.Serial)}}), nil, report.Unknown, []finding.ID{finding.OCSPStatusUnknown}},

		{"good and revoked", direct(OCSP{Singles: []Single{w.good(), w.ca.RevokedSingle(w.leaf.Serial, Superseded)}}), nil, report.Revoked, []finding.ID{finding.OCSPStatusesDiffer}},
		{"revoked and good", direct(OCSP{Singles: []Single{w.ca.RevokedSingle(w.leaf.Serial, Superseded), w.good()}}), nil, report.Revoked, []finding.ID{finding.OCSPStatusesDiffer}},
		{"good and unknown", direct(OCSP{Singles: []Single{w.good(), w.ca.UnknownSingle(w.leaf.Serial)}}), nil, report.Unknown, []finding.ID{finding.OCSPStatusesDiffer, finding.OCSPStatusUnknown}},
		{"sibling's revocation beside", direct(OCSP{Singles: []Single{w.ca.RevokedSingle(w.sibling.Serial, 1), w.good()}}), nil, report.Good, nil},

		{"SHA-256 CertID", withSingle(func(s *Single) { s.ID = CertID(crypto.SHA256, w.ca.Name, w.ca.Key, w.leaf.Serial) }), nil, report.Good, nil},
		{"SHA-384 CertID", withSingle(func(s *Single) { s.ID = CertID(crypto.SHA384, w.ca.Name, w.ca.Key, w.leaf.Serial) }), nil, report.Good, nil},
		{"SHA-512 CertID", withSingle(func(s *Single) { s.ID = CertID(crypto.SHA512, w.ca.Name, w.ca.Key, w.leaf.Serial) }), nil, report.Good, nil},
		{"another serial", direct(OCSP{Singles: []Single{w.ca.Good(w.sibling.Serial)}}), nil, none, []finding.ID{finding.OCSPOtherCertificate}},
		{"negated serial", withSingle(func(s *Single) { s.ID = w.ca.CertID(append([]byte{0xff}, w.leaf.Serial...)) }), nil, none, []finding.ID{finding.OCSPOtherCertificate}},
		{"another issuer name", withSingle(func(s *Single) { s.ID = CertID(crypto.SHA1, w.root.Name, w.ca.Key, w.leaf.Serial) }), nil, none, []finding.ID{finding.OCSPOtherCertificate}},
		{"another issuer key", withSingle(func(s *Single) { s.ID = CertID(crypto.SHA1, w.ca.Name, w.root.Key, w.leaf.Serial) }), nil, none, []finding.ID{finding.OCSPOtherCertificate}},
		{"hash algorithm swapped", withSingle(func(s *Single) {
			s.ID = bytes.Replace(s.ID, OID("1.3.14.3.2.26"), OID("1.3.14.3.2.18"), 1)
		}), nil, none, []finding.ID{finding.OCSPOtherCertificate}},
		{"no answers", OCSP{}.Sign(w.ca), nil, none, []finding.ID{finding.OCSPOtherCertificate}},

		{"delegate with nocheck", delegated(noCheck, OCSP{}), nil, report.Good, nil},
		{"delegate by key", delegated(noCheck, OCSP{ByKey: true}), nil, report.Good, nil},
		{"delegate behind unrelated certificates", func() []byte {
			return OCSP{Singles: []Single{w.good()}, Certs: [][]byte{w.root.Raw, w.sibling.Raw, noCheck.Raw}}.Sign(noCheck)
		}(), nil, report.Good, nil},
		{"delegate not enclosed", OCSP{Singles: []Single{w.good()}}.Sign(noCheck), nil, none, []finding.ID{finding.OCSPResponderUnknown}},
		{"signed by a sibling leaf", delegated(w.sibling, OCSP{}), nil, none, []finding.ID{finding.OCSPResponderUnauthorized}},
		{"delegate with anyExtendedKeyUsage only", delegated(w.ca.Responder("any", nil, EKU("2.5.29.37.0")), OCSP{}), nil, none, []finding.ID{finding.OCSPResponderUnauthorized}},
		{"delegate of the root", delegated(w.root.Responder("root's", nil), OCSP{}), nil, none, []finding.ID{finding.OCSPResponderUnauthorized}},
		{"delegate of an impostor", delegated(badCA.Responder("impostor's", nil), OCSP{}), nil, none, []finding.ID{finding.OCSPResponderUnauthorized}},
		{"delegate of a delegate", delegated(noCheck.Responder("second", nil), OCSP{Certs: [][]byte{noCheck.Raw}}), nil, none, []finding.ID{finding.OCSPResponderUnauthorized}},
		{"delegate without digitalSignature", delegated(w.ca.Responder("ku", nil, KeyUsage(KeyEncipherment)), OCSP{}), nil, none, []finding.ID{finding.OCSPResponderUnauthorized}},
		{"delegate with an unknown critical extension", delegated(w.ca.Responder("crit", nil, unknownExt), OCSP{}), nil, none, []finding.ID{finding.OCSPResponderUnauthorized}},
		{"delegate expired", delegated(w.ca.Issue(Cert{Subject: CN("old"), NotBefore: w.now.Add(-9 * day), NotAfter: w.now.Add(-day), Extensions: []Ext{EKU(OCSPSigning), OCSPNoCheck()}}), OCSP{}), nil, none, []finding.ID{finding.OCSPResponderExpired}},
		{"delegate of tomorrow", delegated(w.ca.Issue(Cert{Subject: CN("new"), NotBefore: w.now.Add(day), NotAfter: w.now.Add(9 * day), Extensions: []Ext{EKU(OCSPSigning), OCSPNoCheck()}}), OCSP{}), nil, none, []finding.ID{finding.OCSPResponderExpired}},
		{"delegate's certificate forged", func() []byte {
			d := w.ca.Issue(Cert{Subject: CN("forged"), Extensions: []Ext{EKU(OCSPSigning), OCSPNoCheck()}, MutateSig: FlipMiddle})
			return delegated(d, OCSP{})
		}(), nil, none, []finding.ID{finding.OCSPResponderUnauthorized}},
		{"signed by the root", OCSP{Singles: []Single{w.good()}}.Sign(w.root), nil, none, []finding.ID{finding.OCSPResponderUnknown}},
		{"signed by an impostor of the same name", OCSP{Singles: []Single{w.good()}}.Sign(badCA), nil, none, []finding.ID{finding.OCSPSignatureInvalid}},
		{"impostor of the same name, enclosed", OCSP{Singles: []Single{w.good()}, Certs: [][]byte{badCA.Raw}}.Sign(badCA), nil, none, []finding.ID{finding.OCSPResponderUnauthorized}},
		{"responder's name is wrong", direct(OCSP{ResponderRaw: Explicit(1, w.root.Name)}), nil, none, []finding.ID{finding.OCSPResponderUnknown}},
		{"responder's key is wrong", direct(OCSP{ResponderRaw: Explicit(2, Octets(w.root.Key.ID()))}), nil, none, []finding.ID{finding.OCSPResponderUnknown}},

		{"responder's name is wrong, delegate enclosed", delegated(noCheck, OCSP{ResponderRaw: Explicit(1, w.root.Name)}), nil, none, []finding.ID{finding.OCSPResponderUnknown}},
		{"responder's key is wrong, delegate enclosed", delegated(noCheck, OCSP{ResponderRaw: Explicit(2, Octets(w.root.Key.ID()))}), nil, none, []finding.ID{finding.OCSPResponderUnknown}},
		{"issuer in another spelling, cross-signed and enclosed", func() []byte {
			x := NewRoot("Other Root", nil).Intermediate("TEST CA", w.ca.Key)
			return OCSP{Singles: []Single{w.good()}, Certs: [][]byte{x.Raw}}.Sign(x)
		}(), nil, report.Good, nil},
		{"delegate's certificate is not DER", delegated(w.ca.Issue(Cert{Subject: CN("odd"), Extensions: []Ext{EKU(OCSPSigning), OCSPNoCheck()},
			MutateTBS: func(b []byte) []byte { _, body, _ := SplitTLV(b); return LongTLV(0x30, 4, body) }}), OCSP{}), nil, none, []finding.ID{finding.OCSPResponderUnauthorized}},

		{"signature flipped", direct(OCSP{MutateSig: FlipMiddle}), nil, none, []finding.ID{finding.OCSPSignatureInvalid}},
		{"delegate's signature flipped", delegated(noCheck, OCSP{MutateSig: FlipMiddle}), nil, none, []finding.ID{finding.OCSPSignatureInvalid}},

		{"unknown critical response extension", direct(OCSP{Extensions: []Ext{Unknown(true)}}), nil, none, []finding.ID{finding.OCSPCriticalExtension}},
		{"unknown critical single extension", withSingle(func(s *Single) { s.Extensions = []Ext{Unknown(true)} }), nil, none, []finding.ID{finding.OCSPCriticalExtension}},
		{"unknown critical single extension, revoked", withSingle(func(s *Single) { s.Status = StatusRevoked; s.Extensions = []Ext{Unknown(true)} }), nil, report.Revoked, []finding.ID{finding.OCSPCriticalExtension}},
		{"unknown extension", direct(OCSP{Extensions: []Ext{Unknown(false)}}), nil, report.Good, nil},
		{"critical SCT list", withSingle(func(s *Single) { s.Extensions = []Ext{OCSPSCTs([]byte{0, 0}).Crit()} }), nil, report.Good, nil},
		{"two nonces", direct(OCSP{Extensions: []Ext{Nonce([]byte("a")), Nonce([]byte("b"))}}), nil, none, []finding.ID{finding.OCSPMalformed}},

		{"stale", withSingle(func(s *Single) { s.ThisUpdate, s.NextUpdate = w.now.Add(-9*day), w.now.Add(-time.Hour) }), nil, none, []finding.ID{finding.OCSPStale}},
		{"stale within the skew", withSingle(func(s *Single) { s.ThisUpdate, s.NextUpdate = w.now.Add(-9*day), w.now.Add(-30*time.Second) }), nil, report.Good, nil},
		{"stale, warn", withSingle(func(s *Single) { s.ThisUpdate, s.NextUpdate = w.now.Add(-9*day), w.now.Add(-time.Hour) }), func(q *ocsp.Query) { q.Stale = policy.StaleWarn }, report.Good, []finding.ID{finding.OCSPStale}},
		{"stale, allow", withSingle(func(s *Single) { s.ThisUpdate, s.NextUpdate = w.now.Add(-9*day), w.now.Add(-time.Hour) }), func(q *ocsp.Query) { q.Stale = policy.StaleAllow }, report.Good, nil},
		{"stale and revoked", withSingle(func(s *Single) {
			s.Status, s.Reason, s.ThisUpdate, s.NextUpdate = StatusRevoked, 1, w.now.Add(-9*day), w.now.Add(-time.Hour)
		}), nil, none, []finding.ID{finding.OCSPStaleRevoked, finding.OCSPStale}},
		{"stale and on hold", withSingle(func(s *Single) {
			s.Status, s.Reason, s.ThisUpdate, s.NextUpdate = StatusRevoked, 6, w.now.Add(-9*day), w.now.Add(-time.Hour)
		}), nil, none, []finding.ID{finding.OCSPStale}},
		{"no nextUpdate, young", withSingle(func(s *Single) { s.NoNextUpdate, s.ThisUpdate = true, w.now.Add(-9*day) }), nil, report.Good, nil},
		{"no nextUpdate, old", withSingle(func(s *Single) { s.NoNextUpdate, s.ThisUpdate = true, w.now.Add(-11*day) }), nil, none, []finding.ID{finding.OCSPTooOld}},
		{"older than max-age", withSingle(func(s *Single) { s.ThisUpdate = w.now.Add(-3 * day) }), func(q *ocsp.Query) { q.MaxAge = 2 * day }, none, []finding.ID{finding.OCSPTooOld}},
		{"max-age does not prolong", withSingle(func(s *Single) { s.ThisUpdate, s.NextUpdate = w.now.Add(-3*day), w.now.Add(-day) }), func(q *ocsp.Query) { q.MaxAge = 9 * day }, none, []finding.ID{finding.OCSPStale}},
		{"from the future", withSingle(func(s *Single) { s.ThisUpdate = w.now.Add(time.Hour) }), nil, none, []finding.ID{finding.OCSPNotYetValid}},
		{"from the future, stale=allow", withSingle(func(s *Single) { s.ThisUpdate = w.now.Add(time.Hour) }), func(q *ocsp.Query) { q.Stale = policy.StaleAllow }, none, []finding.ID{finding.OCSPNotYetValid}},
		{"from the near future", withSingle(func(s *Single) { s.ThisUpdate = w.now.Add(30 * time.Second) }), nil, report.Good, nil},
		{"produced in the future", direct(OCSP{ProducedAt: w.now.Add(time.Hour)}), nil, none, []finding.ID{finding.OCSPNotYetValid}},
		{"produced before the certificate", direct(OCSP{ProducedAt: w.now.Add(-90 * day)}), nil, none, []finding.ID{finding.OCSPTimesInvalid}},
		{"ends before it begins", withSingle(func(s *Single) { s.NextUpdate = w.now.Add(-2 * time.Hour) }), nil, none, []finding.ID{finding.OCSPTimesInvalid}},

		{"nonce returned", direct(OCSP{Nonce: []byte("0123456789abcdef0123456789abcdef")}), func(q *ocsp.Query) { q.Nonce = []byte("0123456789abcdef0123456789abcdef") }, report.Good, nil},
		{"nonce without inner wrapping", direct(OCSP{Extensions: []Ext{{OID: "1.3.6.1.5.5.7.48.1.2", Value: []byte("0123456789abcdef")}}}), func(q *ocsp.Query) { q.Nonce = []byte("0123456789abcdef") }, report.Good, nil},
		{"nonce replaced", direct(OCSP{Nonce: []byte("0123456789abcdef0123456789abcdeg")}), func(q *ocsp.Query) { q.Nonce = []byte("0123456789abcdef0123456789abcdef") }, none, []finding.ID{finding.OCSPNonceMismatch}},
		{"nonce replaced, revoked", direct(OCSP{Nonce: []byte("x"), Singles: []Single{w.ca.RevokedSingle(w.leaf.Serial, 1)}}), func(q *ocsp.Query) { q.Nonce = []byte("y") }, none, []finding.ID{finding.OCSPNonceMismatch}},
		{"empty nonce returned", direct(OCSP{Nonce: []byte{}}), func(q *ocsp.Query) { q.Nonce = []byte("y") }, none, []finding.ID{finding.OCSPNonceMismatch}},
		{"nonce dropped", direct(OCSP{}), func(q *ocsp.Query) { q.Nonce = []byte("0123456789abcdef") }, report.Good, nil},
		{"nonce dropped, required", direct(OCSP{}), func(q *ocsp.Query) { q.Nonce, q.RequireNonce = []byte("0123456789abcdef"), true }, none, []finding.ID{finding.OCSPNonceRequired}},
		{"nonce returned, required", direct(OCSP{Nonce: []byte("0123456789abcdef")}), func(q *ocsp.Query) { q.Nonce, q.RequireNonce = []byte("0123456789abcdef"), true }, report.Good, nil},
		{"nonce replaced, required", direct(OCSP{Nonce: []byte("x")}), func(q *ocsp.Query) { q.Nonce, q.RequireNonce = []byte("y"), true }, none, []finding.ID{finding.OCSPNonceMismatch}},
		{"nonce required, none sent", direct(OCSP{Nonce: []byte("x")}), func(q *ocsp.Query) { q.RequireNonce = true }, none, []finding.ID{finding.OCSPNonceRequired}},
		{"nonce dropped, required, revoked", direct(OCSP{Singles: []Single{w.ca.RevokedSingle(w.leaf.Serial, 1)}}), func(q *ocsp.Query) { q.Nonce, q.RequireNonce = []byte("y"), true }, report.Revoked, []finding.ID{finding.OCSPNonceRequired}},
		{"nonce required, of a staple", direct(OCSP{}), func(q *ocsp.Query) { q.Source, q.RequireNonce = policy.Staple, true }, report.Good, nil},
		{"nonce unasked", direct(OCSP{Nonce: []byte("zzz")}), nil, report.Good, nil},

		{"tryLater", OCSP{Status: TryLater}.Sign(w.ca), nil, none, []finding.ID{finding.OCSPTryLater}},
		{"internalError", OCSP{Status: InternalError}.Sign(w.ca), nil, none, []finding.ID{finding.OCSPTryLater}},
		{"unauthorized", OCSP{Status: Unauthorized}.Sign(w.ca), nil, none, []finding.ID{finding.OCSPErrorStatus}},
		{"malformedRequest", OCSP{Status: MalformedRequest}.Sign(w.ca), nil, none, []finding.ID{finding.OCSPErrorStatus}},
		{"sigRequired", OCSP{Status: SigRequired}.Sign(w.ca), nil, none, []finding.ID{finding.OCSPErrorStatus}},
		{"status 4", Seq(Enum(4)), nil, none, []finding.ID{finding.OCSPMalformed}},
		{"status 17", Seq(Enum(17)), nil, none, []finding.ID{finding.OCSPMalformed}},
		{"staple tryLater", OCSP{Status: TryLater}.Sign(w.ca), func(q *ocsp.Query) { q.Source, q.URL = policy.Staple, "" }, none, []finding.ID{finding.StapleErrorStatus}},

		{"empty", nil, nil, none, []finding.ID{finding.OCSPMalformed}},
		{"an error page", []byte("<html><body>404</body></html>"), nil, none, []finding.ID{finding.OCSPMalformed}},
		{"truncated", direct(OCSP{MutateRaw: func(b []byte) []byte { return b[:len(b)-1] }}), nil, none, []finding.ID{finding.OCSPMalformed}},
		{"trailing data", direct(OCSP{MutateRaw: func(b []byte) []byte { return append(b, 0) }}), nil, none, []finding.ID{finding.OCSPMalformed}},
		{"trailing data in the signed part", direct(OCSP{MutateTBS: func(b []byte) []byte { return Seq(append(Children(b), Null())...) }}), nil, none, []finding.ID{finding.OCSPMalformed}},
		{"not DER", direct(OCSP{MutateTBS: func(b []byte) []byte { _, body, _ := SplitTLV(b); return LongTLV(0x30, 4, body) }}), nil, none, []finding.ID{finding.OCSPMalformed}},
		{"another response type", direct(OCSP{TypeOID: "1.3.6.1.5.5.7.48.1.4"}), nil, none, []finding.ID{finding.OCSPMalformed}},
		{"version 2", direct(OCSP{Version: 1}), nil, none, []finding.ID{finding.OCSPMalformed}},
		{"certStatus 3", withSingle(func(s *Single) { s.Status = 3 }), nil, none, []finding.ID{finding.OCSPMalformed}},
		{"too large", make([]byte, ocsp.MaxSize+1), nil, none, []finding.ID{finding.OCSPBudget}},
		{"too many answers", direct(OCSP{Singles: slices.Repeat([]Single{w.good()}, ocsp.MaxSingles+1)}), nil, none, []finding.ID{finding.OCSPBudget}},
		{"too many certificates", direct(OCSP{Certs: slices.Repeat([][]byte{w.root.Raw}, ocsp.MaxCerts+1)}), nil, none, []finding.ID{finding.OCSPBudget}},
		{"too many signers", OCSP{Singles: []Single{w.good()}, Certs: slices.Repeat([][]byte{badCA.Raw}, ocsp.MaxCerts)}.Sign(badCA), nil, none, []finding.ID{finding.OCSPBudget}},
		{"wrong issuer given", direct(OCSP{}), func(q *ocsp.Query) { q.Issuer = cert.Parse(w.root.Raw) }, none, []finding.ID{finding.OCSPOtherCertificate}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			q := w.query()
			if c.change != nil {
				c.change(&q)
			}
			got := ocsp.Check(q, c.body)
			if got.Status != c.want || got.Answer.Status != c.want {
				t.Errorf("status %q (answer %q), want %q; findings %v", got.Status, got.Answer.Status, c.want, got.Findings)
			}
			if have := ids(got.Findings, finding.Warning); !slices.Equal(have, c.ids) {
				t.Errorf("findings %v, want %v", have, c.ids)
			}
			if c.want == "" && got.Answer.Detail == "" {
				t.Error("no information and no reason")
			}
			if got.Status == report.Good && got.Expires.IsZero() {
				t.Error("a good answer without an end")
			}
			for _, f := range got.Findings {
				if f.Param("source") != q.Source.String() || strings.Contains(f.Title(), "?") {
					t.Errorf("finding %v lacks parameters: %v", f, f.Params)
				}
			}
		})
	}
}

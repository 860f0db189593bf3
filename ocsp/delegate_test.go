package ocsp_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// A responder without id-pkix-ocsp-nocheck has a revocation status of its own.
func TestDelegateRevocation(t *testing.T) {
	w := newWorld()
	d := func(exts ...Ext) *CA {
		return w.ca.Issue(Cert{Subject: CN("R"), Extensions: append([]Ext{EKU(OCSPSigning), KeyUsage(DigitalSignature)}, exts...)})
	}
	pointing, silent, never := d(CRLDP("http://crl.example/r.crl")), d(), d(OCSPNoCheck(), CRLDP("http://crl.example/r.crl"))
	is := func(s report.Status) func(*cert.Certificate) (report.Status, *finding.Finding) {
		return func(*cert.Certificate) (report.Status, *finding.Finding) { return s, nil }
	}
	none := report.Status("")
	for _, c := range []struct {
		name   string
		signer *CA
		says   int
		own    func(*cert.Certificate) (report.Status, *finding.Finding)
		want   report.Status
		ids    []finding.ID
		held   report.Status // Withheld
	}{
		{"nocheck", never, StatusGood, nil, report.Good, nil, none},
		{"nocheck, and known to be revoked", never, StatusGood, is(report.Revoked), none, []finding.ID{finding.OCSPResponderRevoked}, none},
		{"not checked", pointing, StatusGood, nil, none, []finding.ID{finding.OCSPResponderUnchecked}, report.Good},
		{"not checked, unknown", pointing, StatusUnknown, nil, none, []finding.ID{finding.OCSPResponderUnchecked}, report.Unknown},
		{"not checked, revoked", pointing, StatusRevoked, nil, report.Revoked, []finding.ID{finding.OCSPResponderUnchecked}, none},
		{"good", pointing, StatusGood, is(report.Good), report.Good, nil, none},
		{"unknown", pointing, StatusGood, is(report.Unknown), none, []finding.ID{finding.OCSPResponderUnchecked}, report.Good},
		{"no answer", pointing, StatusGood, is(""), none, []finding.ID{finding.OCSPResponderUnchecked}, report.Good},
		{"revoked", pointing, StatusGood, is(report.Revoked), none, []finding.ID{finding.OCSPResponderRevoked}, none},
		{"revoked says revoked", pointing, StatusRevoked, is(report.Revoked), none, []finding.ID{finding.OCSPResponderRevoked}, none},
		{"no pointer", silent, StatusGood, nil, report.Good, []finding.ID{finding.OCSPResponderUnchecked}, none},
		{"no pointer, revoked by a list at hand", silent, StatusGood, is(report.Revoked), none, []finding.ID{finding.OCSPResponderRevoked}, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := w.good()
			s.Status, s.Reason = c.says, 1
			q := w.query()
			q.Delegate = c.own
			res := ocsp.Check(q, OCSP{Singles: []Single{s}, Certs: [][]byte{c.signer.Raw}}.Sign(c.signer))
			if res.Status != c.want || res.Withheld != c.held {
				t.Errorf("%q, withheld %q; %v", res.Status, res.Withheld, res.Findings)
			}
			if got := ids(res.Findings, finding.Warning); !slices.Equal(got, c.ids) {
				t.Errorf("findings %v, want %v", got, c.ids)
			}
		})
	}
}

// The issuer is a name and a key, and a delegate must be of both.
func TestIssuerIsNameAndKey(t *testing.T) {
	w := newWorld()
	renamed := w.root.Intermediate("Renamed CA", w.ca.Key)
	q := w.query()
	q.Issuer = cert.Parse(renamed.Raw)
	if res := ocsp.Check(q, OCSP{Singles: []Single{w.good()}}.Sign(renamed)); res.Status != "" {
		t.Errorf("an issuer of another name: %+v", res)
	}
	d := renamed.Responder("R", nil)
	res := ocsp.Check(w.query(), OCSP{Singles: []Single{w.good()}, Certs: [][]byte{d.Raw}}.Sign(d))
	if got := ids(res.Findings, finding.Warning); res.Status != "" || !slices.Equal(got, []finding.ID{finding.OCSPResponderUnauthorized}) {
		t.Errorf("a delegate of another name: %v", res.Findings)
	}
	// Names are compared as RFC 5280, 7.1 says, not octet by octet.
	upper := CN("TEST  CA")
	if res := ocsp.Check(w.query(), OCSP{Singles: []Single{w.good()}, ResponderRaw: Explicit(1, upper)}.Sign(w.ca)); res.Status != report.Good {
		t.Errorf("the responder's name in another spelling: %v", res.Findings)
	}
}

func TestTimesAndSCTs(t *testing.T) {
	w := newWorld()
	w.leaf = w.ca.Issue(Cert{Subject: CN("good.example"), NotBefore: w.now.Add(-72 * time.Hour), NotAfter: w.now.Add(-48 * time.Hour),
		Extensions: w.ca.ServerExts(w.ca.Key, DNS("good.example"))})
	res := ocsp.Check(w.query(), OCSP{Singles: []Single{w.good()}}.Sign(w.ca))
	if got := ids(res.Findings, finding.Warning); res.Status != "" || !slices.Equal(got, []finding.ID{finding.OCSPTimesInvalid}) {
		t.Errorf("produced after the certificate's end: %v", res.Findings)
	}
	w = newWorld()
	s := w.good()
	s.Extensions = []Ext{OCSPSCTs([]byte{0, 1, 7})}
	if res := ocsp.Check(w.query(), OCSP{Singles: []Single{s}}.Sign(w.ca)); !bytes.Equal(res.SCTList, []byte{0, 1, 7}) || !res.Fresh {
		t.Errorf("SCT list %x, fresh %v", res.SCTList, res.Fresh)
	}
	s.Status = StatusRevoked
	if res := ocsp.Check(w.query(), OCSP{Singles: []Single{s}}.Sign(w.ca)); res.SCTList != nil {
		t.Error("SCTs of a revoked certificate")
	}
	s.Status, s.ThisUpdate, s.NextUpdate = StatusGood, w.now.Add(-48*time.Hour), w.now.Add(-24*time.Hour)
	q := w.query()
	q.Stale = policy.StaleAllow
	if res := ocsp.Check(q, OCSP{Singles: []Single{s}}.Sign(w.ca)); res.Status != report.Good || res.Fresh {
		t.Errorf("a stale answer that counts: %s, fresh %v", res.Status, res.Fresh)
	}
}

func TestSignatureAlgorithms(t *testing.T) {
	for _, c := range []struct {
		kind   string
		alg    Alg
		want   report.Status
		signer bool // the algorithm is that of the delegate's certificate instead
		ids    []finding.ID
	}{
		{"RSA-2048", SHA256WithRSA, report.Good, false, nil},
		{"RSA-2048", SHA384WithRSA, report.Good, false, nil},
		{"RSA-2048", SHA256WithPSS, report.Good, false, nil},
		{"RSA-2048", SHA1WithRSA, report.Good, false, []finding.ID{finding.OCSPWeakSignature}},
		{"RSA-2048", SHA1WithRSA, report.Good, true, []finding.ID{finding.OCSPWeakSignature}},
		{"RSA-2048", MD5WithRSA, "", false, []finding.ID{finding.OCSPSignatureUnsupported}},
		{"RSA-2048", MD5WithRSA, "", true, []finding.ID{finding.OCSPResponderUnauthorized}},
		{"RSA-1024", SHA256WithRSA, report.Good, false, []finding.ID{finding.OCSPWeakSignature}},
		{"P-256", ECDSAWithSHA256, report.Good, false, nil},
		{"P-384", ECDSAWithSHA384, report.Good, false, nil},
		{"Ed25519", PureEd25519, report.Good, false, nil},
	} {
		w := newWorld()
		w.ca = w.root.Intermediate("Test CA", NewKey(c.kind))
		w.leaf = w.ca.Server("good.example", nil)
		o := OCSP{Singles: []Single{w.good()}, Alg: c.alg}
		signer := w.ca
		if c.signer {
			signer = w.ca.Issue(Cert{Subject: CN("R"), Alg: c.alg, Extensions: []Ext{EKU(OCSPSigning), OCSPNoCheck()}})
			o.Alg, o.Certs = Alg{}, [][]byte{signer.Raw}
		}
		res := ocsp.Check(w.query(), o.Sign(signer))
		if got := ids(res.Findings, finding.Warning); res.Status != c.want || !slices.Equal(got, c.ids) {
			t.Errorf("%s %v (delegate's certificate: %v): %q, %v", c.kind, c.alg.ID, c.signer, res.Status, res.Findings)
		}
	}
}

// The policy's least strength of keys and hashes counts for whoever signed.
func TestLeastStrength(t *testing.T) {
	for _, c := range []struct {
		kind  string
		alg   Alg
		rsa   int
		level policy.SecurityLevel
		want  report.Status
	}{
		{"RSA-2048", SHA256WithRSA, 0, policy.LevelDefault, report.Good},
		{"RSA-2048", SHA256WithRSA, 2048, policy.LevelDefault, report.Good},
		{"RSA-2048", SHA256WithRSA, 3072, policy.LevelDefault, ""},
		{"RSA-2048", SHA256WithRSA, 0, policy.Level3, ""},
		{"RSA-2048", SHA1WithRSA, 0, policy.Level1, ""},
		{"RSA-1024", SHA256WithRSA, 2048, policy.LevelDefault, ""},
		{"RSA-1024", SHA256WithRSA, 1024, policy.LevelDefault, report.Good},
		{"RSA-1024", SHA256WithRSA, 0, policy.Level0, report.Good},
		{"P-256", ECDSAWithSHA256, 0, policy.Level3, report.Good},
		{"P-256", ECDSAWithSHA256, 0, policy.Level4, ""},
	} {
		for _, delegated := range []bool{false, true} {
			w := newWorld()
			w.ca = w.root.Intermediate("Test CA", NewKey(c.kind))
			w.leaf = w.ca.Server("good.example", nil)
			o, signer := OCSP{Singles: []Single{w.good()}, Alg: c.alg}, w.ca
			if delegated {
				signer = w.ca.Responder("R", NewKey(c.kind))
				o.Certs = [][]byte{signer.Raw}
			}
			q := w.query()
			q.MinRSA, q.SecurityLevel = c.rsa, c.level
			res := ocsp.Check(q, o.Sign(signer))
			if weak := slices.Contains(ids(res.Findings, finding.Inconclusive), finding.OCSPWeakSignature); res.Status != c.want || weak != (c.want == "") {
				t.Errorf("%+v, delegated %v: %q, %v", c, delegated, res.Status, res.Findings)
			}
		}
	}
}

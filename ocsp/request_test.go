package ocsp_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	xocsp "golang.org/x/crypto/ocsp"
)

func TestNewRequest(t *testing.T) {
	w := newWorld()
	leaf, ca := cert.Parse(w.leaf.Raw), cert.Parse(w.ca.Raw)
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		for _, nonce := range [][]byte{nil, bytes.Repeat([]byte{0xa5}, 32), bytes.Repeat([]byte{1}, 128)} {
			req := ocsp.NewRequest(leaf, ca, h, nonce)
			if want := OCSPRequest(nonce, CertID(h, w.ca.Name, w.ca.Key, w.leaf.Serial)); !bytes.Equal(req, want) {
				t.Errorf("%v: %x, want %x", h, req, want)
			}
			x, err := xocsp.ParseRequest(req)
			if err != nil || x.HashAlgorithm != h {
				t.Errorf("x/crypto/ocsp reads %+v, %v", x, err)
			}
			r := ocsp.ParseRequest(req)
			if len(r.Findings) > 0 || len(r.IDs) != 1 || !r.IDs[0].Matches(leaf, ca) || !bytes.Equal(r.Nonce, nonce) || r.IDs[0].Hash != h {
				t.Errorf("%+v", r)
			}
		}
	}
	if !bytes.Equal(ocsp.NewRequest(leaf, ca, 0, nil), ocsp.NewRequest(leaf, ca, crypto.SHA1, nil)) {
		t.Error("an unknown hash is not SHA-1")
	}
}

func TestParseRequest(t *testing.T) {
	w := newWorld()
	id := w.ca.CertID(w.leaf.Serial)
	tbs := func(parts ...[]byte) []byte { return Seq(Seq(parts...)) }
	list := Seq(Seq(id))
	good := map[string][]byte{
		"plain":      tbs(list),
		"two":        tbs(Seq(Seq(id), Seq(id))),
		"requestor":  tbs(Explicit(1, DirName(w.ca.Name)), list),
		"nonce":      tbs(list, Explicit(2, Extensions([]Ext{Nonce([]byte("n"))}))),
		"signed":     Seq(Seq(list), Explicit(0, Seq(Null()))),
		"single ext": tbs(Seq(Seq(id, Explicit(0, Extensions([]Ext{Unknown(false)}))))),
	}
	for name, b := range good {
		if r := ocsp.ParseRequest(b); len(r.Findings) > 0 || len(r.IDs) == 0 {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
	for name, b := range map[string][]byte{
		"empty": nil, "trailing": append(tbs(list), 0), "version 2": tbs(Explicit(0, Int(1)), list), "no list": tbs(),
		"bad id": tbs(Seq(Seq(Seq()))), "two requestors": tbs(Explicit(1, DNS("a"), DNS("b")), list),
	} {
		r := ocsp.ParseRequest(b)
		if len(r.Findings) == 0 || r.Findings[0].ID != finding.OCSPMalformed {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
}

func TestGETURL(t *testing.T) {
	req := []byte{0xff, 0xef, 0xbe, 0xfb, 0xff} // base64: /+++/8= , every character that must be escaped
	for _, c := range []struct {
		responder, want string
		short           bool
	}{
		{"http://ocsp.example", "http://ocsp.example/%2F%2B%2B%2B%2B%2F8%3D", true},
		{"http://ocsp.example/", "http://ocsp.example/%2F%2B%2B%2B%2B%2F8%3D", true},
		{"http://ocsp.example/a/", "http://ocsp.example/a/%2F%2B%2B%2B%2B%2F8%3D", true},
		{"http://ocsp.example/?q=1", "", false},
		{"http://ocsp.example/#f", "", false},
		{"http://[::bad", "", false},
	} {
		got, short := ocsp.GETURL(c.responder, req)
		want := strings.ReplaceAll(c.want, "%2F%2B%2B%2B%2B%2F8%3D", url.QueryEscape(base64.StdEncoding.EncodeToString(req)))
		if got != want || short != c.short {
			t.Errorf("GETURL(%q) = %q, %v; want %q", c.responder, got, short, want)
		}
	}
	// 255 octets are short enough, 256 are not.
	base := "http://ocsp.example/"
	pad := 255 - len(base) - 1 - len("AAAA")
	long := base + strings.Repeat("p", pad)
	if u, short := ocsp.GETURL(long, []byte{0, 0, 0}); len(u) != 255 || !short {
		t.Errorf("%d octets, short %v", len(u), short)
	}
	if u, short := ocsp.GETURL(long+"p", []byte{0, 0, 0}); len(u) != 256 || short {
		t.Errorf("%d octets, short %v", len(u), short)
	}
}

// Parse gives everything that `assay show` prints.
func TestParse(t *testing.T) {
	w := newWorld()
	s := w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise)
	cut := s
	cut.Extensions = []Ext{{OID: "1.3.6.1.5.5.7.48.1.6", Value: GeneralizedTime(w.now)}, OCSPSCTs([]byte{0, 1, 7})}
	raw := OCSP{Singles: []Single{cut, w.ca.Good(w.sibling.Serial)}, Certs: [][]byte{w.ca.Raw}, Nonce: []byte("nonce"), ByKey: true}.Sign(w.ca)
	r := ocsp.Parse(raw)
	if len(r.Findings) > 0 || r.Status != ocsp.Successful || r.Version != 1 || len(r.Singles) != 2 || len(r.Certs) != 1 || string(r.Nonce) != "nonce" ||
		!bytes.Equal(r.ResponderKey, w.ca.Key.ID()) || r.Type != "1.3.6.1.5.5.7.48.1.1" || r.Algorithm.Name == "" {
		t.Fatalf("%+v", r)
	}
	one := r.Singles[0]
	if one.Status != ocsp.Revoked || one.ReasonName() != "keyCompromise" || !one.ArchiveCutoff.Equal(w.now) || !bytes.Equal(one.SCTList, []byte{0, 1, 7}) ||
		one.RevokedAt.IsZero() || r.Singles[1].Status != ocsp.Good || r.Singles[1].ReasonName() != "" {
		t.Errorf("%+v", one)
	}
	for st, name := range map[ocsp.Status]string{0: "successful", 1: "malformedRequest", 2: "internalError", 3: "tryLater", 5: "sigRequired", 6: "unauthorized", 9: "status 9"} {
		if st.String() != name {
			t.Errorf("%d is %q", st, st)
		}
	}
}

package corpora

import (
	"crypto/x509"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/assaytls/assay/internal/der"
)

// OpenSSLChains loads the cases of OpenSSL's own verify tests. The Note is the
// test's description and the error of OpenSSL 3.6.5.
func OpenSSLChains(dir string) ([]Chain, error) {
	var d struct {
		Cases []struct {
			Desc, Expected, Target, Purpose string
			Trusted, Untrusted              []string
			Flags                           [][]string
			Error                           *struct {
				Code int
				Text string
			} `json:"openssl_3_6_5_error"`
		}
	}
	if err := readJSON(filepath.Join(dir, "verify_cases.json"), &d); err != nil {
		return nil, err
	}
	var out []Chain
	for i, t := range d.Cases {
		c := Chain{Corpus: "openssl", Name: strconv.Itoa(i) + " " + filepath.Base(t.Target), OK: t.Expected == "ok", Note: t.Desc,
			Time: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), Depth: -1, Whole: true}
		if t.Error != nil {
			c.Note += " (" + strconv.Itoa(t.Error.Code) + " " + t.Error.Text + ")"
		}
		c.Purpose = map[string]string{"": "any", "sslserver": "server", "sslclient": "client", "codesign": "code", "timestampsign": "timestamp"}[t.Purpose]
		leaf, err := pemCerts(filepath.Join(dir, t.Target))
		if err != nil {
			return nil, err
		}
		c.Leaf = leaf[0]
		for _, name := range t.Untrusted {
			more, err := pemCerts(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			for _, b := range more {
				c.Pool = append(c.Pool, trusted(b).Raw)
			}
		}
		for _, name := range t.Trusted {
			more, err := pemCerts(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			for _, b := range more {
				c.Anchors = append(c.Anchors, trusted(b))
			}
		}
		for _, f := range t.Flags {
			c.flag(f)
			if f[0] == "-no_check_time" {
				// Any moment in the leaf's life does.
				if leaf, err := x509.ParseCertificate(c.Leaf); err == nil {
					c.Time = leaf.NotBefore.Add(time.Hour)
				}
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// flag takes over one option of `openssl verify`.
func (c *Chain) flag(f []string) {
	switch f[0] {
	case "-auth_level":
		c.Level, _ = strconv.Atoi(f[1])
	case "-verify_depth":
		c.Depth, _ = strconv.Atoi(f[1])
	case "-partial_chain":
		c.Whole = false
	case "-x509_strict":
		c.Strict = true
	case "-attime":
		n, _ := strconv.ParseInt(f[1], 10, 64)
		c.Time = time.Unix(n, 0).UTC()
	case "-verify_email":
		c.Email = f[1]
	case "-verify_hostname":
		c.Host = f[1]
	case "-policy":
		c.Policies = append(c.Policies, f[1])
	case "-explicit_policy":
		c.ExplicitPolicy = true
	case "-crl_check":
		c.NeedsCRL = true
	}
}

var trustPurposes = map[string]string{"1.3.6.1.5.5.7.3.1": "server", "1.3.6.1.5.5.7.3.2": "client", "1.3.6.1.5.5.7.3.4": "email",
	"1.3.6.1.5.5.7.3.3": "code", "1.3.6.1.5.5.7.3.9": "ocsp", "1.3.6.1.5.5.7.3.8": "timestamp", "2.5.29.37.0": "any"}

// trusted splits OpenSSL's TRUSTED CERTIFICATE: a certificate, then its trust
// settings as SEQUENCE { SEQUENCE OF trusted, [0] SEQUENCE OF rejected, ... }.
func trusted(b []byte) Anchor {
	r := der.NewReader(b, 0)
	e, err := r.Expect(der.Sequence)
	if err != nil || r.Empty() {
		return Anchor{Raw: b}
	}
	a := Anchor{Raw: e.Raw, Aux: b}
	aux, err := r.Expect(der.Sequence)
	if err != nil {
		return Anchor{Raw: b}
	}
	in := aux.Contents()
	if list, ok, _ := in.Optional(der.Sequence); ok {
		a.Trust = oids(list)
	}
	if list, ok, _ := in.Optional(der.Explicit(0)); ok {
		a.Reject = oids(list)
	}
	if slices.Contains(a.Trust, "any") {
		a.Trust = nil
	}
	return a
}

func oids(list der.Element) []string {
	out := []string{}
	for r := list.Contents(); !r.Empty(); {
		e, err := r.Expect(der.OID)
		if err != nil {
			break
		}
		text, _ := der.OIDText(e.Body)
		out = append(out, trustPurposes[text])
	}
	return out
}

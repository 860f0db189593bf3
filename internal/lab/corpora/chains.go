package corpora

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Chain is one case of a corpus about certificate paths: what is presented,
// what is trusted, what is asked, and the verdict the corpus expects.
type Chain struct {
	Corpus, Name string
	Leaf         []byte
	Pool         [][]byte // in no certain order
	Anchors      []Anchor
	CRLs         [][]byte
	Time         time.Time

	Host    string // "" when no name is asked for
	Email   string
	Purpose string // "server", "client", "email", "code", "ocsp", "timestamp", "any"
	Level   int    // security level, as OpenSSL means it
	Depth   int    // most intermediates; -1 for no limit
	Strict  bool
	Whole   bool // OpenSSL is to look for a self-signed root (no -partial_chain)

	Policies                                   []string
	ExplicitPolicy, InhibitMapping, InhibitAny bool

	OK           bool     // expected
	UserPolicies []string // expected user-constrained policy set; nil when not stated
	NeedsCRL     bool     // the verdict depends on the revocation lists
	Note         string   // what the corpus says about the expectation
}

// Anchor is a trusted certificate with the settings some corpora give it.
type Anchor struct {
	Raw    []byte
	Trust  []string // purposes it is trusted for; nil means all
	Reject []string // purposes it is rejected for
	Aux    []byte   // OpenSSL's TRUSTED CERTIFICATE with these settings, nil for none
}

// Root returns the directory of all corpora: $ASSAY_CORPORA, or
// ../shared/corpora beside the module, which is the working directory.
func Root() string {
	if root := os.Getenv("ASSAY_CORPORA"); root != "" {
		return root
	}
	return filepath.Join("..", "shared", "corpora")
}

func readJSON(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		r = z
	}
	if err := json.NewDecoder(r).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// readFiles reads whole files below dir.
func readFiles(dir string, names []string) ([][]byte, error) {
	var out [][]byte
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(dir, n))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// PEMBlocks returns the contents of the blocks of a PEM file whose type ends
// in kind.
func PEMBlocks(path, kind string) ([][]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return out, nil
		}
		if strings.HasSuffix(block.Type, kind) {
			out = append(out, block.Bytes)
		}
	}
}

func pemCerts(path string) ([][]byte, error) {
	out, err := PEMBlocks(path, "CERTIFICATE")
	if err == nil && len(out) == 0 {
		err = errors.New(path + ": no certificate")
	}
	return out, err
}

func base64s(texts []string) ([][]byte, error) {
	var out [][]byte
	for _, t := range texts {
		b, err := base64.StdEncoding.DecodeString(t)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// PKITS loads NIST's path validation suite from its directory: all 249 tests.
// The first CRLs are those of the anchor.
func PKITS(dir string) ([]Chain, error) {
	var tests []struct {
		ID, Name       string
		Certs, CRLs    []string
		ValidationTime time.Time `json:"validation_time"`
		Initial        []string  `json:"initial_policy_set_oids"`
		Explicit       bool      `json:"initial_explicit_policy"`
		Mapping        bool      `json:"initial_policy_mapping_inhibit"`
		Any            bool      `json:"initial_any_policy_inhibit"`
		Expected       string
		User           []string `json:"expected_user_constrained_policy_set_oids"`
		NeedsCRL       bool     `json:"needs_crl"`
	}
	if err := readJSON(filepath.Join(dir, "tests.json"), &tests); err != nil {
		return nil, err
	}
	var out []Chain
	for _, t := range tests {
		certs, err := readFiles(dir, t.Certs)
		if err != nil {
			return nil, err
		}
		crls, err := readFiles(dir, t.CRLs)
		if err != nil {
			return nil, err
		}
		last := len(certs) - 1
		out = append(out, Chain{Corpus: "pkits", Name: t.ID, Note: t.Name, Leaf: certs[last], Pool: certs[1:last],
			Anchors: []Anchor{{Raw: certs[0]}}, CRLs: crls, Time: t.ValidationTime, Purpose: "any", Depth: -1,
			Policies: t.Initial, ExplicitPolicy: t.Explicit, InhibitMapping: t.Mapping, InhibitAny: t.Any,
			OK: t.Expected == "ok", UserPolicies: t.User, NeedsCRL: t.NeedsCRL})
	}
	return out, nil
}

// BetterTLS loads both suites: path building and name constraints. Cases whose
// failure is only a warning there have the Note "soft".
func BetterTLS(dir string) ([]Chain, error) {
	var d struct {
		Certs  []string
		At     time.Time `json:"validate_at"`
		Root   int       `json:"trust_root"`
		Suites map[string]struct {
			Tests []struct {
				ID       int
				Certs    []int
				Host     string
				Expected string
				Soft     bool
			}
		}
	}
	if err := readJSON(filepath.Join(dir, "bettertls.json.gz"), &d); err != nil {
		return nil, err
	}
	ders, err := base64s(d.Certs)
	if err != nil {
		return nil, err
	}
	var out []Chain
	for _, suite := range []string{"pathbuilding", "nameconstraints"} {
		for _, t := range d.Suites[suite].Tests {
			c := Chain{Corpus: "bettertls-" + suite, Name: fmt.Sprint(t.ID), Leaf: ders[t.Certs[0]], Anchors: []Anchor{{Raw: ders[d.Root]}},
				Time: d.At, Host: t.Host, Purpose: "server", Level: -1, Depth: -1, OK: t.Expected == "ACCEPT"}
			for _, i := range t.Certs[1:] {
				c.Pool = append(c.Pool, ders[i])
			}
			if t.Soft {
				c.Note = "soft"
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// BoringChains loads BoringSSL's verify_certificate_chain tests. The Note is
// how the last certificate is trusted and the errors expected.
func BoringChains(dir string) ([]Chain, error) {
	var d struct {
		Cases []struct {
			Name     string
			Chain    []string  `json:"chain_der"`
			Trust    string    `json:"last_cert_trust"`
			Time     time.Time `json:"verify_time"`
			Purpose  string    `json:"key_purpose"`
			Digest   string    `json:"digest_policy"`
			Expected string
			Errors   string `json:"expected_errors"`
		}
	}
	if err := readJSON(filepath.Join(dir, "verify_chain.json"), &d); err != nil {
		return nil, err
	}
	var out []Chain
	for _, t := range d.Cases {
		chain, err := base64s(t.Chain)
		if err != nil {
			return nil, err
		}
		c := Chain{Corpus: "boringssl-chains", Name: t.Name, Leaf: chain[0], Time: t.Time, Depth: -1, OK: t.Expected == "ok",
			Note: t.Trust + " " + t.Purpose + ": " + strings.Join(strings.Fields(t.Errors), " ")}
		switch {
		case strings.HasPrefix(t.Purpose, "SERVER_AUTH"):
			c.Purpose = "server"
		case strings.HasPrefix(t.Purpose, "CLIENT_AUTH"):
			c.Purpose = "client"
		case t.Purpose == "MLS_CLIENT_AUTH":
			c.Purpose = "2.23.146.2.1.3"
		case t.Purpose == "C2PA_MANIFEST":
			c.Purpose = "1.3.6.1.4.1.62558.2.1"
		case t.Purpose == "C2PA_TIMESTAMPING":
			c.Purpose = "timestamp"
		default:
			c.Purpose = "any"
		}
		if t.Digest == "STRONG" {
			c.Level = -1
		}
		if strings.HasPrefix(t.Trust, "TRUSTED") {
			last := len(chain) - 1
			c.Anchors = []Anchor{{Raw: chain[last]}}
			if last > 0 {
				c.Pool = chain[1:last]
			}
		} else {
			c.Pool = chain[1:]
		}
		out = append(out, c)
	}
	return out, nil
}

// UsableChains loads the chains of x509errors.org. The Note is what OpenSSL
// says; the expectation is whether it accepts.
func UsableChains(dir string) ([]Chain, error) {
	var d struct {
		Cases []struct {
			Name     string
			Config   map[string]map[string]any
			Verdicts map[string]struct {
				Message string
				Codes   []string
			}
		}
	}
	if err := readJSON(filepath.Join(dir, "cases.json"), &d); err != nil {
		return nil, err
	}
	root, err := pemCerts(filepath.Join(dir, "root.pem"))
	if err != nil {
		return nil, err
	}
	var out []Chain
	for _, t := range d.Cases {
		chain, err := pemCerts(filepath.Join(dir, "chains", t.Name, "chain.pem"))
		if err != nil {
			return nil, err
		}
		v := t.Verdicts["openssl"]
		c := Chain{Corpus: "usable", Name: t.Name, Leaf: chain[0], Pool: chain[1:], Anchors: []Anchor{{Raw: root[0]}},
			Time: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Purpose: "server", Level: -1, Depth: -1,
			OK: v.Message == "ok" || v.Message == "" || strings.Join(v.Codes, "") == "X509_V_OK", Note: v.Message + " " + strings.Join(v.Codes, " ")}
		cfg := t.Config["openssl"]
		if f, _ := cfg["trust_anchor"].(string); f != "" {
			anchor, err := pemCerts(filepath.Join(dir, "chains", t.Name, f))
			if err == nil {
				c.Anchors = []Anchor{trusted(anchor[0])}
			} else {
				c.Note += "; the anchor " + f + " is not in the corpus"
			}
		}
		if strings.Contains(c.Note, "HOSTNAME_MISMATCH") {
			// The suite connects to localhost. Its sound chains have that in the
			// common name alone, so the name is asked for only where it decides.
			c.Host = "localhost"
		}
		flags, _ := cfg["flags"].(string)
		c.Strict = flags == "--strict"
		c.ExplicitPolicy = flags == "--explicit_policy"
		c.NeedsCRL = flags == "--check_crl"
		if email, _ := cfg["email"].(string); email != "" {
			c.Email = email
		}
		if ip, _ := cfg["ip"].(string); ip != "" {
			c.Host = ip
		}
		if _, ok := cfg["max_depth"]; ok {
			c.Depth = 0
		}
		out = append(out, c)
	}
	return out, nil
}

// RealChains loads 115 chains of public sites with Mozilla's roots; each has a
// path at the time it was checked.
func RealChains(dir string) ([]Chain, error) {
	var d struct {
		Certs  []string
		Chains []struct {
			URL           string
			Leaf          int
			Intermediates []int
			OpenSSL       string    `json:"openssl_path_to_mozilla_roots"`
			At            time.Time `json:"path_checked_at"`
		}
	}
	if err := readJSON(filepath.Join(dir, "chains.json.gz"), &d); err != nil {
		return nil, err
	}
	ders, err := base64s(d.Certs)
	if err != nil {
		return nil, err
	}
	roots, err := pemCerts(filepath.Join(dir, "mozilla-roots-ca-certificates.pem"))
	if err != nil {
		return nil, err
	}
	var anchors []Anchor
	for _, r := range roots {
		anchors = append(anchors, Anchor{Raw: r})
	}
	var out []Chain
	for _, t := range d.Chains {
		c := Chain{Corpus: "real-chains", Name: t.URL, Leaf: ders[t.Leaf], Anchors: anchors, Time: t.At, Purpose: "server", Level: -1, Depth: -1,
			OK: t.OpenSSL == "ok", Note: t.OpenSSL}
		for _, i := range t.Intermediates {
			c.Pool = append(c.Pool, ders[i])
		}
		out = append(out, c)
	}
	return out, nil
}

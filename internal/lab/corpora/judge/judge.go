// Package judge gives the verdict of each verifier on the cases of the corpora.
package judge

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/policy"
)

var purposes = []policy.Purpose{policy.PurposeServer, policy.PurposeClient, policy.PurposeEmail, policy.PurposeCode,
	policy.PurposeOCSP, policy.PurposeTimestamp}

// Options returns what c asks for in certpath's terms.
func Options(c *corpora.Chain) (certpath.Options, error) {
	purpose, err := policy.ParsePurpose(c.Purpose)
	if err != nil {
		return certpath.Options{}, err
	}
	o := certpath.Options{Time: c.Time, Purpose: purpose, SecurityLevel: policy.SecurityLevel(c.Level + 1), Strict: c.Strict,
		Policies: c.Policies, ExplicitPolicy: c.ExplicitPolicy, InhibitMapping: c.InhibitMapping, InhibitAnyPolicy: c.InhibitAny}
	switch {
	case c.Depth == 0:
		o.MaxDepth = -1
	case c.Depth > 0:
		o.MaxDepth = c.Depth
	}
	for _, name := range []string{c.Host, c.Email} {
		if name == "" {
			continue
		}
		id, err := certpath.ParseIdentifier(name)
		if err != nil {
			return o, err
		}
		o.Names = append(o.Names, id)
	}
	return o, nil
}

// Ours builds the paths of c.
func Ours(c *corpora.Chain) (certpath.Result, error) {
	o, err := Options(c)
	if err != nil {
		return certpath.Result{}, err
	}
	anchors := certpath.NewAnchors()
	for _, a := range c.Anchors {
		if err := anchors.AddConstrained(a.Raw, limits(a)); err != nil {
			return certpath.Result{}, err
		}
	}
	var pool []*cert.Certificate
	for _, raw := range c.Pool {
		pool = append(pool, cert.Parse(raw))
	}
	return certpath.Build(context.Background(), cert.Parse(c.Leaf), pool, anchors, o), nil
}

func limits(a corpora.Anchor) certpath.AnchorConstraints {
	var l certpath.AnchorConstraints
	if a.Trust == nil && a.Reject == nil {
		return l
	}
	l.Purposes = []policy.Purpose{}
	for _, p := range purposes {
		if slices.Contains(a.Reject, p.String()) || slices.Contains(a.Reject, "any") || len(a.Trust) > 0 && !slices.Contains(a.Trust, p.String()) {
			continue
		}
		l.Purposes = append(l.Purposes, p)
	}
	return l
}

// Accepts reports whether r has a path without errors and no budget was hit.
func Accepts(r certpath.Result) bool { return len(r.Findings) == 0 && r.Paths[0].Clean() }

var usages = map[string]x509.ExtKeyUsage{"server": x509.ExtKeyUsageServerAuth, "client": x509.ExtKeyUsageClientAuth,
	"email": x509.ExtKeyUsageEmailProtection, "code": x509.ExtKeyUsageCodeSigning, "ocsp": x509.ExtKeyUsageOCSPSigning,
	"timestamp": x509.ExtKeyUsageTimeStamping, "any": x509.ExtKeyUsageAny}

// X509 asks crypto/x509, as far as its interface goes: certificates of the
// pool that it does not parse are left out.
func X509(c *corpora.Chain) error {
	leaf, err := x509.ParseCertificate(c.Leaf)
	if err != nil {
		return err
	}
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: c.Time, DNSName: c.Host}
	u, ok := usages[c.Purpose]
	if !ok {
		u = x509.ExtKeyUsageAny
	}
	o.KeyUsages = []x509.ExtKeyUsage{u}
	for _, a := range c.Anchors {
		if p, err := x509.ParseCertificate(a.Raw); err == nil {
			o.Roots.AddCert(p)
		}
	}
	for _, raw := range c.Pool {
		if p, err := x509.ParseCertificate(raw); err == nil {
			o.Intermediates.AddCert(p)
		}
	}
	for _, p := range c.Policies {
		if oid, err := x509.ParseOID(p); err == nil && p != "2.5.29.32.0" {
			o.CertificatePolicies = append(o.CertificatePolicies, oid)
		}
	}
	_, err = leaf.Verify(o)
	return err
}

// OpenSSL runs `openssl verify` in dir, an empty directory for its files.
// Revocation is not asked for.
func OpenSSL(c *corpora.Chain, dir string) (ok bool, output string) {
	block := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	write := func(name string, ders [][]byte) string {
		var b []byte
		for _, d := range ders {
			b = append(b, block("CERTIFICATE", d)...)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return ""
		}
		return path
	}
	args := []string{"verify", "-no-CAfile", "-no-CApath", "-no-CAstore", "-attime", strconv.FormatInt(c.Time.Unix(), 10)}
	if !c.Whole {
		args = append(args, "-partial_chain")
	}
	var roots []byte
	for _, a := range c.Anchors {
		if a.Aux != nil {
			roots = append(roots, block("TRUSTED CERTIFICATE", a.Aux)...)
		} else {
			roots = append(roots, block("CERTIFICATE", a.Raw)...)
		}
	}
	path := filepath.Join(dir, "anchors.pem")
	if err := os.WriteFile(path, roots, 0o600); err != nil {
		return false, err.Error()
	}
	args = append(args, "-trusted", path)
	if len(c.Pool) > 0 {
		args = append(args, "-untrusted", write("pool.pem", c.Pool))
	}
	switch c.Purpose {
	case "server":
		args = append(args, "-purpose", "sslserver")
	case "client":
		args = append(args, "-purpose", "sslclient")
	case "timestamp":
		args = append(args, "-purpose", "timestampsign")
	}
	if c.Level >= 0 {
		args = append(args, "-auth_level", strconv.Itoa(c.Level))
	} else {
		args = append(args, "-auth_level", "2")
	}
	if c.Depth >= 0 {
		args = append(args, "-verify_depth", strconv.Itoa(c.Depth))
	}
	flag := func(on bool, name string) {
		if on {
			args = append(args, name)
		}
	}
	flag(c.Strict, "-x509_strict")
	flag(len(c.Policies) > 0 || c.ExplicitPolicy, "-policy_check")
	flag(c.ExplicitPolicy, "-explicit_policy")
	flag(c.InhibitMapping, "-inhibit_map")
	flag(c.InhibitAny, "-inhibit_any")
	for _, p := range c.Policies {
		args = append(args, "-policy", p)
	}
	if c.Host != "" {
		if strings.Trim(c.Host, "0123456789.") == "" || strings.Contains(c.Host, ":") {
			args = append(args, "-verify_ip", c.Host)
		} else {
			args = append(args, "-verify_hostname", c.Host)
		}
	}
	if c.Email != "" {
		args = append(args, "-verify_email", c.Email)
	}
	args = append(args, write("leaf.pem", [][]byte{c.Leaf}))
	b, err := exec.Command("openssl", args...).CombinedOutput()
	return err == nil, string(b)
}

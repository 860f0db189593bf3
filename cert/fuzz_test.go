package cert_test

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/peers"
)

// fuzzSeeds reads other projects' fuzz corpora, packed with xz.
func fuzzSeeds(t testing.TB, name string) (inputs [][]byte) {
	path := filepath.Join(corpora.Dir(t, "fuzz-seeds"), name)
	out, err := exec.Command(peers.Path(t, "xz"), "-dc", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(bytes.NewReader(out))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return inputs
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, b)
	}
}

// Other projects' fuzz inputs, of whatever kind: no panic, and the work for
// each is bounded.
func TestFuzzSeeds(t *testing.T) {
	for _, name := range []string{"openssl.tar.xz", "gnutls.tar.xz", "boringssl.tar.xz"} {
		inputs := fuzzSeeds(t, name)
		refused, slowest := 0, time.Duration(0)
		for _, in := range inputs {
			start := time.Now()
			check(t, in)
			slowest = max(slowest, time.Since(start))
			if _, err := x509.ParseCertificate(in); err != nil {
				refused++
			}
		}
		if slowest > time.Second {
			t.Errorf("%s: one input took %v", name, slowest)
		}
		t.Logf("%s: %d inputs, %d of them refused by crypto/x509, slowest %v", name, len(inputs), refused, slowest)
	}
}

// check parses in and tests what must hold of every input.
func check(t *testing.T, in []byte) {
	c := cert.Parse(in)
	if len(c.Findings) > 64 || len(c.Strict()) > 64 {
		t.Errorf("%d and %d findings", len(c.Findings), len(c.Strict()))
	}
	for _, f := range append(c.Findings[:len(c.Findings):len(c.Findings)], c.Strict()...) {
		if _, known := finding.Lookup(f.ID); !known || f.Param("offset") == "" || f.Param("field") == "" {
			t.Errorf("finding %s %v", f.ID, f.Params)
		}
		if title := f.Title(); !utf8.ValidString(title) {
			t.Errorf("title %q", title)
		}
	}
	if c.Key == nil || !bytes.Equal(c.Raw, in) {
		t.Error("no key or other raw bytes")
	}
	for i := range c.Extensions {
		c.ExtensionSummary(i)
		if x := &c.Extensions[i]; x.Offset < 0 || x.Offset > len(in) {
			t.Errorf("extension at offset %d of %d", x.Offset, len(in))
		}
	}
	_, _, _ = c.Subject.String(), c.Issuer.String(), c.SelfIssued()
	if x, err := x509.ParseCertificate(in); err != nil {
		if len(errorsOf(c)) == 0 && excuse(c, err) == "" {
			t.Errorf("crypto/x509 refuses it: %v; ours: %v; %x", err, c.Findings, in)
		}
	} else if len(errorsOf(c)) == 0 {
		for _, d := range differences(c, x) {
			t.Errorf("%s; %x", d, in)
		}
	}
	c.VerifySignatureFrom(nil, c.Key)
}

// seeds adds the certificates of the corpora, those of the breaches, and Go's
// own fuzz inputs.
func seeds(f *testing.F) {
	for _, b := range breaches() {
		if len(b.raw) < 4096 {
			f.Add(b.raw)
		}
	}
	here := func(name string) bool { return corpora.Present(f, name) != "" }
	if os.Getenv("ASSAY_CORPORA") != "" && !slices.ContainsFunc(sampled, func(name string) bool { return !here(name) }) {
		for _, s := range allSamples(f) {
			f.Add(s.raw)
		}
	}
}

func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, in []byte) { check(t, in) })
}

// FuzzDifferential changes a few octets of a good certificate, which reaches
// deeper than FuzzParse, and compares with crypto/x509.
func FuzzDifferential(f *testing.F) {
	var models [][]byte
	for _, b := range breaches() {
		if _, err := x509.ParseCertificate(b.raw); err == nil && len(b.raw) < 4096 {
			models = append(models, b.raw)
		}
	}
	f.Add(uint8(0), uint16(0), []byte{0x30})
	f.Add(uint8(1), uint16(400), []byte("a.example"))
	f.Fuzz(func(t *testing.T, model uint8, at uint16, patch []byte) {
		in := bytes.Clone(models[int(model)%len(models)])
		copy(in[int(at)%len(in):], patch)
		check(t, in)
	})
}

func FuzzName(f *testing.F) {
	for _, s := range [][]byte{{0x30, 0}, attribute(0x0c, "ä"), attribute(0x13, "*"), attribute(0x1e, "\x00a"), attribute(0x1c, "\x00\x00\x00a")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, found := cert.ParseName(raw)
		if again, _ := cert.ParseName(bytes.Clone(raw)); again.Canon != n.Canon {
			t.Error("the canonical form is not a function of the bytes")
		}
		if len(found) == 0 && (n.Canon == "") != n.Empty() {
			t.Errorf("canonical form %q of %v", n.Canon, n.RDNs)
		}
		if !n.Within(n) || !n.Within(cert.Name{}) {
			t.Error("a name is not within itself or the root")
		}
		if s := n.String(); strings.Contains(s, "\x00") {
			t.Errorf("NUL in %q", s)
		}
		cert.ParseGeneralNames(raw, 7)
		cert.ParseDistributionPointName(raw, 7)
	})
}

func FuzzKeyAndAlgorithm(f *testing.F) {
	for _, b := range breaches() {
		c := cert.Parse(b.raw)
		f.Add(c.RawSPKI, c.Algorithm.Raw, []byte("signature"))
	}
	f.Fuzz(func(t *testing.T, spki, alg, signature []byte) {
		k, _ := cert.ParsePublicKey(spki)
		a, _ := cert.ParseAlgorithm(alg)
		if err := k.Verify(nil, a, []byte("message"), signature); err == nil && len(signature) < 32 {
			t.Errorf("verified: %x %x %x", spki, alg, signature)
		}
	})
}

package rootstores_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/rootstores"
	"github.com/assaytls/assay/programs"
)

const (
	madeUpChrome = "version_major: 7\n# \"CN=Lab, O=Lab\"\ntrust_anchors {\n  sha256_hex: \"1111111111111111111111111111111111111111111111111111111111111111\"\n" +
		"  trust_anchor_id: \"\\x82\\332K\"  # 1.2\n  constraints: { sct_not_after_sec: 1761955199 permitted_dns_names: [\"a\", 'b'] }\n  constraints < max_version_exclusive: \"139\" >\n}\n" +
		"additional_certs { sha256_hex: \"2222222222222222222222222222222222222222222222222222222222222222\" tls_trust_anchor: true, enforce_anchor_expiry: true; }\nmtc_anchors { log_id: \"x\" }\n"
	madeUpStore = "platform: MICROSOFT_WINDOWS\nversion: null\ndate_fetched: 2026-07-19\ntrusted_certificates_count: 1\ntrusted_certificates:\n" +
		"- subject_name: \"R\\xF6\\u0151t\"\n  fingerprint: 1111111111111111111111111111111111111111111111111111111111111111\nblocked_certificates_count: 1\nblocked_certificates:\n" +
		"- subject_name: 'It''s old'\n  fingerprint: 2222222222222222222222222222222222222222222222222222222222222222\n"
	madeUpReport = "\"Microsoft Status\",\"CA Common Name or Certificate Name\",\"SHA-256 Fingerprint\",\"Microsoft EKUs\"\n" +
		"\"Included\",\"Lab\",\"1111111111111111111111111111111111111111111111111111111111111111\",\"Server Authentication;Secure Email\"\n" +
		"\"NotBefore\",\"Lab 2\",\"2222222222222222222222222222222222222222222222222222222222222222\",\"Secure Email\"\n"
	madeUpAll = "Certificate Name,Certificate Record Type,Apple Status,Chrome Status,Microsoft Status,Mozilla Status,SHA-256 Fingerprint\n" +
		"Lab,Root Certificate,Included,Included,Included,Included,1111111111111111111111111111111111111111111111111111111111111111\n" +
		"Lab 2,Root Certificate,Blocked,Included,Disabled,Removed,2222222222222222222222222222222222222222222222222222222222222222\n" +
		"Sub,Intermediate Certificate,,,,,3333333333333333333333333333333333333333333333333333333333333333\n"
)

// seeds adds made-up files and the beginnings of real ones.
func seeds(f *testing.F, more ...[]byte) {
	for _, b := range more {
		f.Add(b)
	}
	if dir := corpora.Present(f, "root-programs"); dir != "" {
		names, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
		for _, name := range names {
			if b, err := os.ReadFile(name); err == nil {
				f.Add(b[:min(len(b), 8<<10)]) // large inputs are mutated and made smaller slowly
			}
		}
	}
}

// check reads a publication as whatever it is: there is an error of ours, or tables that hold.
func check(t *testing.T, b []byte) {
	p, err := rootstores.Read(b)
	if err != nil {
		if !errors.Is(err, rootstores.ErrMalformed) && !errors.Is(err, rootstores.ErrUnknown) {
			t.Fatalf("an error of another kind: %v", err)
		}
		return
	}
	tables, err := rootstores.Apply(nil, p, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), true)
	if err != nil {
		t.Fatalf("read, and no table can be made of it: %v", err)
	}
	again, err := programs.Parse(tables.Encode())
	if err != nil || !bytes.Equal(again.Encode(), tables.Encode()) {
		t.Fatalf("what was read cannot be kept: %v", err)
	}
	if _, err := rootstores.Apply(programs.Embedded(), p, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), true); err != nil {
		t.Fatalf("it cannot be applied to the embedded tables: %v", err)
	}
}

func FuzzChrome(f *testing.F) {
	seeds(f, []byte(madeUpChrome))
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

func FuzzObservatory(f *testing.F) {
	seeds(f, []byte(madeUpStore))
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

func FuzzCCADB(f *testing.F) {
	seeds(f, []byte(madeUpReport), []byte(madeUpAll))
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

func FuzzCertdata(f *testing.F) {
	seeds(f, []byte(madeUpCertdata()))
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

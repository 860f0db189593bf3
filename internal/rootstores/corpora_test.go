package rootstores_test

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/nss"

	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/rootstores"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// embeddedFrom are the files that the embedded tables were made from, in order, as
// programs/README.md tells.
var embeddedFrom = []string{"microsoft/authroot.stl", "microsoft/ccadb-report-2025-10.csv@2025-10-06",
	"trust_stores_observatory/microsoft_windows.yaml", "mozilla/certdata.txt@2026-05-01", "chrome/root_store.textproto@2026-06-01",
	"trust_stores_observatory/apple.yaml", "trust_stores_observatory/google_aosp.yaml"}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpora.Dir(t, "root-programs"), name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t testing.TB, b []byte) *rootstores.Publication {
	t.Helper()
	p, err := rootstores.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The embedded tables are those that the generator makes of the files that README.md names.
func TestEmbeddedTablesAreGenerated(t *testing.T) {
	dir := corpora.Dir(t, "root-programs")
	var files []string
	for _, name := range embeddedFrom {
		files = append(files, filepath.Join(dir, name))
	}
	built, err := rootstores.Build(files)
	if err != nil {
		t.Fatal(err)
	}
	first := built.Encode()
	if !bytes.Equal(first, programs.Embedded().Encode()) {
		t.Error("the embedded tables are not what the generator makes: run it again")
	}
	again, err := rootstores.Build(files)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, again.Encode()) {
		t.Error("the generator makes other bytes the second time")
	}
}

// Our reader of certdata.txt finds the roots and the dates that the Go project's own
// finds in the same file. That one leaves out a root by hand, whose name constraints it could
// not tell.
func TestCertdataAgainstNSS(t *testing.T) {
	b := sample(t, "mozilla/certdata.txt")
	theirs, err := nss.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	excluded := [32]byte{0x46, 0xed, 0xc3, 0x68, 0x90, 0x46, 0xd5, 0x3a, 0x45, 0x3f, 0xb3, 0x10, 0x4a, 0xb8, 0x0d, 0xca,
		0xec, 0x65, 0x8b, 0x26, 0x60, 0xea, 0x16, 0x29, 0xdd, 0x7e, 0x86, 0x79, 0x90, 0x64, 0x87, 0x16}
	ours := map[[32]byte]programs.Entry{}
	for _, e := range read(t, b).Lists[0].Entries {
		if e.Trust == programs.Anchor {
			ours[e.SHA256] = e
		}
	}
	if len(ours) != 121 {
		t.Errorf("%d roots", len(ours))
	}
	if _, ok := ours[excluded]; !ok {
		t.Error("the root that is left out there is not here either")
	}
	delete(ours, excluded)
	dated := 0
	for _, c := range theirs {
		id := sha256.Sum256(c.X509.Raw)
		e, ok := ours[id]
		if !ok {
			t.Errorf("%s is not in ours", c.X509.Subject)
			continue
		}
		delete(ours, id)
		var after time.Time
		for _, constraint := range c.Constraints {
			after = time.Time(constraint.(nss.DistrustAfter)).UTC()
			dated++
		}
		if !after.Equal(e.DistrustAfter) {
			t.Errorf("%s: distrusted after %v, ours says %v", c.X509.Subject, after, e.DistrustAfter)
		}
	}
	for _, e := range ours {
		t.Errorf("%s is in ours alone", e.Name)
	}
	if dated != 2 { // Entrust's and Chunghwa's; four more are no anchors for TLS any more
		t.Errorf("%d dates of distrust", dated)
	}
}

// movedByJuly are Mozilla's changes between certdata.txt of 2026-05-01 and the store that the
// observatory fetched on 2026-07-19.
var movedByJuly = map[string]bool{"SecureSign Root CA12": true, "Entrust Root Certification Authority": true,
	"ePKI Root Certification Authority": true, "Atos TrustedRoot 2011": true}

// Two independent copies of a membership are the same but for what changed between their
// dates, and what authroot.stl disallows nobody calls trusted a year later.
func TestMembershipsAgree(t *testing.T) {
	mozilla := sample(t, "trust_stores_observatory/mozilla_nss.yaml")
	for _, e := range programs.Embedded().Anchors(policy.ProgramMozilla) {
		if in := bytes.Contains(mozilla, hexText(e.SHA256)); in == movedByJuly[e.Name] {
			t.Errorf("%s (%x) is in the observatory's store: %v", e.Name, e.SHA256, in)
		}
	}
	windows, _, _ := bytes.Cut(sample(t, "trust_stores_observatory/microsoft_windows.yaml"), []byte("blocked_certificates_count"))
	for _, e := range read(t, sample(t, "microsoft/authroot.stl")).Lists[0].Entries {
		if e.Disallowed != nil && bytes.Contains(windows, hexText(e.SHA256)) {
			t.Errorf("%s (%x) is disallowed in authroot.stl and trusted a year later", e.Name, e.SHA256)
		}
	}
}

// Microsoft's own list is signed under Microsoft's root, and a changed byte in it is found.
func TestAuthRootSignature(t *testing.T) {
	b := sample(t, "microsoft/authroot.stl")
	p := read(t, b)
	if !p.Signature.Good || p.Signature.Problem != "" || len(p.Lists[0].Entries) != 507 || p.Version != "1401DC16C38DC3B89E" {
		t.Errorf("%+v, version %q, %d entries", p.Signature, p.Version, len(p.Lists[0].Entries))
	}
	at := bytes.Index(b, []byte{0x88, 0x5d, 0xe6, 0x4c}) // in the first fingerprint
	b[at] ^= 1
	if p := read(t, b); p.Signature.Good || !p.Signature.Forged {
		t.Errorf("a changed list: %+v", p.Signature)
	}
}

package crl_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

type pkitsTest struct {
	ID, Name, Section, Expected string
	Certs, CRLs                 []string
	Time                        time.Time `json:"validation_time"`
	OpenSSL                     struct {
		Code int `json:"expected_verify_code"`
	}
}

// pkitsDifferences are the tests of PKITS where assay answers otherwise.
var pkitsDifferences = map[string]string{
	"4.1.4": "DSA is not supported: neither the certificates' signatures nor the list's",
	"4.1.5": "the same, with inherited parameters",
}

// pkitsRollovers are the tests where an authority changed its key by a
// certificate that it issued to itself, and one of the two keys signs the list
// for the certificates of both. An authority whose keys have a list each looks
// the same, and whoever holds a revoked certificate chooses which list is seen.
// They pass when the relying party says that it knows (Query.OtherKey).
var pkitsRollovers = map[string]string{
	"4.5.1":   "the new key signs the list, the old one issued the certificate",
	"4.5.4":   "the old key signs the list, the new one issued the certificate",
	"4.6.15":  "the old key signs the list, the new one issued the certificate",
	"4.6.17":  "the same, at two authorities of the path",
	"4.9.6":   "the old key signs the list, the new one issued the certificate",
	"4.11.7":  "the same, of the certificate of an authority",
	"4.12.7":  "the same, of the certificate of an authority",
	"4.12.9":  "the same, at two authorities of the path",
	"4.13.19": "the old key signs the list, the new one issued the certificate",
}

// pkitsSections are those whose failures come from revocation lists; of the
// others only the tests that must pass are run.
var pkitsSections = []string{"4.4", "4.5", "4.14", "4.15"}

// NIST's PKITS: a path is built and every certificate but the anchor is judged
// with all lists of the test. Separate CRL issuers come from the test's
// certificates and are validated to the same anchor.
func TestPKITS(t *testing.T) {
	dir := corpora.Dir(t, "pkits")
	data, err := os.ReadFile(filepath.Join(dir, "tests.json"))
	if err != nil {
		t.Fatal(err)
	}
	var tests []pkitsTest
	if err := json.Unmarshal(data, &tests); err != nil {
		t.Fatal(err)
	}
	ran := map[string]int{}
	for _, c := range tests {
		full := slices.Contains(pkitsSections, c.Section)
		if !full && c.Expected != "ok" {
			continue
		}
		ran[c.Section]++
		ok, why, codes := runPKITS(t, dir, c, false)
		_, differs := pkitsDifferences[c.ID]
		if _, rollover := pkitsRollovers[c.ID]; rollover {
			differs = true
			if codes[report.Revoked] || !strings.Contains(why, string(finding.CRLOtherKey)) {
				t.Errorf("%s %s: no %s\n%s", c.ID, c.Name, finding.CRLOtherKey, why)
			}
			if ok, why, _ := runPKITS(t, dir, c, true); !ok {
				t.Errorf("%s %s, allowed: not good\n%s", c.ID, c.Name, why)
			}
		}
		if ok == (c.Expected == "ok") == differs {
			t.Errorf("%s %s: %v, expected %s, in the ledger: %v\n%s", c.ID, c.Name, ok, c.Expected, differs, why)
		}
		if c.Expected != "ok" && c.OpenSSL.Code == 23 && !codes[report.Revoked] {
			t.Errorf("%s %s: not revoked\n%s", c.ID, c.Name, why)
		}
		if c.Expected != "ok" && c.OpenSSL.Code != 23 && codes[report.Revoked] {
			t.Logf("%s %s: revoked, where OpenSSL says %d", c.ID, c.Name, c.OpenSSL.Code)
		}
	}
	if ran["4.4"] != 21 || ran["4.5"] != 8 || ran["4.14"] != 35 || ran["4.15"] != 10 {
		t.Errorf("ran %v", ran)
	}
}

func runPKITS(t *testing.T, dir string, c pkitsTest, otherKey bool) (ok bool, why string, statuses map[report.Status]bool) {
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var pool []*cert.Certificate
	for _, name := range c.Certs {
		pool = append(pool, cert.Parse(read(name)))
	}
	var lists []*crl.List
	for _, name := range c.CRLs {
		l, err := crl.Parse(context.Background(), read(name))
		if err != nil {
			why += name + ": " + err.Error() + "\n"
			continue
		}
		lists = append(lists, l)
	}
	anchors := certpath.NewAnchors()
	if err := anchors.Add(pool[0].Raw); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	o := certpath.Options{Time: c.Time, Purpose: policy.PurposeAny}
	p := certpath.Build(ctx, pool[len(pool)-1], pool, anchors, o).Paths[0]
	if ok = p.Clean(); !ok {
		for i, fs := range append(p.CertFindings, p.Findings) {
			for _, f := range fs {
				why += string(rune('0'+i)) + " " + f.String() + "\n"
			}
		}
	}
	statuses = map[report.Status]bool{}
	var allowed []finding.ID
	if otherKey {
		allowed = append(allowed, finding.CRLOtherKey)
	}
	res := revocation.Judge(ctx, revocation.Input{Path: p.Certs, NoHandshake: true, Offered: lists, Pool: pool, Time: c.Time,
		Policy: policy.Policy{Schemes: policy.Only(policy.CRL), Allow: allowed},
		Signers: func(x *cert.Certificate) (paths [][]*cert.Certificate) {
			for _, p := range certpath.Build(ctx, x, pool, anchors, o).Paths {
				if p.Clean() {
					paths = append(paths, p.Certs)
				}
			}
			return paths
		}})
	for i := range len(p.Certs) - 1 {
		r := res.Certs[i]
		statuses[r.Revocation.Status] = true
		ok = ok && r.Revocation.Status == report.Good
		why += p.Certs[i].Subject.String() + ": " + string(r.Revocation.Status) + "\n"
		for _, f := range r.Findings {
			why += "\t" + f.String() + "\n"
		}
	}
	return ok, why, statuses
}

package ct_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// testLog is one log of a list made for a test; state "" leaves it out.
type testLog struct {
	spki               []byte
	operator, name     string
	state              string
	tiled              bool
	submission, reader string
}

// listOf makes a log list dated at.
func listOf(t testing.TB, at time.Time, logs ...testLog) *ct.LogList {
	t.Helper()
	type object = map[string]any
	ops := []object{}
	for _, l := range logs {
		o := object{"description": l.name, "key": l.spki, "mmd": 86400}
		if l.state != "" {
			o["state"] = object{l.state: object{"timestamp": "2010-01-01T00:00:00Z"}}
		}
		kind := "logs"
		if o["url"] = l.submission; l.tiled {
			kind = "tiled_logs"
			delete(o, "url")
			o["submission_url"], o["monitoring_url"] = l.submission, l.reader
		}
		ops = append(ops, object{"name": l.operator, kind: []object{o}})
	}
	b, err := json.Marshal(object{"version": "1", "log_list_timestamp": at.UTC().Format(time.RFC3339), "operators": ops})
	if err != nil {
		t.Fatal(err)
	}
	list, err := ct.ParseLogList(b)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func pemCerts(t testing.TB, b []byte) []*cert.Certificate {
	t.Helper()
	var out []*cert.Certificate
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		out = append(out, cert.Parse(block.Bytes))
	}
	if len(out) == 0 {
		t.Fatal("no certificate")
	}
	return out
}

func pemCert(t testing.TB, path ...string) *cert.Certificate {
	t.Helper()
	return pemCerts(t, readFile(t, path...))[0]
}

func unbase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func statuses(c report.CT) (out []report.SCTStatus) {
	for _, s := range c.SCTs {
		out = append(out, s.Status)
	}
	return out
}

// checkLedger compares an outcome with the corpus and the ledger of
// divergences; a divergence that is no more fails too.
func checkLedger(t *testing.T, ledger map[string]string, name, got, want string) {
	t.Helper()
	reason, diverges := ledger[name]
	switch {
	case got != want && !diverges:
		t.Errorf("%s: %s, the corpus wants %s", name, got, want)
	case got == want && diverges:
		t.Errorf("%s: agrees with the corpus, but the ledger has it (%s)", name, reason)
	}
}

// sctrsLedger: where assay differs from rustls/sct.rs.
var sctrsLedger = map[string]string{
	"ecdsa_p384_basic": "RFC 6962, 2.1.4: SHA-256 only; the SCT is signed with SHA-384",
	"rsa3072_basic":    "RFC 6962, 2.1.4: SHA-256 only; the SCT is signed with SHA-384",
	"rsa4096_basic":    "RFC 6962, 2.1.4: SHA-256 only; the SCT is signed with SHA-384",
}

func TestSCTRS(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "ct"), "sct.rs")
	var doc struct {
		Logs map[string]struct {
			File string `json:"key_file"`
			ID   string `json:"log_id_hex"`
		} `json:"logs"`
		Cases []struct {
			Name     string   `json:"name"`
			SCT      string   `json:"sct_file"`
			CertFile string   `json:"cert_file"`
			Literal  string   `json:"cert_literal"`
			Now      int64    `json:"now_ms"`
			Logs     []string `json:"logs"`
			Expected string   `json:"expected"`
		} `json:"cases"`
	}
	readJSON(t, &doc, dir, "cases.json")
	if len(doc.Cases) != 24 {
		t.Fatalf("%d cases, want 24", len(doc.Cases))
	}
	curves := map[int]string{65: "1.2.840.10045.3.1.7", 97: "1.3.132.0.34"}
	for _, c := range doc.Cases {
		var logs []testLog
		for _, n := range c.Logs {
			key := readFile(t, dir, doc.Logs[n].File)
			alg := forge.Seq(forge.OID("1.2.840.113549.1.1.1"), forge.Null())
			if curve := curves[len(key)]; curve != "" {
				alg = forge.Seq(forge.OID("1.2.840.10045.2.1"), forge.OID(curve))
			}
			logs = append(logs, testLog{spki: forge.Seq(alg, forge.Bits(key)), name: n, operator: n})
		}
		now := time.UnixMilli(c.Now)
		list := listOf(t, now, logs...)
		for _, n := range c.Logs {
			if id, _ := hex.DecodeString(doc.Logs[n].ID); list.Lookup([32]byte(id)) == nil {
				t.Errorf("%s: log %s is not in the list under its ID", c.Name, n)
			}
		}
		leaf := &cert.Certificate{Raw: []byte(c.Literal)}
		if c.CertFile != "" {
			leaf = cert.Parse(readFile(t, dir, c.CertFile))
		}
		raw := readFile(t, dir, c.SCT)
		if c.Name == "ecdsa_p256_short" { // the case is every prefix of the file
			for n := range len(raw) {
				if _, err := ct.ParseSCT(raw[:n]); err == nil {
					t.Errorf("%s: %d octets are read as an SCT", c.Name, n)
				}
			}
			continue
		}
		r := ct.CheckSCTs(ct.Input{Path: []*cert.Certificate{leaf}, Delivered: []ct.SCTList{ct.ReadSCTList(0, "tls", forge.SCTList(raw))}, List: list, Time: now})
		if len(r.CT.SCTs) != 1 {
			t.Errorf("%s: %d SCTs", c.Name, len(r.CT.SCTs))
			continue
		}
		s := r.CT.SCTs[0]
		got := map[report.SCTStatus]string{report.SCTValid: "ok", report.SCTInvalid: "InvalidSignature", report.SCTUnknownLog: "UnknownLog", report.SCTUnknownVersion: "UnsupportedSctVersion"}[s.Status]
		switch {
		case strings.Contains(s.Detail, "future"):
			got = "TimestampInFuture"
		case strings.Contains(s.Detail, "cut off"), strings.Contains(s.Detail, "follow the signature"):
			got = "MalformedSct"
		}
		checkLedger(t, sctrsLedger, c.Name, got, c.Expected)
	}
}

// firefoxLedger: where Chrome's policy as assay has it differs from Firefox 140's.
var firefoxLedger = map[string]string{
	"ct-via-ocsp.example.com": "Chrome stopped counting SCTs from OCSP responses in version 148; Firefox 140 counts them",
}

func TestFirefoxPolicyCases(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "ct"), "firefox")
	var known []struct {
		Name, State, Format, Operator, Key string
		Timestamp                          int64
	}
	readJSON(t, &known, dir, "known_logs.json")
	var logs []testLog
	for _, l := range known {
		state := map[string]string{"Admissible": "usable", "Retired": "retired"}[l.State]
		logs = append(logs, testLog{spki: unbase64(t, l.Key), name: l.Name, operator: l.Operator, state: state, tiled: l.Format == "Tiled"})
	}
	if len(logs) != 60 {
		t.Fatalf("%d logs, want 60", len(logs))
	}
	now := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	list := listOf(t, now, logs...)
	ca := pemCert(t, dir, "test-ca.pem")
	var doc struct {
		Cases []struct {
			Host     string
			Status   string `json:"expected_status"`
			Delivery string
		}
	}
	readJSON(t, &doc, dir, "cases.json")
	if len(doc.Cases) != 10 {
		t.Fatalf("%d cases, want 10", len(doc.Cases))
	}
	two := func(stem string) []byte {
		return forge.SCTList(readFile(t, dir, stem+"-1.sct"), readFile(t, dir, stem+"-2.sct"))
	}
	for _, c := range doc.Cases {
		in := ct.Input{Path: []*cert.Certificate{pemCert(t, dir, c.Host+".pem"), ca}, List: list, Policy: policy.CTChrome, Time: now}
		switch c.Host {
		case "ct-via-tls.example.com":
			in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "tls", two("ct-via-tls")))
		case "ct-via-ocsp.example.com":
			in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "ocsp", two("ct-via-ocsp")))
		case "ct-tampered.example.com":
			in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "tls", two("ct-tampered")))
		}
		r := ct.CheckSCTs(in)
		if r.CT.Met == nil {
			t.Errorf("%s: not evaluated: %v", c.Host, r.CT.Explain)
			continue
		}
		got, want := "refused", "refused"
		if *r.CT.Met {
			got = "met"
		}
		if c.Status == "POLICY_COMPLIANT" {
			want = "met"
		}
		checkLedger(t, firefoxLedger, c.Host, got, want)
		// The reason has to be the same one too.
		text := strings.Join(r.CT.Explain, "\n")
		if c.Status == "POLICY_NOT_DIVERSE_SCTS" && !strings.Contains(text, "different operators") {
			t.Errorf("%s: the explanation does not name operators:\n%s", c.Host, text)
		}
		if c.Host == "ct-tampered.example.com" && !slices.Equal(statuses(r.CT), []report.SCTStatus{report.SCTInvalid, report.SCTValid}) {
			t.Errorf("%s: %v", c.Host, statuses(r.CT))
		}
	}
}

func TestOpenSSLCases(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "ct"), "openssl")
	var logs []testLog
	name := ""
	for line := range strings.Lines(string(readFile(t, dir, "log_list.cnf"))) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			name = strings.Trim(line, "[]")
		} else if key, ok := strings.CutPrefix(line, "key = "); ok {
			logs = append(logs, testLog{spki: unbase64(t, key), name: name, operator: name})
		}
	}
	now := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	list := listOf(t, now, logs...)
	var doc struct {
		Cases []struct {
			Name, Cert, Issuer string
			Count              int    `json:"expected_sct_count"`
			Valid              *int   `json:"expected_valid"`
			Time               int64  `json:"time_ms"`
			List               string `json:"tls_sct_list_hex"`
		}
	}
	readJSON(t, &doc, dir, "cases.json")
	if len(doc.Cases) != 7 {
		t.Fatalf("%d cases, want 7", len(doc.Cases))
	}
	for _, c := range doc.Cases {
		if c.List != "" {
			b, _ := hex.DecodeString(c.List)
			raws, err := ct.ParseSCTList(b)
			if err != nil || len(raws) != 1 {
				t.Errorf("%s: %d SCTs, %v", c.Name, len(raws), err)
				continue
			}
			s, err := ct.ParseSCT(raws[0])
			if err != nil || s.Time().Year() != 2013 {
				t.Errorf("%s: %+v, %v", c.Name, s, err)
			}
			continue
		}
		at := now
		if c.Time != 0 {
			at = time.UnixMilli(c.Time)
		}
		r := ct.CheckSCTs(ct.Input{Path: []*cert.Certificate{pemCert(t, dir, c.Cert), pemCert(t, dir, c.Issuer)}, List: list, Policy: policy.CTRequire, Time: at})
		valid, leaf := 0, 0
		for _, s := range r.CT.SCTs {
			if s.Cert == 0 {
				leaf++
				if s.Status == report.SCTValid {
					valid++
				}
			}
		}
		if leaf != c.Count || c.Valid != nil && valid != *c.Valid {
			t.Errorf("%s: %d SCTs, %d valid: %+v", c.Name, leaf, valid, r.CT.SCTs)
		}
		if c.Valid != nil && *r.CT.Met != (*c.Valid > 0) {
			t.Errorf("%s: strict met %v", c.Name, *r.CT.Met)
		}
	}
}

func TestCTGoCases(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "ct"), "ctgo")
	var text map[string]any
	readJSON(t, &text, dir, "constants.json")
	get := func(name string) string { return text[name].(string) }
	var doc struct {
		Cases []struct {
			Desc     string
			Chain    []string
			SCT      string
			Embedded bool
			Expected string
		}
	}
	readJSON(t, &doc, dir, "cases.json")
	if len(doc.Cases) != 5 {
		t.Fatalf("%d cases, want 5", len(doc.Cases))
	}
	now := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	list := listOf(t, now, testLog{spki: unbase64(t, get("LogPublicKeyB64")), name: "test", operator: "test"})
	for _, c := range doc.Cases {
		in := ct.Input{List: list, Time: now}
		for _, n := range c.Chain {
			in.Path = append(in.Path, pemCerts(t, []byte(get(n)))[0])
		}
		if !c.Embedded {
			b, err := hex.DecodeString(get(c.SCT))
			if err != nil {
				t.Fatal(err)
			}
			in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "tls", forge.SCTList(b)))
		}
		r := ct.CheckSCTs(in)
		if got := statuses(r.CT); !slices.Equal(got, []report.SCTStatus{report.SCTStatus(c.Expected)}) {
			t.Errorf("%s: %v, want %s", c.Desc, got, c.Expected)
		}
	}
}

// The certificates, precertificates and SCTs of google/certificate-transparency,
// among them those that precertificate signing certificates issued.
func TestGoogleTestdata(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "ct"), "google-ct-testdata")
	now := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	key := func(name string) []byte {
		block, _ := pem.Decode(readFile(t, dir, name))
		return block.Bytes
	}
	list := listOf(t, now, testLog{spki: key("ct-server-key-public.pem"), name: "test", operator: "test"},
		testLog{spki: key("rsa/ct-server-key-public-rsa.pem"), name: "rsa", operator: "test"})
	for _, c := range []struct {
		chain, proof string // proof "": embedded
		want         report.SCTStatus
	}{
		{"test-cert ca-cert", "test-cert", report.SCTValid},
		{"test-cert ca-cert", "rsa/test-cert-rsa", report.SCTValid},
		{"test-cert ca-cert", "test-embedded-pre-cert", report.SCTInvalid},
		{"test-intermediate-cert intermediate-cert ca-cert", "test-intermediate-cert", report.SCTValid},
		{"test-embedded-cert ca-cert", "", report.SCTValid},
		{"test-embedded-cert intermediate-cert", "", report.SCTInvalid}, // another issuer key
		{"test-embedded-cert", "", report.SCTUnverified},
		{"test-embedded-pre-cert ca-cert", "test-embedded-pre-cert", report.SCTValid},
		{"test-embedded-pre-cert ca-cert", "rsa/test-embedded-pre-cert-rsa", report.SCTValid},
		{"test-embedded-with-intermediate-cert intermediate-cert ca-cert", "", report.SCTValid},
		{"test-embedded-with-intermediate-pre-cert intermediate-cert ca-cert", "test-embedded-with-intermediate-pre-cert", report.SCTValid},
		{"test-embedded-with-preca-cert ca-cert", "", report.SCTValid},
		{"test-embedded-with-preca-pre-cert ca-pre-cert ca-cert", "test-embedded-with-preca-pre-cert", report.SCTValid},
		{"test-embedded-with-preca-pre-cert ca-pre-cert", "test-embedded-with-preca-pre-cert", report.SCTUnverified},
		{"test-embedded-with-preca-pre-cert ca-cert", "test-embedded-with-preca-pre-cert", report.SCTInvalid},
		{"test-embedded-with-intermediate-preca-cert intermediate-cert ca-cert", "", report.SCTValid},
		{"test-embedded-with-intermediate-preca-pre-cert intermediate-pre-cert intermediate-cert ca-cert", "test-embedded-with-intermediate-preca-pre-cert", report.SCTValid},
		{"test-invalid-embedded-cert ca-cert", "", report.SCTInvalid},
	} {
		in := ct.Input{List: list, Time: now}
		for _, n := range strings.Fields(c.chain) {
			in.Path = append(in.Path, pemCert(t, dir, n+".pem"))
		}
		if c.proof != "" {
			in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "tls", forge.SCTList(readFile(t, dir, c.proof+".proof"))))
		}
		r := ct.CheckSCTs(in)
		if got := statuses(r.CT); !slices.Equal(got, []report.SCTStatus{c.want}) {
			t.Errorf("%s with %q: %v, want %s", c.chain, c.proof, got, c.want)
		}
	}
}

package engine_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/roots"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
	"github.com/assaytls/assay/report"
)

// The real chains through all programs, by the tables that are built in and for the
// time at which the chains were looked at. What a program does not accept, and what it
// accepts under a condition, stands in programLedger with the reason. The reason is
// looked for in what the program publishes, as text: no reader of ours is asked.
func TestRealChainsByProgram(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpora.Dir(t, "real-chains"), "pem", "*.pem"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d chains, %v", len(files), err)
	}
	published := readPublished(t)
	b, err := os.ReadFile(filepath.Join(corpora.Dir(t, "ct"), "log-lists", "gstatic-all_logs_list-89.25.json"))
	if err != nil {
		t.Fatal(err)
	}
	logs, err := ct.ParseLogList(b)
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := roots.Load(roots.Options{Files: []string{filepath.Join(corpora.Dir(t, "real-chains"), "mozilla-roots-ca-certificates.pem")}})
	if err != nil {
		t.Fatal(err)
	}
	trust := &engine.Trust{Anchors: anchors, LogList: logs, Programs: programs.Embedded, Known: roots.Known}
	e := engine.New(engine.Options{})
	seen := map[string]bool{}
	answers := 0
	for _, file := range files {
		ev := &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceFiles}
		ders, err := roots.Named(roots.Options{Files: []string{file}})
		if err != nil {
			t.Fatal(err)
		}
		for _, der := range ders {
			ev.Chain = append(ev.Chain, evidence.Entry{Cert: der})
		}
		p := policy.Policy{Time: lookedAt, NoName: true, Schemes: policy.Off, Programs: policy.EveryProgram}
		r := e.Judge(context.Background(), ev, trust, p, download.Access{Offline: true, NoAIA: true}, 0)
		if len(r.Programs) != len(policy.AllProgram()) {
			t.Fatalf("%s: %d programs", filepath.Base(file), len(r.Programs))
		}
		for _, a := range r.Programs {
			answers++
			if len(a.Certs) == 0 {
				t.Errorf("%s: %s by no path", filepath.Base(file), a.Program)
				continue
			}
			root := r.Certs[a.Certs[len(a.Certs)-1]]
			name := a.Program.String() + " " + commonName(root.Subject)
			got := strings.TrimSpace(string(a.Status) + " " + string(a.Rule))
			want, listed := programLedger[name]
			switch {
			case listed && got != want:
				t.Errorf("%s: %s, the ledger says %s (%s)", name, got, want, a.Detail)
			case listed:
				seen[name] = true
				if why := published.contradicts(a, root); why != "" {
					t.Errorf("%s: %s: %s", name, got, why)
				}
			case got != "accepted":
				t.Errorf("%s: %s: %s, which is not in the ledger (%s)", filepath.Base(file), name, got, a.Detail)
			}
			for _, b := range a.Browser {
				if (b.Rule == report.BrowserCT || b.Rule == report.BrowserLifetime) && b.State != report.BrowserMet {
					t.Errorf("%s: %+v", name, b)
				}
			}
		}
	}
	for name := range programLedger {
		if !seen[name] {
			t.Errorf("the ledger's %s was not seen", name)
		}
	}
	t.Logf("%d chains, %d answers, %d in the ledger", len(files), answers, len(programLedger))
}

// lookedAt is when the chains were.
var lookedAt = time.Date(2026, 7, 8, 10, 47, 35, 0, time.UTC)

// commonName is the text behind CN= in a subject.
func commonName(subject string) string {
	_, cn, _ := strings.Cut(subject, "CN=")
	cn, _, _ = strings.Cut(cn, ",")
	return cn
}

// publications are the programs' sample files, as text.
type publications map[policy.Program][]byte

func readPublished(t *testing.T) publications {
	t.Helper()
	dir, all := corpora.Dir(t, "root-programs"), publications{}
	for p, names := range map[policy.Program][]string{
		policy.ProgramChrome: {"chrome/root_store.textproto"}, policy.ProgramApple: {"trust_stores_observatory/apple.yaml"},
		policy.ProgramAndroid: {"trust_stores_observatory/google_aosp.yaml"}, policy.ProgramMicrosoft: {"trust_stores_observatory/microsoft_windows.yaml"},
	} {
		for _, name := range names {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			all[p] = append(all[p], bytes.ToLower(b)...)
		}
	}
	return all
}

// contradicts looks the root up by its SHA-256 in what the program publishes, and says
// what does not agree with the answer.
func (all publications) contradicts(a report.Program, root report.Cert) string {
	text, at := all[a.Program], -1
	if sum, err := hex.DecodeString(root.SHA256); err == nil {
		at = bytes.Index(text, fmt.Appendf(nil, "%x", sum))
	}
	switch a.Rule {
	case report.RuleNotIncluded:
		if at >= 0 {
			return "its SHA-256 is in the publication"
		}
	case report.RuleSCTNotAfter:
		if at < 0 {
			return "its SHA-256 is not in the publication"
		}
		entry, _, _ := bytes.Cut(text[at:], []byte("\n}"))
		if date := fmt.Appendf(nil, "sct_not_after_sec: %d", a.Since.Unix()); !bytes.Contains(entry, date) {
			return "the publication does not have " + string(date)
		}
	}
	return ""
}

// programLedger is what the programs answer about the real chains, by program and
// root, where that is not plain acceptance. Apple, Android and Microsoft publish members
// and no conditions in these files; what is not-included is none of their members.
var programLedger = func() map[string]string {
	ledger := map[string]string{}
	add := func(program, answer string, roots ...string) {
		for _, root := range roots {
			if _, twice := ledger[program+" "+root]; twice {
				panic(root)
			}
			ledger[program+" "+root] = answer
		}
	}
	const no, condition, late = "refused not-included", "accepted sct-not-after", "refused sct-not-after"
	// Chrome's version 36 has none of these: it does not accept new roots as early as Mozilla, and
	// has left out some that it had.
	add("chrome", no, "Atos TrustedRoot 2011", "BJCA Global Root CA1", "BJCA Global Root CA2", "Certum Trusted Network CA 2", "IdenTrust Public Sector Root CA 1",
		"QuoVadis Root CA 1 G3", "TrustAsia Global Root CA G3", "TrustAsia Global Root CA G4", "emSign ECC Root CA - C3", "emSign Root CA - C1")
	// Their last accepted SCT lies before the oldest one of the chain.
	add("chrome", late, "DigiCert Trusted Root G4", "HiPKI Root CA - G1", "NetLock Arany (Class Gold) Főtanúsítvány")
	// Chrome has announced a last SCT, which lies ahead, or behind the chain's first.
	add("chrome", condition, "Buypass Class 2 Root CA", "Buypass Class 3 Root CA", "Certigna Root CA", "D-TRUST BR Root CA 1 2020", "D-TRUST BR Root CA 2 2023",
		"D-TRUST EV Root CA 1 2020", "D-TRUST EV Root CA 2 2023", "D-TRUST Root Class 3 CA 2 2009", "D-TRUST Root Class 3 CA 2 EV 2009", "DigiCert Assured ID Root G2",
		"DigiCert Assured ID Root G3", "Izenpe.com", "SSL.com EV Root Certification Authority ECC", "SSL.com EV Root Certification Authority RSA R2",
		"SwissSign RSA TLS Root CA 2022 - 1", "T-TeleSec GlobalRoot Class 2", "TWCA Global Root CA", "Telekom Security TLS ECC Root 2020", "Telekom Security TLS RSA Root 2023")
	// The chain goes through an intermediate that is an anchor of Chrome's too, and that ends.
	add("chrome", "accepted anchor-expired", "GTS Root R1", "GTS Root R3", "GTS Root R4")
	add("apple", no, "AC RAIZ FNMT-RCM SERVIDORES SEGUROS", "ANF Secure Server Root CA", "BJCA Global Root CA1", "BJCA Global Root CA2", "Certigna Root CA",
		"OISTE Server Root ECC G1", "OISTE Server Root RSA G1", "SZAFIR ROOT CA2", "SwissSign RSA TLS Root CA 2022 - 1", "TWCA CYBER Root CA",
		"Telekom Security TLS ECC Root 2020", "Telekom Security TLS RSA Root 2023", "TrustAsia Global Root CA G3", "TrustAsia Global Root CA G4",
		"TrustAsia TLS ECC Root CA", "TrustAsia TLS RSA Root CA", "UCA Extended Validation Root", "e-Szigno Root CA 2017", "e-Szigno TLS Root CA 2023",
		"emSign ECC Root CA - C3", "emSign Root CA - C1", "vTrus ECC Root CA", "vTrus Root CA")
	add("microsoft", no, "ANF Secure Server Root CA", "BJCA Global Root CA1", "BJCA Global Root CA2", "Certainly Root E1", "Certainly Root R1", "OISTE Server Root ECC G1",
		"OISTE Server Root RSA G1", "TrustAsia Global Root CA G3", "TrustAsia Global Root CA G4", "TrustAsia TLS ECC Root CA", "TrustAsia TLS RSA Root CA",
		"vTrus ECC Root CA", "vTrus Root CA")
	add("android", no, "e-Szigno TLS Root CA 2023") // newer than Android 17's list
	// Debian's file of Mozilla's roots has neither the first root nor the second one's issuer.
	add("system", no, "Atos TrustedRoot 2011", "emSign ECC EV SSL CA - G3")
	// All tables have emSign ECC Root CA - G3, and nobody has its certificate: the server does not
	// send it, and the bundle no longer has it. Apple has another certificate of
	// Firmaprofesional's root than Mozilla, which nobody has either.
	const absent = "cannot-tell anchor-not-given"
	for _, p := range []string{"mozilla", "chrome", "apple", "microsoft", "android"} {
		add(p, absent, "emSign ECC EV SSL CA - G3")
	}
	add("apple", absent, "Autoridad de Certificacion Firmaprofesional CIF A62634068")
	return ledger
}()

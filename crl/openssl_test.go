package crl_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// opensslDifferences are the cases of TestCheck where `openssl verify
// -crl_check -extended_crl -use_deltas` concludes otherwise, and why.
var opensslDifferences = map[string]string{
	"removeFromCRL in a complete list is revoked": "RFC 5280, 5.3.1 has that reason in delta lists only; elsewhere the entry counts",
	"a padded serial number is the same":          "OpenSSL does not read the list at all",
	"stale but listed":                            "OpenSSL reports both errors; assay's status is unknown, with a finding of its own",
	"stale hold":                                  "the same; a hold may have ended since",
	"no nextUpdate":                               "OpenSSL takes such a list for current for ever",
	"another key of the same CA, revoked":         "OpenSSL does not check the CRL issuer for revocation under -crl_check",
	"another key of the same CA, not revoked":     "with -extended_crl OpenSSL takes the list of any key of the name",
	"MD5":                                            "OpenSSL takes MD5 signatures on lists",
	"weak key":                                       "OpenSSL's security level does not look at the keys of lists",
	"two forms of one algorithm":                     "OpenSSL does not compare the two; later editions do",
	"two algorithms":                                 "OpenSSL verifies with the outer algorithm and does not compare; later editions do",
	"named by its issuer":                            "RFC 5280, 6.3.3, last paragraph; OpenSSL does not know the implied point",
	"only user, version 1":                           "OpenSSL takes a version 1 certificate for an end entity",
	"an empty IDP, listed":                           "RFC 5280, 5.2.5 forbids it",
	"an empty IDP":                                   "RFC 5280, 5.2.5 forbids it",
	"unknown critical, listed":                       "RFC 5280, 5.2: a listed certificate is revoked all the same; OpenSSL stops",
	"unknown critical in its entry":                  "RFC 5280, 5.3, likewise",
	"malformed IDP":                                  "OpenSSL drops the extension",
	"malformed number":                               "OpenSSL drops the extension",
	"version 1 with extensions":                      "OpenSSL does not look at the version",
	"version 3":                                      "OpenSSL does not look at the version",
	"only no reasons":                                "RFC 5280, 5.2.5; OpenSSL takes no reasons for all",
	"indirect, not anchored":                         "the test forbids what OpenSSL can find",
	"issuers in a list that is not indirect":         "RFC 5280, 5.3.3",
	"delta does not release from compromise":         "RFC 5280, 5.3.1: only a hold is taken back",
	"of two deltas the newest":                       "OpenSSL uses one delta and ignores the other",
	"stale delta cannot release":                     "OpenSSL uses expired deltas (openssl issue 31297)",
	"stale complete, current delta":                  "OpenSSL lets a delta stand in for the date of the complete list",
	"delta alone, listed":                            "an authentic entry counts, also without the complete list",
	"a newer edition does not end a revocation":      "OpenSSL uses one list and ignores the other",
	"a relative name below two CRL issuers":          "RFC 5280, 4.2.1.13 forbids it, since it is ambiguous; OpenSSL takes the first of them",
	"own partition, host and scheme in another case": "RFC 5280, 7.4: schemes and hosts are the same in any case; OpenSSL compares octets",
	"a DNS name in another case":                     "DNS names are the same in any case (RFC 5280, 7.2); OpenSSL compares octets",
	"named by an alternative name of the issuer":     "RFC 5280, 6.3.3, last paragraph; OpenSSL does not know the implied point",
	"another edition of another partition does not end the hold": "OpenSSL uses one list and ignores the other",
}

// opensslMended are those of them that later editions of OpenSSL 3.0 agree with.
var opensslMended = []string{"two forms of one algorithm", "two algorithms"}

// opensslStatus asks OpenSSL about a leaf with the same chain and lists.
func opensslStatus(t *testing.T, openssl string, leaf []byte, chain, pool [][]byte, root []byte, lists [][]byte, flags ...string) (report.Status, string) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	args := append([]string{"verify", "-crl_check", "-auth_level", "1"}, flags...)
	args = append(args, "-CAfile", write("root.pem", f.PEM("CERTIFICATE", root)), "-untrusted", write("chain.pem", f.PEM("CERTIFICATE", append(chain, pool...)...)))
	if len(lists) > 0 {
		args = append(args, "-CRLfile", write("crls.pem", f.PEM("X509 CRL", lists...)))
	}
	out, err := exec.Command(openssl, append(args, write("leaf.pem", f.PEM("CERTIFICATE", leaf)))...).CombinedOutput()
	switch {
	case err == nil:
		return report.Good, ""
	case bytes.Contains(out, []byte("certificate revoked")):
		return report.Revoked, string(out)
	}
	return report.Unknown, string(out)
}

func TestOpenSSLOracle(t *testing.T) {
	openssl := peers.Path(t, "openssl")
	w := world()
	same, differ := 0, 0
	for _, c := range checkTests() {
		if c.name == "too many lists" {
			continue
		}
		exts := c.exts
		if strings.Contains(c.name, "delta") { // OpenSSL uses deltas only where it is pointed to them
			exts = append(exts, f.FreshestCRL(f.DP{FullName: [][]byte{f.URI("http://crl.test/delta.crl")}}))
		}
		subject := leaf(exts...)
		if c.cert != nil {
			subject = c.cert()
		}
		q := crl.Query{Issuer: cert.Parse(w.ca.Raw)}
		if c.query != nil {
			c.query(&q)
		}
		if q.Skew != 0 || q.MaxAge != 0 || q.Stale != policy.StaleDeny || q.MinRSA != 0 || q.SecurityLevel != policy.LevelDefault {
			continue // OpenSSL has no such settings
		}
		pool := [][]byte{w.lists.Raw}
		for _, p := range q.Pool {
			pool = append(pool, p.Raw)
		}
		status, out := opensslStatus(t, openssl, subject.Raw, [][]byte{q.Issuer.Raw}, pool, w.root.Raw, c.lists(), "-extended_crl", "-use_deltas")
		why, differs := opensslDifferences[c.name]
		differs = differs && !(status == c.want && slices.Contains(opensslMended, c.name))
		if (status == c.want) == differs {
			t.Errorf("%q: %s, assay: %s, in the ledger: %q\n%s", c.name, status, c.want, why, out)
		}
		if differs {
			differ++
		} else {
			same++
		}
	}
	t.Logf("%d cases as OpenSSL, %d by the ledger", same, differ)
}

// `openssl verify -crl_check`, without -extended_crl, lets the list of another
// key clear nobody. It knows neither keys for lists alone, which the field
// calls indirect lists too, nor the difference where the other key's
// certificate stands on the leaf's own path.
func TestOpenSSLOtherKeys(t *testing.T) {
	openssl := peers.Path(t, "openssl")
	w := world()
	for name, c := range otherKeys() {
		if c.named {
			continue // that is -extended_crl
		}
		subject, list := c.made(noise)
		chain := [][]byte{c.issuer.Raw}
		if c.above != nil {
			chain = append(chain, c.above.Raw)
		}
		status, out := opensslStatus(t, openssl, subject.Raw, chain, [][]byte{c.signer.Raw, w.ca.Raw}, w.root.Raw, [][]byte{list})
		want := report.Unknown
		if c.above != nil {
			want = report.Good
		}
		if status != want {
			t.Errorf("%s: %s\n%s", name, status, out)
		}
	}
}

// run runs a program in dir.
func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

const caConfig = `
[ca]
default_ca = the_ca
[the_ca]
dir = .
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
serial = serial
crlnumber = crlnumber
default_md = sha256
default_days = 30
default_crl_days = 7
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
crlDistributionPoints = URI:http://crl.test/a.crl
[plain]
authorityKeyIdentifier = keyid
[idp]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical,@own
[own]
fullname = URI:http://crl.test/a.crl
onlyuser = TRUE
[other]
issuingDistributionPoint = critical,@part
[part]
fullname = URI:http://crl.test/b.crl
[some]
issuingDistributionPoint = critical,@reasons
[reasons]
onlysomereasons = keyCompromise, CACompromise
[indirect]
issuingDistributionPoint = critical,@ind
[ind]
indirectCRL = TRUE
[delta]
authorityKeyIdentifier = keyid
2.5.29.27 = critical,DER:02:01:01
`

// Lists made by `openssl ca -gencrl`: plain, with issuing distribution points,
// indirect, version 1, a delta; and one by GnuTLS's certtool.
func TestRealIssuers(t *testing.T) {
	openssl := peers.Path(t, "openssl")
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write("ca.cnf", caConfig)
	write("index.txt", "")
	write("serial", "1000")
	write("crlnumber", "01")
	run(t, dir, openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
		"-subj", "/CN=Real CA", "-days", "30", "-config", "ca.cnf", "-extensions", "root")
	certs := map[string]*cert.Certificate{}
	for _, name := range []string{"good", "bad", "held", "late"} {
		run(t, dir, openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name+".key", "-out", name+".csr", "-subj", "/CN="+name, "-config", "ca.cnf")
		run(t, dir, openssl, "ca", "-batch", "-config", "ca.cnf", "-in", name+".csr", "-out", name+".pem", "-extensions", "leaf", "-notext")
		run(t, dir, openssl, "x509", "-in", name+".pem", "-outform", "DER", "-out", name+".der")
		certs[name] = cert.Parse(read(name + ".der"))
	}
	run(t, dir, openssl, "x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der")
	ca := cert.Parse(read("ca.der"))
	run(t, dir, openssl, "ca", "-config", "ca.cnf", "-revoke", "bad.pem", "-crl_compromise", "20250101000000Z")
	run(t, dir, openssl, "ca", "-config", "ca.cnf", "-revoke", "held.pem", "-crl_hold", "holdInstructionReject")
	for _, ext := range []string{"plain", "idp", "other", "some", "indirect"} {
		run(t, dir, openssl, "ca", "-config", "ca.cnf", "-gencrl", "-crlexts", ext, "-out", ext+".pem")
		write("crlnumber", "01")
	}
	run(t, dir, openssl, "ca", "-config", "ca.cnf", "-revoke", "late.pem", "-crl_reason", "superseded")
	write("crlnumber", "02")
	run(t, dir, openssl, "ca", "-config", "ca.cnf", "-gencrl", "-crlexts", "delta", "-out", "delta.pem")
	write("v1.cnf", strings.Replace(caConfig, "crlnumber = crlnumber\n", "", 1))
	run(t, dir, openssl, "ca", "-config", "v1.cnf", "-gencrl", "-out", "v1.pem")

	check := func(name string, lists ...string) report.Status {
		q := crl.Query{Cert: certs[name], Issuer: ca, Time: time.Now(), Skew: time.Minute}
		for _, file := range lists {
			l, err := crl.Parse(context.Background(), read(file+".pem"))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			q.Sources = append(q.Sources, crl.Source{List: l, URL: "http://crl.test/a.crl"})
		}
		return crl.Check(context.Background(), q).Status
	}
	good, revoked, unknown := report.Good, report.Revoked, report.Unknown
	for _, c := range []struct {
		lists           []string
		good, bad, late report.Status
	}{
		{[]string{"plain"}, good, revoked, good},
		{[]string{"idp"}, good, revoked, good},
		{[]string{"other"}, unknown, unknown, unknown},
		{[]string{"some"}, unknown, revoked, unknown},
		{[]string{"indirect"}, good, revoked, good},
		{[]string{"plain", "delta"}, good, revoked, revoked},
		{[]string{"delta"}, unknown, revoked, revoked},
		{[]string{"v1"}, unknown, revoked, revoked}, // reasons in the entries of a version 1 list
	} {
		if c.lists[0] == "v1" {
			if l, err := crl.Parse(context.Background(), read("v1.pem")); err != nil {
				t.Fatal(err)
			} else if l.Version == 2 { // newer OpenSSL makes it version 2 when entries have reasons
				c.good = good
			}
		}
		for name, want := range map[string]report.Status{"good": c.good, "bad": c.bad, "held": c.bad, "late": c.late} {
			if got := check(name, c.lists...); got != want {
				t.Errorf("%v, %s: %s, want %s", c.lists, name, got, want)
			}
		}
	}
	t.Run("certtool", func(t *testing.T) {
		certtool := peers.Path(t, "certtool")
		write("crl.tmpl", "crl_next_update = 7\ncrl_number = 5\n")
		run(t, dir, certtool, "--generate-crl", "--load-ca-privkey", "ca.key", "--load-ca-certificate", "ca.pem", "--load-certificate", "bad.pem",
			"--template", "crl.tmpl", "--outfile", "gnutls.pem")
		for name, want := range map[string]report.Status{"good": good, "bad": revoked, "held": good} {
			if got := check(name, "gnutls"); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	})
}

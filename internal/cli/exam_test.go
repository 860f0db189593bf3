package cli

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/lab/clients"
	"github.com/assaytls/assay/internal/lab/peers"
)

// sat is what a client of a known version answers.
type sat struct {
	program string   // which the quick tier has
	version []string // parts of its version
	fooled  string
	lenient string
	refused string // good servers
}

// ledger is what clients answered when it was written: in the kinds path, name and wire the same as in the
// measurement of these versions that the exam comes from, which asked one encoding more. Of another version only
// what no client may get wrong is held.
var ledger = map[string]sat{
	"curl":                              {"curl", []string{"curl 7.88.1", "OpenSSL/3.0"}, "leaf-key-usage explicit-policy common-name-only", "long-length negative-serial", ""},
	"git":                               {"git", []string{"2.39.5"}, "weak-key client-eku issuer-eku common-name-only", "long-length negative-serial", "cross-signed"},
	"go net/http":                       {"", nil, "weak-key leaf-key-usage ip-range-excluded", "", ""},
	"assay check":                       {"", nil, "", "", ""},
	"wget":                              {"wget", []string{"1.21.3"}, "weak-key client-eku issuer-eku leaf-key-usage common-name-only", "long-length negative-serial", "cross-signed"},
	"gnutls-cli":                        {"gnutls-cli", []string{"3.7.9"}, "weak-key common-name-only", "long-length negative-serial", "cross-signed"},
	"python urllib":                     {"python3", []string{"Python 3.11", "OpenSSL 3.0"}, "leaf-key-usage explicit-policy common-name-only", "long-length negative-serial", ""},
	"perl HTTP::Tiny verify_SSL":        {"perl", []string{"HTTP::Tiny 0.080"}, "leaf-key-usage explicit-policy ip-as-dns-name common-name-only", "long-length negative-serial", ""},
	"openssl s_client -verify_hostname": {"openssl", []string{"OpenSSL 3.0"}, "leaf-key-usage explicit-policy common-name-only", "long-length negative-serial", ""},
}

// quickClients are examined in the quick tier: all that .ci/run installs for it, and no other that a machine may have.
var quickClients = []string{"curl", "git", "openssl s_client -verify_hostname", "gnutls-cli", "wget", "python urllib", "perl HTTP::Tiny verify_SSL",
	"perl IO::Socket::SSL", "go net/http", "assay check"}

// fullClients are examined in the full tier too.
var fullClients = []string{"java HttpsURLConnection", "node https", "php curl", "ruby net/http", "chromium", "firefox-esr", "nginx proxy_ssl_verify",
	"haproxy verify required", "apache SSLProxyVerify require"}

// quickQuestions are asked in the quick tier, beside those that say whether a client can be examined: each that a client of
// the ledger gets wrong, what nobody may, and one of each kind.
var quickQuestions = []string{"expired", "self-signed", "bad-signature", "weak-key", "client-eku", "issuer-eku", "leaf-key-usage", "explicit-policy", "common-name-only", "ip-as-dns-name", "ip-range-excluded",
	"wrong-key", "downgrade", "long-length", "negative-serial", "revoked-by-staple", "crl-delta", "cross-signed", "good-tls13"}

// examined runs an exam as users do, as a command of its own, and returns the rows.
func examined(t *testing.T, wantStatus int, env []string, args ...string) (rows []clients.Row) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"lab", "clients", "--format", "json"}, args...)...)
	cmd.Args[0] = "assay"
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if status := cmd.ProcessState.ExitCode(); status != wantStatus {
		t.Fatalf("status %d, want %d: %v\n%s%s", status, wantStatus, err, out, stderr.String())
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var r clients.Row
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

// The exam sits its clients in a namespace where the machine lets it, gives the answers of the ledger, and
// leaves the HOME of the user as it was.
func TestExam(t *testing.T) {
	for _, s := range ledger {
		if s.program != "" {
			peers.Path(t, s.program)
		}
	}
	names, questions := slices.Clone(quickClients), quickQuestions
	args := []string{"--questions", strings.Join(quickQuestions, ",")}
	if full := os.Getenv("ASSAY_FULL") == "1"; full {
		names, questions, args = append(names, fullClients...), nil, nil
	}
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte("insecure\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, home)
	rows := examined(t, 0, []string{"HOME=" + home, "XDG_CACHE_HOME=", "XDG_CONFIG_HOME="}, append(args, names...)...)
	if after := tree(t, home); after != before {
		t.Errorf("HOME has changed: %s, %s", before, after)
	}
	isolation := clients.None
	if clients.CanEnter() == nil {
		isolation = clients.Namespace
	}
	seen := map[string]bool{}
	for _, r := range rows {
		seen[r.Name] = true
		if r.Isolation != isolation || r.Exam != clients.LabExam {
			t.Errorf("%s: isolation %s, want %s; exam %s", r.Name, r.Isolation, isolation, r.Exam)
		}
		if r.State != clients.Examined {
			t.Errorf("%s: %s, %s", r.Name, r.State, r.Why)
			continue
		}
		for _, a := range r.Questions {
			if slices.Contains([]string{"expired", "self-signed", "untrusted-root", "bad-signature", "really-wrong-host", "wrong-key"}, a.Scenario) && a.Wrong {
				t.Errorf("%s: %s is accepted: %s", r.Name, a.Scenario, a.Reason)
			}
		}
		want, known := ledger[r.Name]
		if !known || isolation != clients.Namespace || slices.ContainsFunc(want.version, func(v string) bool { return !strings.Contains(r.Version, v) }) {
			t.Logf("%s (%s): fooled by %v", r.Name, r.Version, r.Fooled)
			continue
		}
		fooled, lenient, refused := among(want.fooled, questions), among(want.lenient, questions), among(want.refused, questions)
		if !slices.Equal(r.Fooled, fooled) || !slices.Equal(r.Lenient, lenient) || !slices.Equal(r.RefusedGood, refused) {
			t.Errorf("%s (%s): fooled %q, lenient %q, refused %q; the ledger says %q, %q, %q", r.Name, r.Version, r.Fooled, r.Lenient, r.RefusedGood, fooled, lenient, refused)
		}
	}
	for _, name := range names {
		if !seen[name] {
			t.Errorf("%s was not examined", name)
		}
	}
}

// among are the words of list that are asked; nil questions are all.
func among(list string, questions []string) []string {
	return slices.DeleteFunc(strings.Fields(list), func(w string) bool { return questions != nil && !slices.Contains(questions, w) })
}

// The collection's exam is assay's own too: its library is fooled by nothing there, and refuses no good server.
func TestExamOfCollection(t *testing.T) {
	peers.Path(t, "curl")
	args := []string{"--exam", clients.X509ErrorsExam, "assay check", "curl"}
	if os.Getenv("ASSAY_FULL") != "1" {
		args = append(args, "--questions", "version-*,name-constraints*,email-*,proxy-certificate*,wrong-address,nameless,policy-duplicate,issuer-*")
	}
	rows := examined(t, 0, nil, args...)
	if len(rows) != 3 || rows[0].Name != "assay check" || rows[1].Name != "curl" {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	for _, r := range rows {
		if r.State != clients.Examined || r.Exam != clients.X509ErrorsExam {
			t.Fatalf("%s: %s %s, %s", r.Name, r.Exam, r.State, r.Why)
		}
	}
	if r := rows[0]; len(r.Fooled)+len(r.Lenient)+len(r.RefusedGood) > 0 {
		t.Errorf("assay: fooled %q, lenient %q, refused %q", r.Fooled, r.Lenient, r.RefusedGood)
	}
	r := rows[1]
	others := slices.DeleteFunc(slices.Clone(r.Fooled), func(name string) bool { return name == "explicit-policy" }) // as in the ledger; the full tier asks it
	if strings.Contains(r.Version, "OpenSSL/3.0") && (len(others) > 0 || !slices.Contains(r.Lenient, "version-4")) {
		t.Errorf("curl: fooled %q, lenient %q", r.Fooled, r.Lenient)
	}
}

// Neither what a client prints counts nor how it ends, and its children end with it.
func TestExamOfImpostors(t *testing.T) {
	curl := peers.Path(t, "curl")
	sh := peers.Path(t, "sh")
	dir := t.TempDir()
	script := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		return sh + " " + file + " {url} {root}"
	}
	only := func(status int, line string) clients.Row {
		rows := examined(t, status, nil, "--questions", "expired", "--only", line)
		if len(rows) != 1 {
			t.Fatalf("%d rows", len(rows))
		}
		return rows[0]
	}
	if r := only(3, script("liar", "echo All good\nexit 0\n")); r.State != clients.NotExamined || !strings.Contains(r.Why, "never connected") || !strings.Contains(r.Why, "All good") {
		t.Errorf("a liar: %s, %s", r.State, r.Why)
	}
	// It connects, and sends its request to nobody.
	if r := only(3, script("shy", curl+" -sS --max-time 10 \"$1\" >/dev/null 2>&1 --cacert /dev/null\necho All good\nexit 0\n")); r.State != clients.NotExamined || !strings.Contains(r.Why, "refuses the good server") {
		t.Errorf("a liar that connects: %s, %s", r.State, r.Why)
	}
	// It succeeds and says that it failed.
	if r := only(0, script("modest", curl+" -sS --max-time 10 --cacert \"$2\" \"$1\" >/dev/null 2>&1\necho failed\nexit 1\n")); r.State != clients.Examined || len(r.Fooled)+len(r.RefusedGood) > 0 {
		t.Errorf("a client that says no: %s, fooled %q, refused %q", r.State, r.Fooled, r.RefusedGood)
	}
	// Its children hold its output, in a session of their own too.
	mark := "86399.125"
	if r := only(0, script("parent", "sleep "+mark+" &\nsetsid sleep "+mark+" &\n"+curl+" -sS --max-time 10 --cacert \"$2\" \"$1\"\n")); r.State != clients.Examined || len(r.Fooled)+len(r.RefusedGood) > 0 {
		t.Errorf("a client with children: %s %s, fooled %q, refused %q", r.State, r.Why, r.Fooled, r.RefusedGood)
	}
	left, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if b, err := os.ReadFile(f); err == nil && bytes.Equal(b, []byte("sleep\x00"+mark+"\x00")) {
			t.Errorf("%s outlived its client", filepath.Dir(f))
		}
	}
}

// Without a namespace a client that heeds a proxy is asked everything, another one goes to the address and is not asked
// about names, and one that trusts the system alone cannot be examined there.
func TestExamWithoutNamespace(t *testing.T) {
	peers.Path(t, "curl")
	peers.Path(t, "openssl")
	file := filepath.Join(t.TempDir(), "clients.json")
	if err := os.WriteFile(file, []byte(`[{"name": "of the system", "detect": ["curl"], "version": ["curl", "-V"], "run": ["curl", "-sS", "--max-time", "10", "{url}"], "system_trust": true}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--clients", file, "--questions", "wrong-host,expired", "curl", "openssl s_client -verify_hostname", "of the system"}
	rows := map[string]clients.Row{}
	for _, r := range examined(t, 3, nil, append(args, "--isolation", "none")...) {
		if r.Isolation != clients.None {
			t.Errorf("%s: isolation %s", r.Name, r.Isolation)
		}
		rows[r.Name] = r
	}
	for name, of := range map[string]int{"curl": 2, "openssl s_client -verify_hostname": 1} { // the right answers in the column of names
		r := rows[name]
		if c := r.Count(clients.Name); r.State != clients.Examined || c.Wrong != 0 || c.Of != of || len(r.Fooled)+len(r.RefusedGood) > 0 {
			t.Errorf("%s: %s %s, names %+v, fooled %q, refused %q", name, r.State, r.Why, c, r.Fooled, r.RefusedGood)
		}
	}
	if r := rows["of the system"]; r.State != clients.NotExamined || !strings.Contains(r.Why, "--isolation namespace") {
		t.Errorf("a client of the system's roots: %s, %s", r.State, r.Why)
	}
	if clients.CanEnter() != nil {
		return
	}
	if rows := examined(t, 0, nil, append(args, "--isolation", "namespace")...); len(rows) != 5 || rows[len(rows)-1].Name != "of the system" || rows[len(rows)-1].State != clients.Examined {
		t.Errorf("in a namespace: %+v", rows)
	}
}

// The exit status says what the user asked for: kinds, and what is new since a baseline.
func TestFailOnFooled(t *testing.T) {
	file := func(name string, wrong ...string) string {
		r := clients.Row{Schema: clients.RowVersion, Name: "a client", State: clients.Examined, Exam: clients.LabExam}
		for _, q := range clients.Questions(clients.LabExam) {
			a := clients.Answer{Question: q, Outcome: clients.Refused, Wrong: slices.Contains(wrong, q.Scenario)}
			if a.Wrong {
				a.Outcome = clients.Accepted
			}
			r.Questions = append(r.Questions, a)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		name = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	today, before, other := file("today", "expired", "wrong-host", "long-length"), file("before", "expired", "long-length"), file("other", "expired", "wrong-host", "long-length", "md5")
	for _, c := range []struct {
		args   string
		status int
	}{
		{"", 0}, {"--fail-on-fooled path", 1}, {"--fail-on-fooled name,wire", 1}, {"--fail-on-fooled wire", 0}, {"--fail-on-fooled encoding", 1}, {"--fail-on-fooled revocation", 0},
		{"--fail-on-fooled path --baseline " + before, 0}, {"--fail-on-fooled path,name --baseline " + before, 1}, {"--fail-on-fooled path,name,encoding --baseline " + other, 0},
		{"--fail-on-fooled good", 2}, {"--baseline " + filepath.Join(t.TempDir(), "none"), 2}, {"--exam none", 2}, {"curl --questions none", 2},
	} {
		for _, format := range []string{"text", "json"} {
			args := append([]string{"lab", "clients", "--format", format}, strings.Fields(c.args)...)
			if !strings.Contains(c.args, "none") || strings.Contains(c.args, "--baseline") {
				args = append(args, "--from", today)
			}
			if status, _, errs := run("", args...); status != c.status {
				t.Errorf("%s, %s: status %d, want %d: %s", c.args, format, status, c.status, errs)
			}
		}
	}
}

// tree lists what a directory has, with sizes and times.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(name + " " + info.ModTime().String() + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

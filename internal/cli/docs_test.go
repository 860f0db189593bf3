package cli

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/policy"
)

var update = flag.Bool("update", false, "rewrite docs/findings.md and docs/policy.md")

// docs/findings.md says what the table says.
func TestFindingsPage(t *testing.T) { docPage(t, "../../docs/findings.md", Markdown(finding.Kinds())) }

// docs/policy.md says what the table says.
func TestPolicyPage(t *testing.T) {
	docPage(t, "../../docs/policy.md", policyPage())
}

// policyPage is the documentation page of the policy's table.
func policyPage() string {
	var b strings.Builder
	b.WriteString("# The policy\n\nMade from the table in package `policy` by `go generate ./internal/cli`; do not edit.\n\n" +
		"A policy is the rules by which a server is judged. Each rule has one name: `--NAME` is the flag, `NAME` the member of the\n" +
		"JSON form. What may be downloaded, for how long and from where is no rule, and not part of the policy's hash in reports.\n\n" +
		"The last column says where a default differs: for `assay connect`, and for the library's profiles `web` (handshakes with servers of the\n" +
		"web, the zero `Config`), `internal` and `strict`.\n")
	heading := ""
	for _, f := range policy.Fields() {
		if f.Group != heading {
			heading = f.Group
			b.WriteString("\n## " + heading + "\n\n| Name | Values | Meaning | Default | Flag of | Other defaults |\n|---|---|---|---|---|---|\n")
		}
		values := strings.Join(f.Words, ", ")
		switch {
		case f.Value == "":
			values = "true, false"
		case f.Value != "WORD":
			values = f.Value
		}
		var commands, others []string
		for _, p := range policy.AllProfile() {
			if f.Offered(p) {
				commands = append(commands, p.String())
			}
			if d := f.Default(p); d != f.Default(policy.Check) {
				others = append(others, p.String()+": "+d)
			}
		}
		b.WriteString("| `" + f.Name + "` | " + escapeMarkdown(strings.ReplaceAll(values, "|", `\|`)) + " | " + escapeMarkdown(f.Help) + " | " +
			f.Default(policy.Check) + " | " + strings.Join(commands, ", ") + " | " + strings.Join(others, ", ") + " |\n")
	}
	return b.String()
}

// docPage holds a generated page to what it was made from.
func docPage(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the table says: run go generate ./internal/cli", name)
	}
}

// flagInCode is how the commands of assay-fleet, which is a module of its own, add a flag.
var flagInCode = regexp.MustCompile(`\.(?:Text|Switch|List|Word|Once|OnOff|Duration|Size|OptionalWord|\w*VarP?)\([^"\n]*"([a-z][a-z-]+)"`)

var flagInText = regexp.MustCompile(`(?:^|[\s(` + "`" + `])(--[a-z][a-z-]+)`)

// Every flag that the pages for people mention exists, and so does every
// finding's advice.
func TestFlagsInDocs(t *testing.T) {
	known := map[string]bool{}
	a := &app{Run: command.NewRun("assay", nil, os.Stdout, os.Stderr)}
	root := a.root(nil)
	root.InitDefaultHelpCmd() // it has flags of its own
	for _, c := range append(root.Commands(), root) {
		for _, name := range command.FlagNames(c) {
			known["--"+name] = true
		}
		for _, sub := range c.Commands() {
			for _, name := range command.FlagNames(sub) {
				known["--"+name] = true
			}
		}
	}
	known["--help"] = true
	fleet, err := filepath.Glob("../../fleet/command/*.go")
	if err != nil || len(fleet) == 0 {
		t.Fatalf("assay-fleet's commands are not there: %v", err)
	}
	for _, name := range fleet {
		code, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range flagInCode.FindAllStringSubmatch(string(code), -1) {
			known["--"+m[1]] = true
		}
	}
	text := map[string]string{"findings": Markdown(finding.Kinds()), "policy": policyPage()}
	for _, f := range []string{"README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "NEWS.md"} {
		b, err := os.ReadFile("../../" + f)
		if err != nil {
			t.Fatal(err)
		}
		text[f] = string(b)
	}
	// Flags of other programs that the texts name.
	for _, f := range strings.Fields("--cacert --cert-status --ignore-missing --repo --bundle --certificate-oidc-issuer --certificate-identity-regexp --dry-run") {
		known[f] = true
	}
	for name, s := range text {
		for _, m := range flagInText.FindAllStringSubmatch(s, -1) {
			if !known[m[1]] {
				t.Errorf("%s names the flag %s, which does not exist", name, m[1])
			}
		}
	}
}

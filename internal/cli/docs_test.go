package cli

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
)

var update = flag.Bool("update", false, "rewrite docs/findings.md")

// docs/findings.md says what the table says.
func TestFindingsPage(t *testing.T) {
	const page = "../../docs/findings.md"
	want := Markdown(finding.Kinds())
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/findings.md is not what the table says: run go generate ./internal/cli")
	}
}

var flagInText = regexp.MustCompile(`(?:^|[\s(` + "`" + `])(--[a-z][a-z-]+)`)

// Every flag that the pages for people mention exists, and so does every
// finding's advice.
func TestFlagsInDocs(t *testing.T) {
	known := map[string]bool{}
	a := &app{stdout: &stdout{w: os.Stdout}, stderr: os.Stderr}
	for _, c := range a.root(nil).Commands() {
		for _, name := range flagNames(c) {
			known["--"+name] = true
		}
		for _, sub := range c.Commands() {
			for _, name := range flagNames(sub) {
				known["--"+name] = true
			}
		}
	}
	known["--help"] = true
	text := map[string]string{"findings": Markdown(finding.Kinds())}
	for _, f := range []string{"README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "NEWS.md"} {
		b, err := os.ReadFile("../../" + f)
		if err != nil {
			t.Fatal(err)
		}
		text[f] = string(b)
	}
	// Flags of other programs that the texts name.
	for _, f := range strings.Fields("--cacert --cert-status") {
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

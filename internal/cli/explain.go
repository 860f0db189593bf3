package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
)

func (a *app) explainCommand() *cobra.Command {
	format := formatText
	c := &cobra.Command{
		Use: "explain [ID|CODE|MESSAGE|WORD...]", Short: "Say what a finding or another program's message means, the risk, and what to do", GroupID: "look",
		Long: `Say what a finding means, what the risk is, and what to do about it. Name it by its
ID, by an OpenSSL error name (X509_V_ERR_...) or its number. Or paste what
another program said: the message or code of OpenSSL, Go, GnuTLS, curl, Java,
a browser or Windows, or a TLS alert (alert 48, unknown_ca). Other words are
searched for. Without an argument all findings are listed by class.`,
		Example: `  assay explain cert-expired
  assay explain X509_V_ERR_CERT_HAS_EXPIRED
  assay explain 10
  assay explain unable to get local issuer certificate
  assay explain SEC_ERROR_UNKNOWN_ISSUER
  assay explain alert 40
  assay explain staple missing`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return explainWords(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.explain(args, format) },
	}
	flags.Under(c, "Output").Word(&format, "format", "form of the answer", formatText, formatJSON, formatMarkdown)
	return c
}

func (a *app) explain(args []string, format string) error {
	var f found
	list := len(args) == 0
	if list {
		f.kinds = finding.Kinds()
	} else {
		var err error
		if f, err = lookUp(args); err != nil {
			return err
		}
	}
	switch {
	case format == "json":
		return render.Value(a.Stdout, kindsJSON(f.kinds), true)
	case format == "markdown":
		_, err := io.WriteString(a.Stdout, Markdown(f.kinds))
		return err
	case list:
		_, err := io.WriteString(a.Stdout, "Words in {braces} are filled in by each report.\n\n"+listKinds(f.kinds))
		return err
	case f.words:
		_, err := io.WriteString(a.Stdout, choice(f.kinds))
		return err
	}
	for i, n := range f.notes {
		if i > 0 {
			fmt.Fprintln(a.Stdout)
		}
		if err := render.Note(a.Stdout, n, a.Width()); err != nil {
			return err
		}
	}
	for i, k := range f.kinds {
		if i > 0 || len(f.notes) > 0 {
			fmt.Fprintln(a.Stdout)
		}
		shows := scenarioOf(k.ID)
		if shows != "" {
			shows = "assay lab " + shows
		}
		if err := render.Kind(a.Stdout, k, shows, render.Options{Color: a.Color(), Width: a.Width()}); err != nil {
			return err
		}
	}
	return nil
}

// choice lists the findings that a search by words found, the likeliest first.
func choice(ks []finding.Kind) string {
	var b strings.Builder
	wide := 0
	for _, k := range ks {
		wide = max(wide, len(k.ID))
	}
	b.WriteString("Findings with these words, the likeliest first (assay explain ID says more):\n\n")
	for _, k := range ks {
		fmt.Fprintf(&b, "  %-*s  %s\n", wide, k.ID, k.Title)
	}
	return b.String()
}

// byClass orders ks by class, in the order in which a check meets them.
func byClass(ks []finding.Kind) (classes []finding.Class, of map[finding.Class][]finding.Kind) {
	of = map[finding.Class][]finding.Kind{}
	for _, k := range ks {
		of[k.Class] = append(of[k.Class], k)
	}
	for _, c := range []finding.Class{
		finding.ClassConnection, finding.ClassEncoding, finding.ClassCertificate, finding.ClassPath, finding.ClassName,
		finding.ClassRevocation, finding.ClassRevocationUnavailable, finding.ClassCT, finding.ClassBudget, finding.ClassPolicy, finding.ClassProgram, finding.ClassInternal,
	} {
		if len(of[c]) > 0 {
			classes = append(classes, c)
		}
	}
	return classes, of
}

// listKinds is the list of all findings, one a line, by class.
func listKinds(ks []finding.Kind) string {
	var b strings.Builder
	wide := 0
	for _, k := range ks {
		wide = max(wide, len(k.ID))
	}
	classes, of := byClass(ks)
	for i, c := range classes {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n", strings.ToUpper(string(c)))
		for _, k := range of[c] {
			fmt.Fprintf(&b, "  %-*s  %-12s  %s\n", wide, k.ID, k.Severity, k.Title)
		}
	}
	return b.String()
}

//go:generate go test -run Test(Findings|Policy)Page -update .

// Markdown is the documentation page of the findings ks.
func Markdown(ks []finding.Kind) string {
	var b strings.Builder
	b.WriteString("# Findings\n\nMade from the table in package `finding` by `go generate ./internal/cli`; do not edit.\n\n" +
		"Each finding has an ID that never changes its meaning, a severity (which a policy may move), and a\nplace: the report, a path, or a certificate on a path. " +
		"`assay explain ID` prints the same texts.\n")
	classes, of := byClass(ks)
	for _, c := range classes {
		fmt.Fprintf(&b, "\n## %s\n", c)
		for _, k := range of[c] {
			fmt.Fprintf(&b, "\n### %s\n\n**%s**: %s\n\n", k.ID, k.Severity, escapeMarkdown(k.Title))
			fmt.Fprintf(&b, "- Meaning: %s\n- Risk: %s\n- What to do: %s\n", escapeMarkdown(k.Explain), escapeMarkdown(k.Risk), escapeMarkdown(k.Fix))
			if k.Spec != "" {
				fmt.Fprintf(&b, "- See: %s\n", escapeMarkdown(k.Spec))
			}
			if k.OpenSSL != "" {
				fmt.Fprintf(&b, "- OpenSSL: `%s` (%d)\n", k.OpenSSL, k.OpenSSLCode)
			}
			if k.Allowable {
				b.WriteString("- Can be waived by name\n")
			}
			fmt.Fprintf(&b, "- Since: %s\n", k.Since)
		}
	}
	return b.String()
}

var markdownEscapes = strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`")

func escapeMarkdown(s string) string { return markdownEscapes.Replace(s) }

// kindJSON is a table entry for programs.
type kindJSON struct {
	ID          finding.ID       `json:"id"`
	Class       finding.Class    `json:"class"`
	Severity    finding.Severity `json:"severity"`
	Title       string           `json:"title"`
	Explain     string           `json:"explain"`
	Risk        string           `json:"risk"`
	Fix         string           `json:"fix"`
	Spec        string           `json:"spec,omitempty"`
	OpenSSL     string           `json:"openssl,omitempty"`
	OpenSSLCode int              `json:"openssl_code,omitempty"`
	Allowable   bool             `json:"allowable,omitempty"`
	Since       string           `json:"since"`
}

func kindsJSON(ks []finding.Kind) []kindJSON {
	out := []kindJSON{}
	for _, k := range ks {
		out = append(out, kindJSON{k.ID, k.Class, k.Severity, k.Title, k.Explain, k.Risk, k.Fix, k.Spec, k.OpenSSL, k.OpenSSLCode, k.Allowable, k.Since})
	}
	return out
}

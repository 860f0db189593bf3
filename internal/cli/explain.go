package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
)

func (a *app) explainCommand() *cobra.Command {
	format := formatText
	c := &cobra.Command{
		Use: "explain [ID|CODE]...", Short: "Say what a finding means, the risk, and what to do", GroupID: "look",
		Long: `Say what a finding means, what the risk is, and what to do about it. A finding
is named by its ID, by an OpenSSL error name (X509_V_ERR_...) or by its number.
Without an argument all findings are listed by class.`,
		Example: `  assay explain cert-expired
  assay explain X509_V_ERR_CERT_HAS_EXPIRED
  assay explain 10`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, k := range finding.Kinds() {
				ids = append(ids, string(k.ID))
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.explain(args, format) },
	}
	flags.Under(c, "Output").Word(&format, "format", "form of the answer", formatText, formatJSON, formatMarkdown)
	return c
}

func (a *app) explain(args []string, format string) error {
	var ks []finding.Kind
	var notes []string
	for _, arg := range args {
		found, note, err := lookUp(arg)
		if err != nil {
			return err
		}
		for _, k := range found {
			if !slices.ContainsFunc(ks, func(have finding.Kind) bool { return have.ID == k.ID }) {
				ks = append(ks, k)
			}
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	list := len(args) == 0
	if list {
		ks = finding.Kinds()
	}
	switch {
	case format == "json":
		return render.Value(a.stdout, kindsJSON(ks), true)
	case format == "markdown":
		_, err := io.WriteString(a.stdout, Markdown(ks))
		return err
	case list:
		_, err := io.WriteString(a.stdout, listKinds(ks))
		return err
	}
	for i, n := range notes {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if err := render.Note(a.stdout, n, a.width()); err != nil {
			return err
		}
	}
	for i, k := range ks {
		if i > 0 || len(notes) > 0 {
			fmt.Fprintln(a.stdout)
		}
		if err := render.Kind(a.stdout, k, render.Options{Color: a.color(), Width: a.width()}); err != nil {
			return err
		}
	}
	return nil
}

// lookUp finds the kinds that arg names, or the reason why an OpenSSL code has
// none here.
func lookUp(arg string) (ks []finding.Kind, note string, err error) {
	if k, ok := finding.Lookup(finding.ID(strings.ToLower(arg))); ok {
		return []finding.Kind{k}, "", nil
	}
	if e, ok := finding.LookupOpenSSL(arg); ok {
		return openSSLKinds(e)
	}
	u := usagef("there is no finding %q", arg)
	var ids []string
	for _, k := range finding.Kinds() {
		ids = append(ids, string(k.ID))
		if len(arg) > 2 && strings.Contains(string(k.ID), strings.ToLower(arg)) && len(u.Hints) < 5 {
			u.Hint("assay explain %s", k.ID)
		}
	}
	if near := nearest(arg, ids); near != "" && len(u.Hints) == 0 {
		u.Hint("did you mean %s?", near)
	}
	return nil, "", u.Hint("assay explain lists all findings")
}

// openSSLKinds are the findings behind one of OpenSSL's errors, the best match
// first, and what there is to say about the difference.
func openSSLKinds(e finding.OpenSSLError) (ks []finding.Kind, note string, err error) {
	if k, ok := finding.Lookup(e.ID); ok {
		ks = append(ks, k)
	}
	for _, k := range finding.Kinds() {
		if k.OpenSSL == e.Name && k.ID != e.ID {
			ks = append(ks, k)
		}
	}
	if e.Note != "" || len(ks) == 0 {
		note = fmt.Sprintf("%s (%d): %s.", e.Name, e.Code, strings.TrimSuffix(e.Note, "."))
	}
	return ks, note, nil
}

// byClass orders ks by class, in the order in which a check meets them.
func byClass(ks []finding.Kind) (classes []finding.Class, of map[finding.Class][]finding.Kind) {
	of = map[finding.Class][]finding.Kind{}
	for _, k := range ks {
		of[k.Class] = append(of[k.Class], k)
	}
	for _, c := range []finding.Class{
		finding.ClassConnection, finding.ClassEncoding, finding.ClassCertificate, finding.ClassPath, finding.ClassName,
		finding.ClassRevocation, finding.ClassRevocationUnavailable, finding.ClassCT, finding.ClassBudget, finding.ClassPolicy, finding.ClassInternal,
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

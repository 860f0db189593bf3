package house

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// policyWords are the words of the policy's values.
var policyWords = []string{"allow", "warn", "deny", "leaf", "chain", "strict", "chrome", "apple", "report", "off", "all", "first",
	"staple", "crl", "ocsp", "server", "client", "email", "code", "timestamp", "any"}

// flagMaker are the methods of flag sets that declare a flag with a value; the
// first text among their arguments is its name.
var flagMaker = regexp.MustCompile(`^(String|StringSlice|StringArray|Var)(P|Var|VarP|VarPF)?$`)

// otherWords are policy's words that mean something else in a file, or that
// wait to be taken from policy.
var otherWords = map[string][]string{
	"config.go":                      {"allow", "warn", "deny"},
	"ct/policy.go":                   {"ocsp"}, // ocsp: where an SCT came from
	"internal/cli/cli.go":            {"server", "client"},
	"internal/cli/completion.go":     policyWords,
	"internal/cli/connect.go":        policyWords,
	"internal/cli/ctflags.go":        policyWords,
	"internal/cli/flags.go":          policyWords,
	"internal/cli/show.go":           {"crl", "ocsp"}, // kinds of artefacts
	"internal/cli/values.go":         policyWords,
	"internal/engine/judge.go":       {"ocsp"},
	"internal/tlsclient/classify.go": {"code"}, // a parameter of a finding
	"memo.go":                        {"staple"},
	"ocsp/check.go":                  {"staple"},
	"report/view_report.go":          {"off"},
}

// A policy's values are policy's: elsewhere they are compared and chosen by their
// constants, and flags are made from policy's table. The lab, the
// benchmarks and what serves tests also speak the words of others' files.
func TestPolicyWords(t *testing.T) {
	for _, f := range sources(t) {
		if f.pkg == "policy" || under(f.pkg, []string{"internal/lab", "internal/bench", "test"}) {
			continue
		}
		check := func(where string, list ...ast.Expr) {
			for _, e := range list {
				if w := text(e); slices.Contains(policyWords, w) && !slices.Contains(otherWords[f.name], w) {
					t.Errorf("%s: the policy's word %q in %s", f.set.Position(e.Pos()), w, where)
				}
			}
		}
		ast.Inspect(f.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					check("a comparison", n.X, n.Y)
				}
			case *ast.CaseClause:
				check("a case", n.List...)
			case *ast.KeyValueExpr:
				check("a key", n.Key)
			case *ast.CompositeLit:
				if len(n.Elts) > 1 {
					check("a list", n.Elts...)
				}
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && flagMaker.MatchString(sel.Sel.Name) {
					name := slices.IndexFunc(n.Args, func(e ast.Expr) bool { return text(e) != "" })
					check("a flag", n.Args[name+1:]...)
				}
			}
			return true
		})
	}
}

// text is the value of a string literal, "" for everything else.
func text(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value)
	return s
}

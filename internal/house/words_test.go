package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/assaytls/assay/policy"
)

// policyWords are the words of the policy's values.
var policyWords = slices.Concat(words(policy.AllPurpose()), words(policy.AllScheme()), words(policy.AllUnknown()), words(policy.AllStale()), words(policy.AllDepth()),
	words(policy.AllStop()), words(policy.AllCTMode()), words(policy.AllCTDepth()), words(policy.AllProgram()), []string{policy.Off.String(), policy.Schemes(0).String()})

func words[T fmt.Stringer](values []T) []string {
	var out []string
	for _, v := range values {
		out = append(out, v.String())
	}
	return out
}

// flagMaker are the methods of flag sets that declare a flag with a value; the
// first text among their arguments is its name.
var flagMaker = regexp.MustCompile(`^(String|StringSlice|StringArray|Var)(P|Var|VarP|VarPF)?$`)

// otherWords are policy's words that mean something else in a file.
var otherWords = map[string][]string{
	"finding/finding.go":             {"inconclusive", "crl", "ocsp", "staple", "crlite"}, // a severity; values that titles show by other words
	"internal/cli/show.go":           {"crl", "ocsp"},                                     // kinds of artefacts
	"internal/flags/values.go":       {"off"},                                             // the other word is on
	"internal/cli/updatefilters.go":  {"mozilla"},                                         // a source of filters
	"internal/filters/source.go":     {"mozilla"},
	"internal/tlsclient/classify.go": {"code"}, // a parameter of a finding
}

// wait are the files whose words are still to be taken from policy.
var wait = []string{}

// A policy's values are policy's: elsewhere they are compared and chosen by their
// constants, and flags are made from policy's table. The lab, the
// benchmarks and what serves tests also speak the words of others' files.
func TestPolicyWords(t *testing.T) {
	excused := map[string]bool{}
	for _, f := range sources(t) {
		if f.pkg == "policy" || under(f.pkg, []string{"internal/lab", "internal/bench", "test"}) {
			continue
		}
		check := func(where string, list ...ast.Expr) {
			for _, e := range list {
				switch w := text(e); {
				case !slices.Contains(policyWords, w):
				case slices.Contains(otherWords[f.name], w):
					excused[f.name+" "+w] = true
				case slices.Contains(wait, f.name):
					excused[f.name] = true
				default:
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
	for _, name := range wait {
		if !excused[name] {
			t.Errorf("%s has none of the policy's words and waits for nothing", name)
		}
	}
	for name, list := range otherWords {
		for _, w := range list {
			if !excused[name+" "+w] {
				t.Errorf("%s does not use the word %q", name, w)
			}
		}
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

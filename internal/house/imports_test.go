package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The import rules of the house. A package may import, of ours, only what its
// row names (non-test files); "" is the root package. A package without a row
// may not exist; a row may wait for its package.
var allowed = map[string][]string{
	"finding":             {},
	"internal/der":        {},
	"internal/store":      {},
	"internal/sig/known":  {},
	"internal/house":      {},
	"policy":              {"finding"},
	"evidence":            {"finding"},
	"internal/fetch":      {"finding"},
	"report":              {"finding", "policy"},
	"internal/sig":        {"internal/der", "internal/sig/known"},
	"cert":                {"finding", "internal/der", "internal/sig"},
	"cert/bundle":         {"finding", "internal/der", "internal/sig", "cert"},
	"programs":            {"finding", "cert", "internal/der"},
	"certpath":            judges,
	"crl":                 judges,
	"ocsp":                judges,
	"crlite":              judges,
	"ct":                  judges,
	"internal/revocation": join(judges, "certpath", "crl", "ocsp", "crlite"),
	"internal/assemble":   pure,
	"internal/tlsnames":   {},
	"internal/tlsclient":  {"finding", "evidence", "internal/der", "internal/tlsnames"},
	"internal/roots":      {"certpath", "cert", "cert/bundle"},
	"internal/download":   {"finding", "policy", "internal/fetch", "internal/store", "cert", "cert/bundle", "crl", "ocsp", "crlite", "ct"},
	"internal/engine":     core,
	"":                    join(core, "internal/engine"),
	"internal/render":     {"finding", "report"},
	"internal/target":     rimOfCore,
	"internal/flags":      rimOfCore,
	"internal/containers": rimOfCore,
	"cmd/assay":           {"internal/cli"},
}

// judges is what the judges of one artefact may import.
var judges = []string{"finding", "report", "cert", "policy", "internal/der", "internal/sig"}

// core is what the engine stands on.
var core = join(pure, "internal/tlsclient", "internal/fetch", "internal/store", "internal/roots", "internal/download")

// rimOfCore is what the readers of people's words and files may import.
var rimOfCore = join(pure, "internal/tlsclient", "internal/roots")

func join(row []string, more ...string) []string { return slices.Concat(row, more) }

// anything lists the trees without a row of their own, and what they may not import.
var anything = map[string][]string{
	"internal/lab":   {"internal/cli"},
	"internal/bench": {"internal/cli"},
	"internal/cli":   {},
}

// pure packages neither do I/O nor know the time.
var pure = []string{"policy", "finding", "report", "evidence", "cert", "cert/bundle", "certpath", "crl", "ocsp", "crlite", "ct", "programs",
	"internal/der", "internal/sig", "internal/sig/known", "internal/revocation", "internal/tlsnames", "internal/assemble"}

var notPure = []string{"net", "net/http", "os", "os/exec", "syscall", "unsafe", "crypto/tls", "math/rand", "math/rand/v2"}

// ownParsing are the packages that must not lean on Go's own X.509 parsing.
var ownParsing = []string{"cert", "cert/bundle", "certpath", "crl", "ocsp", "crlite", "ct", "programs", "internal/der", "internal/sig", "internal/sig/known",
	"internal/revocation"}

// thirdParty are the modules the core may use; all others stay at the rim.
var thirdParty = []string{"golang.org/x/crypto/cryptobyte", "golang.org/x/crypto/chacha20poly1305", "golang.org/x/mod/sumdb",
	"golang.org/x/crypto/x509roots/fallback/bundle", "golang.org/x/net/idna", "golang.org/x/net/http/httpproxy", "golang.org/x/sys"}

var rim = []string{"internal/cli", "internal/flags", "internal/containers", "internal/lab", "internal/bench"}

// parsed is one non-test file of ours.
type parsed struct {
	pkg  string // directory below the module root, "" for the root
	name string
	file *ast.File
}

func TestImportRules(t *testing.T) {
	for _, f := range sources(t) {
		for _, imp := range f.file.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			if why := refused(f.pkg, p); why != "" {
				t.Errorf("%s imports %s: %s", f.name, p, why)
			}
		}
	}
}

// refused says why package pkg may not import p, "" if it may.
func refused(pkg, p string) string {
	if p == module || strings.HasPrefix(p, module+"/") {
		return refusedOurs(pkg, strings.TrimPrefix(strings.TrimPrefix(p, module), "/"))
	}
	if slices.Contains(pure, pkg) && slices.Contains(notPure, p) {
		return "the package is pure"
	}
	if slices.Contains(ownParsing, pkg) && (p == "crypto/x509" || p == "encoding/asn1") {
		return "parsing is ours"
	}
	if strings.Contains(strings.SplitN(p, "/", 2)[0], ".") && !under(pkg, rim) && !underAny(p, thirdParty) {
		return "third-party modules stay at the rim"
	}
	return ""
}

func refusedOurs(pkg, p string) string {
	if row, ok := allowed[pkg]; ok {
		if slices.Contains(row, p) {
			return ""
		}
		return "not in its row of the import table"
	}
	for tree, not := range anything {
		if pkg == tree || strings.HasPrefix(pkg, tree+"/") {
			if slices.Contains(not, p) {
				return "not allowed there"
			}
			return ""
		}
	}
	return "the package has no row in the import table"
}

func under(pkg string, trees []string) bool { return underAny(pkg, trees) }

func underAny(p string, trees []string) bool {
	return slices.ContainsFunc(trees, func(t string) bool { return p == t || strings.HasPrefix(p, t+"/") })
}

// TestPureClock: pure packages do not know what time it is.
func TestPureClock(t *testing.T) {
	for _, f := range sources(t) {
		if !slices.Contains(pure, f.pkg) {
			continue
		}
		ast.Inspect(f.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) {
				t.Errorf("%s uses time.%s: the time is an input", f.name, sel.Sel.Name)
			}
			return true
		})
	}
}

// TestInsecureSkipVerify: only the diagnostic dial sets it. The root package
// may read it, to refuse it.
func TestInsecureSkipVerify(t *testing.T) {
	for _, f := range sources(t) {
		if f.pkg == "internal/tlsclient" {
			continue
		}
		ast.Inspect(f.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name == "InsecureSkipVerify" {
				t.Errorf("%s contains InsecureSkipVerify", f.name)
			}
			return true
		})
	}
}

// TestNoInternalTypesExported: users can name every type they are handed.
func TestNoInternalTypesExported(t *testing.T) {
	for _, f := range sources(t) {
		if strings.HasPrefix(f.pkg, "internal/") || f.pkg == "cmd/assay" {
			continue
		}
		internal := map[string]bool{}
		for _, imp := range f.file.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			if strings.HasPrefix(p, module+"/internal/") {
				name := path.Base(p)
				if imp.Name != nil {
					name = imp.Name.Name
				}
				internal[name] = true
			}
		}
		for _, d := range f.file.Decls {
			checkDecl(t, f.name, d, internal)
		}
	}
}

func checkDecl(t *testing.T, name string, d ast.Decl, internal map[string]bool) {
	report := func(what string, n ast.Node) {
		if n == nil {
			return
		}
		ast.Inspect(n, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && internal[x.Name] {
					t.Errorf("%s: exported %s mentions %s.%s", name, what, x.Name, sel.Sel.Name)
				}
			}
			return true
		})
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d.Recv)) {
			report(d.Name.Name, d.Type)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if !s.Name.IsExported() {
					continue
				}
				if st, ok := s.Type.(*ast.StructType); ok {
					for _, fl := range st.Fields.List {
						if len(fl.Names) == 0 || slices.ContainsFunc(fl.Names, func(i *ast.Ident) bool { return i.IsExported() }) {
							report(s.Name.Name, fl.Type)
						}
					}
				} else {
					report(s.Name.Name, s.Type)
				}
			case *ast.ValueSpec:
				if slices.ContainsFunc(s.Names, func(i *ast.Ident) bool { return i.IsExported() }) && s.Type != nil {
					report(s.Names[0].Name, s.Type)
				}
			}
		}
	}
}

func exportedReceiver(r *ast.FieldList) bool {
	e := r.List[0].Type
	if st, ok := e.(*ast.StarExpr); ok {
		e = st.X
	}
	id, ok := e.(*ast.Ident)
	return ok && id.IsExported()
}

func sources(t *testing.T) []parsed {
	t.Helper()
	var out []parsed
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); n == "testdata" || p != "." && strings.HasPrefix(n, ".") || n == "test" || p == "assaygrpc" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(p))
		if dir == "." {
			dir = ""
		}
		out = append(out, parsed{dir, p, f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("found no source files: the rules were not tested")
	}
	return out
}

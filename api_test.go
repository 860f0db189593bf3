package assay_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// apiPackage reads the package's own files, without tests.
func apiPackage(t *testing.T) (*doc.Package, *token.FileSet) {
	t.Helper()
	set := token.NewFileSet()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, p, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	pkg, err := doc.NewFromFiles(set, files, "github.com/assaytls/assay")
	if err != nil {
		t.Fatal(err)
	}
	return pkg, set
}

// The API is what testdata/api.txt says: a change to it is deliberate.
func TestAPI(t *testing.T) {
	pkg, set := apiPackage(t)
	var lines []string
	add := func(n ast.Node) {
		var b strings.Builder
		if err := printer.Fprint(&b, set, n); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, b.String())
	}
	function := func(f *doc.Func) {
		f.Decl.Doc, f.Decl.Body = nil, nil
		add(f.Decl)
	}
	values := func(vs []*doc.Value) {
		for _, v := range vs {
			v.Decl.Doc = nil
			for _, s := range v.Decl.Specs {
				s.(*ast.ValueSpec).Doc, s.(*ast.ValueSpec).Comment = nil, nil
			}
			add(v.Decl)
		}
	}
	values(pkg.Consts)
	values(pkg.Vars)
	for _, f := range pkg.Funcs {
		function(f)
	}
	for _, typ := range pkg.Types {
		typ.Decl.Doc = nil
		ast.Inspect(typ.Decl, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok {
				f.Doc, f.Comment = nil, nil
			}
			return true
		})
		add(typ.Decl)
		values(typ.Consts)
		values(typ.Vars)
		for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
			function(f)
		}
	}
	got := strings.Join(lines, "\n") + "\n"
	path := filepath.Join("testdata", "api.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the API is not what %s says; if it should be: go test -run TestAPI -update .\n%s", path, got)
	}
}

// Everything exported is documented, and every entry point has an example.
func TestDocumented(t *testing.T) {
	pkg, _ := apiPackage(t)
	examples := exampleBodies(t)
	function := func(prefix string, f *doc.Func) {
		if f.Doc == "" {
			t.Errorf("%s%s is not documented", prefix, f.Name)
		}
		if _, ok := examples["Example"+prefix+f.Name]; !ok && (prefix == "" || prefix == "Verifier_") {
			t.Errorf("%s%s has no example", prefix, f.Name)
		}
	}
	for _, f := range pkg.Funcs {
		function("", f)
	}
	for _, typ := range pkg.Types {
		if typ.Doc == "" {
			t.Errorf("%s is not documented", typ.Name)
		}
		for _, f := range typ.Funcs {
			function("", f)
		}
		for _, f := range typ.Methods {
			function(typ.Name+"_", f)
		}
		s, ok := typ.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range s.Fields.List {
			if len(f.Names) > 0 && f.Names[0].IsExported() && f.Doc == nil && f.Comment == nil && typ.Name == "Config" {
				t.Errorf("%s.%s is not documented", typ.Name, f.Names[0])
			}
		}
	}
}

package house

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// publicPackages are the directories of the packages that others may import.
var publicPackages = []string{".", "finding", "report", "evidence", "cert", "cert/bundle", "certpath", "crl", "ocsp", "crlite", "ct", "programs", "policy", "assaygrpc", "assaycaddy", "test/ctlog"}

// apiPackage reads a package's own files, without tests. Of its declarations
// only what is exported is left.
func apiPackage(t *testing.T, dir string) (*doc.Package, *token.FileSet) {
	t.Helper()
	set := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
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
	pkg, err := doc.NewFromFiles(set, files, path.Join(module, dir))
	if err != nil {
		t.Fatal(err)
	}
	return pkg, set
}

// No public package is forgotten.
func TestPublicPackages(t *testing.T) {
	var found []string
	err := filepath.WalkDir(".", func(p string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p == "fleet" || d.IsDir() && p == "release": // programs: nobody builds on their packages
			return filepath.SkipDir
		case d.IsDir() && (d.Name() == "internal" || d.Name() == "testdata" || d.Name() == "cmd" || strings.HasPrefix(d.Name(), ".") && p != "."):
			return filepath.SkipDir
		case strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go") && !slices.Contains(found, filepath.Dir(p)):
			found = append(found, filepath.Dir(p))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(slices.Values(publicPackages))
	if slices.Sort(found); !slices.Equal(found, want) {
		t.Errorf("public packages are %v, publicPackages has %v", found, want)
	}
}

// The API is what testdata/api says: a change to it is deliberate.
func TestAPI(t *testing.T) {
	for _, dir := range publicPackages {
		pkg, set := apiPackage(t, dir)
		got := apiText(t, pkg, set)
		file := filepath.Join("internal", "house", "testdata", "api", pkg.Name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("the API of %s is not what %s says; if it should be: go test -run TestAPI -update ./internal/house\n%s", dir, file, lineDiff(string(want), got))
		}
	}
}

// lineDiff lists the lines that only one of the two has.
func lineDiff(want, got string) string {
	var b strings.Builder
	only := func(mark, of, other string) {
		known := strings.Split(other, "\n")
		for line := range strings.Lines(of) {
			if !slices.Contains(known, strings.TrimSuffix(line, "\n")) {
				b.WriteString(mark + line)
			}
		}
	}
	only("- ", want, got)
	only("+ ", got, want)
	return b.String()
}

// apiText prints what a package exports, without comments.
func apiText(t *testing.T, pkg *doc.Package, set *token.FileSet) string {
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
	return strings.Join(lines, "\n") + "\n"
}

// Everything exported is documented: functions, types, values one by one or as a
// group, fields and the methods of interfaces.
func TestDocumented(t *testing.T) {
	for _, dir := range publicPackages {
		pkg, set := apiPackage(t, dir)
		missing := func(n ast.Node, name string) {
			t.Errorf("%s: %s.%s is not documented", set.Position(n.Pos()), pkg.Name, name)
		}
		if len(pkg.Doc) < 80 {
			t.Errorf("package %s has no comment worth the name", pkg.Name)
		}
		function := func(prefix string, f *doc.Func) {
			if f.Doc == "" && !conventional[f.Name] {
				missing(f.Decl, prefix+f.Name)
			}
		}
		values := func(vs []*doc.Value) {
			for _, v := range vs {
				for _, s := range v.Decl.Specs {
					s := s.(*ast.ValueSpec)
					if v.Doc == "" && s.Doc == nil && s.Comment == nil {
						missing(s, s.Names[0].Name)
					}
				}
			}
		}
		values(pkg.Consts)
		values(pkg.Vars)
		for _, f := range pkg.Funcs {
			function("", f)
		}
		for _, typ := range pkg.Types {
			if typ.Doc == "" {
				missing(typ.Decl, typ.Name)
			}
			values(typ.Consts)
			values(typ.Vars)
			for _, f := range typ.Funcs {
				function("", f)
			}
			for _, f := range typ.Methods {
				function(typ.Name+".", f)
			}
			var group *ast.Field // documented, and nothing stands between it and the next
			ast.Inspect(typ.Decl, func(n ast.Node) bool {
				f, ok := n.(*ast.Field)
				if !ok {
					_, function := n.(*ast.FuncType)
					return !function
				}
				if f.Doc != nil {
					group = f
				} else if f.Comment != nil {
					if group == nil || set.Position(f.Pos()).Line != set.Position(group.End()).Line+1 {
						group = nil
					} else {
						group = f
					}
				} else if group != nil && set.Position(f.Pos()).Line == set.Position(group.End()).Line+1 {
					group = f // a comment above a run of fields is for all of them
				} else if len(f.Names) > 0 {
					missing(f, typ.Name+"."+f.Names[0].Name)
				}
				return true
			})
		}
	}
}

// conventional methods are documented by their interfaces.
var conventional = map[string]bool{"String": true, "Error": true, "Unwrap": true, "MarshalJSON": true, "UnmarshalJSON": true}

// Every entry point has an example.
func TestExamples(t *testing.T) {
	pkg, _ := apiPackage(t, ".")
	examples := exampleBodies(t)
	want := func(name string) {
		if _, ok := examples[name]; !ok {
			t.Errorf("there is no %s", name)
		}
	}
	for _, f := range pkg.Funcs {
		want("Example" + f.Name)
	}
	for _, typ := range pkg.Types {
		for _, f := range typ.Funcs {
			want("Example" + f.Name)
		}
		for _, f := range typ.Methods {
			if typ.Name == "Verifier" {
				want("Example" + typ.Name + "_" + f.Name)
			}
		}
	}
}

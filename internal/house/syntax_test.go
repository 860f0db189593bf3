package house

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// parsed is one non-test file of ours.
type parsed struct {
	pkg       string // directory below the module root, "" for the root
	ownModule bool   // in a module of its own
	name      string
	set       *token.FileSet
	file      *ast.File
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

// formats may format times otherwise than findings do.
var formats = []string{"finding/time.go",
	"certpath/anchors.go",  // what is hashed
	"ct/loglist.go",        // a list's date, for people
	"policy/fields.go",     // a flag's value
	"report/view_chain.go"} // the same

// TestTimes: what judges tell of times goes through finding.Time.
func TestTimes(t *testing.T) {
	for _, f := range sources(t) {
		if !slices.Contains(pure, f.pkg) && !under(f.pkg, []string{"internal/download", "internal/engine"}) || slices.Contains(formats, f.name) {
			continue
		}
		ast.Inspect(f.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && (sel.Sel.Name == "Format" || sel.Sel.Name == "AppendFormat") {
				t.Errorf("%s: %s formats a time; findings tell it by finding.Time", f.set.Position(n.Pos()), f.name)
			}
			return true
		})
	}
}

// TestInsecureSkipVerify: only the diagnostic dial sets it. Tests that need it
// elsewhere set the field by reflection.
func TestInsecureSkipVerify(t *testing.T) {
	found := false
	files, err := goFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range files {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, p, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name == "InsecureSkipVerify" {
				found = true
				if filepath.ToSlash(filepath.Dir(p)) != "internal/tlsclient" {
					t.Errorf("%s contains InsecureSkipVerify", set.Position(id.Pos()))
				}
			}
			return true
		})
	}
	if !found {
		t.Error("the identifier was not even found where it may be: the rule was not tested")
	}
}

// TestFileLength: a file has one topic.
func TestFileLength(t *testing.T) {
	files, err := goFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range files {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b, []byte("\n")); n > 600 {
			t.Errorf("%s has %d lines, more than 600", p, n)
		}
	}
}

// TestNoInternalTypesExported: users can name every type they are handed.
func TestNoInternalTypesExported(t *testing.T) {
	for _, f := range sources(t) {
		if under(f.pkg, []string{"internal", "test"}) {
			continue // what is under test/ serves this repository's tests
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

// sources are the non-test files of all modules of the repository.
func sources(t *testing.T) []parsed {
	t.Helper()
	all, err := parseSources()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("found no source files: the rules were not tested")
	}
	return all
}

var parseSources = sync.OnceValues(func() (out []parsed, err error) {
	files, err := goFiles()
	if err != nil {
		return nil, err
	}
	modules := map[string]bool{".": false} // by directory: is it in a module of its own?
	for _, p := range files {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		dir := filepath.ToSlash(filepath.Dir(p))
		pkg := dir
		if dir == "." {
			pkg = ""
		}
		out = append(out, parsed{pkg, inOwnModule(modules, dir), filepath.ToSlash(p), set, f})
	}
	return out, nil
})

// inOwnModule reports whether dir or a directory above it, below the root, has
// a go.mod.
func inOwnModule(known map[string]bool, dir string) bool {
	own, ok := known[dir]
	if !ok {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		own = err == nil || inOwnModule(known, path.Dir(dir))
		known[dir] = own
	}
	return own
}

// goFiles are the Go files of the repository, tests too.
func goFiles() (out []string, err error) {
	err = filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || p != "." && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(p, ".go"):
			out = append(out, p)
		}
		return nil
	})
	return out, err
}

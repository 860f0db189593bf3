package house

import (
	"encoding/json"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// No exported identifier mentions a type of an internal package: nobody outside
// could name it. The compiler's own view of each package is read.
func TestNothingInternalIsExposed(t *testing.T) {
	for _, dir := range publicPackages {
		if dir == "test/ctlog" {
			continue // serves tests of this repository, which have the lab's keys too
		}
		pkg := compiled(t, dir)
		w := exposure{pkg: pkg, seen: map[types.Type]bool{}}
		for _, name := range pkg.Scope().Names() {
			obj := pkg.Scope().Lookup(name)
			if !obj.Exported() {
				continue
			}
			w.at = name
			if tn, ok := obj.(*types.TypeName); ok && !tn.IsAlias() {
				w.named(tn.Type().(*types.Named))
			} else {
				w.walk(obj.Type())
			}
		}
		for _, s := range w.found {
			t.Errorf("%s", s)
		}
		if len(w.seen) == 0 {
			t.Errorf("%s exports nothing", dir)
		}
	}
}

// compiled loads the export data of the package in dir, which may be in a module
// of its own.
func compiled(t *testing.T, dir string) *types.Package {
	t.Helper()
	at, target := ".", "./"+dir
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		at, target = dir, "."
	}
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export", target)
	cmd.Dir, cmd.Stderr = at, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(p string) (io.ReadCloser, error) { return os.Open(exports[p]) })
	pkg, err := imp.Import(path.Join(module, dir))
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// exposure walks everything that users of a package can reach.
type exposure struct {
	pkg   *types.Package
	at    string // the exported name under which we are
	seen  map[types.Type]bool
	found []string
}

func (w *exposure) walk(t types.Type) {
	if a, ok := t.(*types.Alias); ok {
		w.check(a.Obj())
		t = types.Unalias(t)
	}
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *types.Named:
		w.check(t.Obj())
		for i := range t.TypeArgs().Len() {
			w.walk(t.TypeArgs().At(i))
		}
		if t.Obj().Pkg() == w.pkg && !t.Obj().Exported() {
			w.named(t) // exported types have their own turn
		}
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() || f.Embedded() {
				w.walk(f.Type())
			}
		}
	case interface{ Elem() types.Type }: // pointers, slices, arrays, maps, channels
		if m, ok := t.(*types.Map); ok {
			w.walk(m.Key())
		}
		w.walk(t.Elem())
	case *types.Signature:
		for v := range t.Params().Variables() {
			w.walk(v.Type())
		}
		for v := range t.Results().Variables() {
			w.walk(v.Type())
		}
	case *types.Interface:
		for m := range t.Methods() {
			w.walk(m.Type())
		}
	case *types.Union:
		for i := range t.Len() {
			w.walk(t.Term(i).Type())
		}
	case *types.TypeParam:
		w.walk(t.Constraint())
	}
}

func (w *exposure) named(t *types.Named) {
	w.walk(t.Underlying())
	for m := range t.Methods() {
		if m.Exported() {
			w.walk(m.Type())
		}
	}
}

func (w *exposure) check(obj *types.TypeName) {
	if p := obj.Pkg(); p != nil && strings.HasPrefix(p.Path(), module+"/internal/") {
		w.found = append(w.found, w.pkg.Path()+": "+w.at+" mentions "+p.Path()+"."+obj.Name())
	}
}

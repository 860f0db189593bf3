package house

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goBlock is a block of Go in a guide with the example that it must equal.
var goBlock = regexp.MustCompile("(?s)(<!-- (Example\\w*) -->\n)?```go\n(.*?)```\n")

// The Go in the guides is the Go of the examples, which go test runs, but for the
// program that each guide begins with: TestGuidePrograms runs that.
func TestGuides(t *testing.T) {
	bodies := exampleBodies(t)
	guides, err := filepath.Glob("docs/guides/*.md")
	if err != nil || len(guides) != 7 {
		t.Fatalf("%d guides, error %v", len(guides), err)
	}
	for _, path := range guides {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		blocks := 0
		got := goBlock.ReplaceAllFunc(text, func(block []byte) []byte {
			m := goBlock.FindSubmatch(block)
			if blocks++; blocks == 1 {
				return block
			}
			body, ok := bodies[string(m[2])]
			if !ok {
				t.Errorf("%s: no example is called %q", path, m[2])
				return block
			}
			if !*update && string(m[3]) != body {
				t.Errorf("%s: the code of %s is not the example's; run go test -run TestGuides -update ./internal/house", path, m[2])
			}
			return []byte("<!-- " + string(m[2]) + " -->\n```go\n" + body + "```\n")
		})
		if blocks < 2 {
			t.Errorf("%s has a program or nothing, and no example", path)
		}
		if *update && !bytes.Equal(got, text) {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// exampleBodies are the bodies of the Example functions, without the braces and
// one tab less deep.
func exampleBodies(t *testing.T) map[string]string {
	bodies := map[string]string{}
	files, _ := filepath.Glob("example_*_test.go")
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, src, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "Example") {
				continue
			}
			body := string(src[set.Position(fn.Body.Lbrace).Offset+1 : set.Position(fn.Body.Rbrace).Offset])
			if !strings.Contains(body, "// Output:") {
				t.Errorf("%s is not run: it has no output", fn.Name.Name)
			}
			body = strings.TrimPrefix(body, "\n")
			var b strings.Builder
			for line := range strings.Lines(body) {
				b.WriteString(strings.TrimPrefix(line, "\t"))
			}
			bodies[fn.Name.Name] = b.String()
		}
	}
	return bodies
}

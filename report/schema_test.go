package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

var update = flag.Bool("update", false, "rewrite the IDs in schema.json")

var idList = regexp.MustCompile(`("id": \{"description": "[^"]*", "enum": )\[[^\]]*\]`)

// The schema's enumeration of finding IDs is the table's.
func TestSchemaIDs(t *testing.T) {
	var ids []string
	for _, k := range finding.Kinds() {
		ids = append(ids, "      "+`"`+string(k.ID)+`"`)
	}
	list := "[\n" + strings.Join(ids, ",\n") + "\n    ]"
	old, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(idList.FindAll(old, -1)); n != 1 {
		t.Fatalf("%d lists of IDs in schema.json, want 1", n)
	}
	want := idList.ReplaceAll(old, []byte("${1}"+list))
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(old, want) {
		t.Error("schema.json does not list the IDs of the table: run go generate ./report")
	}
}

// compile reads the schema; at says which part of it: "schema.json" for all.
func compile(t *testing.T, at string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Stored reports, read and written again, follow the schema.
func TestSchemaGolden(t *testing.T) {
	s := compile(t, "schema.json")
	files, err := filepath.Glob("../internal/render/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stored reports: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, s, f, b)
		var r report.Report
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, s, f+" written again", again)
	}
}

func validate(t *testing.T, s *jsonschema.Schema, name string, b []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// The zero report, decided, follows the schema; so does one of every finding.
func TestSchemaFindings(t *testing.T) {
	s := compile(t, "schema.json")
	var r report.Report
	r.Version = report.Version
	r.Chosen = -1
	report.Decide(&r)
	b, _ := json.Marshal(&r)
	validate(t, s, "zero", b)
	for _, k := range finding.Kinds() {
		r.Findings = append(r.Findings, finding.New(k.ID, "detail", "\x1b"))
	}
	r.Findings = append(r.Findings, finding.Finding{ID: "x-own", Severity: finding.Warning})
	report.Decide(&r)
	b, _ = json.Marshal(&r)
	validate(t, s, "all kinds", b)
	r.Findings = append(r.Findings, finding.Finding{ID: "no-such-finding"})
	b, _ = json.Marshal(&r)
	v, _ := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if s.Validate(v) == nil {
		t.Error("an ID that is not in the table passes the schema")
	}
}

// Every field of the Go types is a property of the schema, and the other way
// round: the schema has no "additionalProperties", so a new field needs both.
// The constants of every type of words are the schema's enumeration.
func TestSchemaFields(t *testing.T) {
	b, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	compare(t, "report", reflect.TypeFor[report.Report](), doc, doc)
	compare(t, "row", reflect.TypeFor[report.Row](), doc["$defs"].(map[string]any)["row"].(map[string]any), doc)
}

// closed returns the words of a type that has no others, sorted; nil for others.
func closed(t *testing.T, typ reflect.Type) (words []string) {
	switch {
	case typ == reflect.TypeFor[policy.Scheme]():
		for _, s := range policy.AllScheme() {
			words = append(words, s.String())
		}
	case typ == reflect.TypeFor[policy.Program]():
		for _, p := range policy.AllProgram() {
			words = append(words, p.String())
		}
	case typ == reflect.TypeFor[policy.CTMode]():
		for _, m := range policy.AllCTMode() {
			words = append(words, m.String())
		}
	case typ.Kind() == reflect.String:
		return constants(t)[typ.Name()]
	}
	slices.Sort(words)
	return words
}

// constants are the values of the package's constants by their type's name,
// sorted.
var constants = func() func(t *testing.T) map[string][]string {
	var read map[string][]string
	return func(t *testing.T) map[string][]string {
		t.Helper()
		if read != nil {
			return read
		}
		read = map[string][]string{}
		files, err := filepath.Glob("*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				g, ok := d.(*ast.GenDecl)
				if !ok || g.Tok != token.CONST {
					continue
				}
				for _, s := range g.Specs {
					v := s.(*ast.ValueSpec)
					typ, named := v.Type.(*ast.Ident)
					if !named || len(v.Values) == 0 {
						continue
					}
					if word, ok := v.Values[0].(*ast.BasicLit); ok && word.Kind == token.STRING {
						text, _ := strconv.Unquote(word.Value)
						read[typ.Name] = append(read[typ.Name], text)
					}
				}
			}
		}
		for _, words := range read {
			slices.Sort(words)
		}
		return read
	}
}()

func compare(t *testing.T, name string, typ reflect.Type, node, root map[string]any) {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ == reflect.TypeFor[report.Report]() && name != "report" {
		if node["$ref"] != "#" {
			t.Errorf("%s: a report in a report is not the schema itself", name)
		}
		return
	}
	if ref, ok := node["$ref"].(string); ok {
		node = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	if words := closed(t, typ); words != nil {
		var enum []string
		for _, w := range node["enum"].([]any) {
			enum = append(enum, w.(string))
		}
		slices.Sort(enum)
		if !slices.Equal(enum, words) {
			t.Errorf("%s: the constants of %s are %q, the schema has %q", name, typ.Name(), words, enum)
		}
		return
	}
	if typ == reflect.TypeFor[time.Time]() || typ == reflect.TypeFor[finding.Finding]() || typ == reflect.TypeFor[report.Hash]() {
		return // their JSON forms are not their fields
	}
	switch typ.Kind() {
	case reflect.Slice:
		compare(t, name+"[]", typ.Elem(), node["items"].(map[string]any), root)
	case reflect.Struct:
		props, _ := node["properties"].(map[string]any)
		var fields, names []string
		for n := range props {
			names = append(names, n)
		}
		switch typ { // what their JSON form has beside the fields
		case reflect.TypeFor[report.Report]():
			fields = append(fields, "all_findings")
			compare(t, name+".all_findings", reflect.TypeFor[[]report.Placed](), props["all_findings"].(map[string]any), root)
		case reflect.TypeFor[report.Headline]():
			fields = append(fields, "advice")
			compare(t, name+".advice", reflect.TypeFor[report.Advice](), props["advice"].(map[string]any), root)
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields = append(fields, tag)
			if sub, ok := props[tag].(map[string]any); ok {
				compare(t, name+"."+tag, f.Type, sub, root)
			}
		}
		slices.Sort(fields)
		slices.Sort(names)
		if !slices.Equal(fields, names) {
			t.Errorf("%s: the type has %v, the schema %v", name, fields, names)
		}
	}
}

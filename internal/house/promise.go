package house

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Keep holds what a program offers now to the record in file, one promised thing a
// line: docs/stability.md says what that means. What is new is added with update;
// what the record has and the program has no longer is an error with update too.
func Keep(t testing.TB, file string, now []string, update bool) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil && !(update && os.IsNotExist(err)) {
		t.Fatal(err)
	}
	promised := strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' })
	for _, line := range promised {
		if !slices.Contains(now, line) {
			t.Errorf("%s promises %q, and it is not so any more. People's programs use it: keep it, and add what is new beside it "+
				"(docs/stability.md, \"How something is taken away\"). If no release has it, delete the line from the file.", file, line)
		}
	}
	all := append(slices.Clone(promised), now...)
	slices.Sort(all)
	all = slices.Compact(all)
	if update {
		if err := os.WriteFile(file, []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, line := range all {
		if !slices.Contains(promised, line) {
			t.Errorf("%s does not have %q yet. Once a release has it, it stays (docs/stability.md). If its name is right, run this test with -update.", file, line)
		}
	}
}

// SchemaLines are the members of a JSON Schema's objects, a line each with its place,
// its types and its words. Of what is read (input) a member that need not be there is
// a promise, of what is written one that always is.
func SchemaLines(schema any, input bool) []string {
	w := &schemaWalk{input: input, lines: map[string]bool{}}
	w.walk("", schema)
	return slices.Sorted(maps.Keys(w.lines))
}

type schemaWalk struct {
	input bool
	lines map[string]bool
}

// manyWords is how many words an enumeration may have to be written down here: the
// IDs of findings have a record of their own.
const manyWords = 100

func (w *schemaWalk) walk(at string, schema any) {
	o, _ := schema.(map[string]any)
	if o == nil {
		return
	}
	say := func(format string, args ...any) {
		w.lines[strings.TrimPrefix(at+" ", " ")+fmt.Sprintf(format, args...)] = true
	}
	switch types := o["type"].(type) {
	case string:
		say("is %s", types)
	case []any:
		for _, one := range types {
			say("is %v", one)
		}
	}
	if ref, ok := o["$ref"].(string); ok {
		say("is %s", ref)
	}
	if word, ok := o["const"]; ok {
		say("is always %v", word)
	}
	if words, ok := o["enum"].([]any); ok && len(words) < manyWords {
		for _, word := range words {
			say("may be %v", word)
		}
	}
	required := map[string]bool{}
	list, _ := o["required"].([]any)
	for _, name := range list {
		required[fmt.Sprint(name)] = true
	}
	members, _ := o["properties"].(map[string]any)
	for name, member := range members {
		below := strings.TrimPrefix(at+"."+name, ".")
		w.lines[below] = true
		switch {
		case w.input && !required[name]:
			w.lines[below+" may be absent"] = true
		case !w.input && required[name]:
			w.lines[below+" is always there"] = true
		}
		w.walk(below, member)
	}
	for _, key := range []string{"$defs", "schemas"} {
		parts, _ := o[key].(map[string]any)
		for name, part := range parts {
			w.walk("#"+name, part)
		}
	}
	w.walk(at+"[]", o["items"])
	w.walk(at+".*", o["additionalProperties"])
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		parts, _ := o[key].([]any)
		for _, part := range parts {
			w.walk(at, part)
		}
	}
}

var metricName = regexp.MustCompile(`fqName: "((?:assay|probe)_[a-z_]+)".*variableLabels: \{([^}]*)\}`)

// MetricLines are the metrics of assay among descriptions, each with its labels. A
// description tells them in its text alone.
func MetricLines[D fmt.Stringer](descriptions <-chan D) (lines []string) {
	for d := range descriptions {
		if m := metricName.FindStringSubmatch(d.String()); m != nil {
			lines = append(lines, m[1])
			for _, label := range strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' }) {
				lines = append(lines, m[1]+" has the label "+label)
			}
		}
	}
	return lines
}

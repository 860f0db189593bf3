package clients

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// sample is a row as an exam makes it, of a client whose words are hostile.
func sample() Row {
	evil := "\x1b]0;t\x07<script>alert(1)</script>|`*_[\u202e\n# x"
	r := Row{Schema: RowVersion, Name: "a " + evil, Version: evil, Why: evil, Note: evil, State: Examined, Isolation: None, Exam: X509ErrorsExam, Assay: "0.1",
		Time: time.Unix(1e9, 0).UTC(), Advice: map[string]string{"wrong-host": evil}}
	for _, q := range Questions(X509ErrorsExam) {
		a := Answer{Question: q, Outcome: Accepted, Reason: evil, ServerName: evil}
		a.Wrong = q.wrong(a.Outcome)
		r.Questions = append(r.Questions, a)
	}
	r.Clean()
	return r
}

// Nothing that a client says reaches a terminal, a page or a table as more than text.
func TestHostileOutput(t *testing.T) {
	fooled, not := sample(), sample()
	not.State = NotExamined
	for name, write := range map[string]func(io.Writer, []Row) error{
		"text": func(w io.Writer, rows []Row) error { return Text(w, rows, true) }, "markdown": Markdown, "html": HTML,
		"json": func(w io.Writer, rows []Row) error { return json.NewEncoder(w).Encode(rows) },
	} {
		var b bytes.Buffer
		if err := write(&b, []Row{fooled, not}); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		if strings.ContainsAny(out, "\x1b\x07\u202e") {
			t.Errorf("%s: control characters", name)
		}
		if name != "text" && name != "json" && strings.Contains(out, "<script") {
			t.Errorf("%s: markup", name)
		}
		if name == "markdown" && (strings.Contains(out, "\n# x") || strings.Contains(out, "| a |")) {
			t.Error("markdown: a line of its own")
		}
	}
}

// Rows follow the schema.
func TestSchema(t *testing.T) {
	b, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	// Every property of a row is told.
	strict := strings.NewReplacer(`"type": "object",
  "required"`, `"type": "object", "additionalProperties": false,
  "required"`, `"type": "object",
      "required"`, `"type": "object", "additionalProperties": false,
      "required"`).Replace(string(b))
	if strings.Count(strict, `"additionalProperties": false`) != 2 {
		t.Fatal("the schema is written otherwise")
	}
	all, err := jsonschema.UnmarshalJSON(strings.NewReader(strict))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource("strict.json", all); err != nil {
		t.Fatal(err)
	}
	closed, err := c.Compile("strict.json")
	if err != nil {
		t.Fatal(err)
	}
	row, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(row))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*jsonschema.Schema{s, closed} {
		if err := s.Validate(v); err != nil {
			t.Error(err)
		}
	}
	v.(map[string]any)["state"] = "perfect"
	if s.Validate(v) == nil {
		t.Error("any state follows the schema")
	}
}

// A client that never came has not refused, and one that died has no score.
func TestCount(t *testing.T) {
	r := Row{Questions: []Answer{
		{Question: Question{Scenario: "a", Kind: Path}, Outcome: NotConnected}, {Question: Question{Scenario: "b", Kind: Path}, Outcome: Refused},
		{Question: Question{Scenario: "c", Kind: Good}, Outcome: NotConnected, Wrong: true},
	}}
	if got := r.Count(Path); got != (Count{0, 1}) {
		t.Errorf("path: %+v", got)
	}
	if got := r.Count(Good); got != (Count{1, 1}) {
		t.Errorf("good: %+v", got)
	}
}

// Rows of several exams stand in tables of their own, below titles, in every form; those of the usual one stand alone.
func TestExams(t *testing.T) {
	row := func(exam string) Row {
		q := Questions(exam)[len(Questions(exam))/2]
		r := Row{Schema: RowVersion, Name: "a client", State: Examined, Exam: exam, Questions: []Answer{{Question: q, Outcome: Accepted, Wrong: true}}}
		r.Clean()
		return r
	}
	for name, write := range map[string]func(io.Writer, []Row) error{
		"text": func(w io.Writer, rows []Row) error { return Text(w, rows, true) }, "markdown": Markdown, "html": HTML,
	} {
		text := func(rows ...Row) string {
			var b bytes.Buffer
			if err := write(&b, rows); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		one, both := text(row(LabExam)), text(row(LabExam), row(X509ErrorsExam))
		for _, said := range []string{"private one", "Certificate Transparency", "SHA-1", "CRLite"} { // what the root cannot show
			if !strings.Contains(strings.Join(strings.Fields(one), " "), said) {
				t.Errorf("%s: not a word of %q", name, said)
			}
		}
		if strings.Contains(one, "own questions") {
			t.Errorf("%s: one exam has a title:\n%s", name, one)
		}
		if i, j := strings.Index(both, "own questions"), strings.Index(both, "x509errors.org"); i < 0 || j < i {
			t.Errorf("%s: no titles:\n%s", name, both)
		}
		if alone := text(row(X509ErrorsExam)); !strings.Contains(alone, "x509errors.org") || name != "markdown" && !strings.Contains(alone, "Libraries call it") {
			t.Errorf("%s: the collection's exam does not say so:\n%s", name, alone)
		}
	}
}

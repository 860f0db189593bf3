package clients

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The page's tables are of these definitions and questions: every row is one that the definitions make, every row that
// they make is there or named as absent, no count is of more questions than there are, and what fooled whom is asked.
func TestPage(t *testing.T) {
	b, err := os.ReadFile("../../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	text, tables, ok := strings.Cut(string(b), "\n## The tables of ")
	if !ok {
		t.Fatal("the page has no tables")
	}
	for _, f := range []string{"--exam x509errors", "--questions", "--fail-on-fooled", "--baseline", "--from lab.json --from x509errors.json --format markdown"} {
		if !strings.Contains(text, f) {
			t.Errorf("the page does not tell of %s", f)
		}
	}
	_, absent, ok := strings.Cut(text, "\n## Clients that are not in the tables\n")
	if !ok {
		t.Fatal("the page does not say which clients are absent")
	}
	absent, _, _ = strings.Cut(absent, "\n## ")
	var known []string
	for _, d := range BuiltIn() {
		known = append(known, d.rowNames()...)
	}
	for _, exam := range Exams {
		_, part, ok := strings.Cut(tables, "\n### "+examTitle(exam)+"\n")
		if !ok {
			t.Fatalf("the page has no table of the exam %s", exam)
		}
		part, _, _ = strings.Cut(part, "\n### ")
		rows := pageTable(t, part)
		if len(rows) < 50 {
			t.Errorf("%s: %d rows", exam, len(rows))
		}
		for name := range rows {
			if !slices.Contains(known, name) {
				t.Errorf("%s: no definition makes the row %q", exam, name)
			}
		}
		for _, name := range known {
			if _, ok := rows[name]; !ok && !strings.Contains(absent, "`"+name+"`") {
				t.Errorf("%s: the row %q is neither there nor named as absent", exam, name)
			}
		}
		most, asked := map[Kind]int{}, []string{}
		for _, q := range Questions(exam) {
			most[q.Kind]++
			asked = append(asked, q.Scenario)
		}
		for name, cells := range rows {
			for i, k := range columns {
				if len(cells) != len(columns) { // it was not examined, and says so
					break
				}
				if n, of := fraction(t, cells[i]); of > most[k] || n > of {
					t.Errorf("%s: %s, %s: %s of %d questions", exam, name, heads[k], cells[i], most[k])
				}
			}
		}
		for _, list := range regexp.MustCompile(`(?m)^  - (?:fooled by|lenient with|revocation not asked for|refused|neither asked nor gave up before the limit): (.*)$`).FindAllStringSubmatch(part, -1) {
			for name := range strings.SplitSeq(list[1], ", ") {
				if !slices.Contains(asked, name) {
					t.Errorf("%s: %q is not asked", exam, name)
				}
			}
		}
	}
}

// pageTable are the cells of a table of Markdown, behind those of name and version, by name.
func pageTable(t *testing.T, part string) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	head := "| client | version |"
	for _, k := range columns {
		head += " " + heads[k] + " |"
	}
	if !strings.Contains(part, head+"\n") {
		t.Errorf("the table has other columns than %s", head)
	}
	plain := strings.NewReplacer(`\_`, "_", `\*`, "*", `\[`, "[", "&lt;", "<", "&gt;", ">")
	for line := range strings.Lines(part) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, head) {
			continue
		}
		var cells []string
		for c := range strings.SplitSeq(strings.Trim(line, "| \n"), "|") {
			if c = strings.Trim(strings.TrimSpace(c), "*"); c != "" {
				cells = append(cells, plain.Replace(c))
			}
		}
		if len(cells) < 2 || rows[cells[0]] != nil {
			t.Errorf("no row, or a second one: %s", line)
			continue
		}
		rows[cells[0]] = cells[2:]
	}
	return rows
}

// fraction reads "2/23"; "-" is nothing of nothing.
func fraction(t *testing.T, cell string) (n, of int) {
	t.Helper()
	if cell == "-" {
		return 0, 0
	}
	a, b, _ := strings.Cut(cell, "/")
	n, err1 := strconv.Atoi(a)
	of, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil {
		t.Errorf("%q is no count", cell)
	}
	return n, of
}

package clients

import (
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
)

// heads are the columns of the tables.
var heads = map[Kind]string{Path: "path", Name: "name", Wire: "wire", Encoding: "encoding", Revocation: "revocation", Good: "refused good"}

// columns are the kinds in the order of the columns.
var columns = append(slices.Clone(Kinds), Good)

// What a private root cannot show: it is said beside every table.
const limits = "The lab's root is a private one: below it Chromium asks for no Certificate Transparency and has no limit of lifetimes, the JDK does not ban SHA-1, and Firefox has no CRLite."

const legend = "Wrong answers of questions asked. path, name and wire: it was fooled. encoding: it is lenient. revocation: in rows where it is not switched on it was not asked for. refused good: good servers that it refused."

// examTitles say what an exam asks, above the tables of rows of several exams.
var examTitles = map[string]string{LabExam: "The lab's own questions", X509ErrorsExam: "The defects of x509errors.org's collection, forged anew"}

func examTitle(name string) string {
	if t, ok := examTitles[name]; ok {
		return t
	}
	return "Exam " + name
}

// byExam are the rows of each exam, in the order of their first ones: counts of different questions do not stand in one
// table.
func byExam(rows []Row) (groups [][]Row) {
	for _, r := range rows {
		i := slices.IndexFunc(groups, func(g []Row) bool { return g[0].Exam == r.Exam })
		if i < 0 {
			groups, i = append(groups, nil), len(groups)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// titled reports whether tables are told apart by titles: there are several, or it is not the usual one.
func titled(groups [][]Row) bool {
	return len(groups) > 1 || len(groups) == 1 && groups[0][0].Exam != LabExam
}

// called says what libraries call an error.
func (q Question) called() string {
	if len(q.Errors) == 0 {
		return ""
	}
	return "Libraries call it " + strings.Join(q.Errors, ", ") + "."
}

// cell is the count of one column.
func (r *Row) cell(k Kind) string {
	c := r.Count(k)
	if c.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", c.Wrong, c.Of)
}

// groups are the wrong answers in words, for the lines below a row.
func (r *Row) groups() (out [][2]string) {
	add := func(what string, names []string) {
		if len(names) > 0 {
			out = append(out, [2]string{what, strings.Join(names, ", ")})
		}
	}
	add("fooled by", r.Fooled)
	add("lenient with", r.Lenient)
	if len(r.Unasked) > 0 && len(r.Unasked) < r.Count(Revocation).Of {
		add("revocation not asked for", r.Unasked)
	}
	add("refused", r.RefusedGood)
	var waits, away []string
	for _, a := range r.Questions {
		switch {
		case a.Outcome == Waits:
			waits = append(waits, a.Scenario)
		case a.Outcome == NotConnected && !a.Accept():
			away = append(away, a.Scenario)
		}
	}
	add("neither asked nor gave up before the limit", waits)
	add("never connected, which is no answer", away)
	return out
}

// stateText says why a row has no counts.
func (r *Row) stateText() string {
	switch r.State {
	case VerifiesNothing:
		return "verifies nothing: it accepts a root that nobody trusts and the certificate of another host"
	case NotExamined:
		return "could not be examined: " + r.Why
	}
	return ""
}

// Text writes the table for a terminal. stories adds what each wrong answer was about.
func Text(w io.Writer, rows []Row, stories bool) error {
	wide := len("client")
	for _, r := range rows {
		wide = max(wide, len(r.Name))
	}
	var b strings.Builder
	groups := byExam(rows)
	for i, g := range groups {
		if i > 0 {
			b.WriteString("\n")
		}
		if titled(groups) {
			b.WriteString(examTitle(g[0].Exam) + "\n\n")
		}
		textTable(&b, g, wide, stories)
	}
	b.WriteString("\n")
	wrap(&b, "", legend)
	wrap(&b, "", limits)
	if len(rows) > 0 {
		fmt.Fprintf(&b, "%s; assay %s, %s.\n", isolationText(rows[0].Isolation), rows[0].Assay, rows[0].Time.Format("2006-01-02"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// textTable writes the rows of one exam.
func textTable(b *strings.Builder, rows []Row, wide int, stories bool) {
	fmt.Fprintf(b, "%-*s", wide, "client")
	for _, k := range columns {
		fmt.Fprintf(b, "  %10s", strings.TrimSuffix(heads[k], " good"))
	}
	b.WriteString("  version\n")
	for _, r := range rows {
		fmt.Fprintf(b, "%-*s", wide, r.Name)
		if s := r.stateText(); s != "" {
			fmt.Fprintf(b, "  %s\n", s)
			continue
		}
		for _, k := range columns {
			fmt.Fprintf(b, "  %10s", r.cell(k))
		}
		fmt.Fprintf(b, "  %s\n", r.Version)
	}
	for _, r := range rows {
		groups := r.groups()
		if r.State != Examined || len(groups) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n%s\n", r.Name)
		for _, g := range groups {
			wrap(b, "  "+g[0]+": ", g[1])
		}
		if stories {
			for _, a := range r.Questions {
				if a.Wrong && (a.Kind != Revocation || r.Revocation) {
					wrap(b, "  "+a.Scenario+": ", strings.TrimSpace(a.Story()+" "+a.Rule+" "+a.called()))
					if advice := r.Advice[a.Scenario]; advice != "" {
						wrap(b, "      to switch it on: ", advice)
					}
				}
			}
		}
		if r.Note != "" {
			wrap(b, "  note: ", r.Note)
		}
	}
}

func isolationText(i Isolation) string {
	if i == Namespace {
		return "Asked in a namespace of its own: only loopback, the lab's names and roots"
	}
	return "Asked without a namespace: clients that heed no proxy went to the address, and names were not asked of them"
}

// wrap writes text at 100 columns, later lines below the first.
func wrap(b *strings.Builder, head, text string) {
	const width = 100
	indent := "    "
	if head == "" {
		indent = ""
	}
	line := head
	fresh := true
	for _, word := range strings.Fields(text) {
		if !fresh && len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line, fresh = indent, true
		}
		if !fresh {
			line += " "
		}
		line += word
		fresh = false
	}
	b.WriteString(line + "\n")
}

// Markdown writes the table for a page.
func Markdown(w io.Writer, rows []Row) error {
	var b strings.Builder
	groups := byExam(rows)
	for i, g := range groups {
		if i > 0 {
			b.WriteString("\n")
		}
		if titled(groups) {
			b.WriteString("### " + cellText(examTitle(g[0].Exam)) + "\n\n")
		}
		markdownTable(&b, g)
	}
	if len(rows) > 0 {
		fmt.Fprintf(&b, "\n%s; assay %s, %s.\n", isolationText(rows[0].Isolation), rows[0].Assay, rows[0].Time.Format("2006-01-02"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdownTable writes the rows of one exam.
func markdownTable(b *strings.Builder, rows []Row) {
	b.WriteString("| client | version |")
	for _, k := range columns {
		b.WriteString(" " + heads[k] + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, r := range rows {
		fmt.Fprintf(b, "| %s | %s |", cellText(r.Name), cellText(r.Version))
		if s := r.stateText(); s != "" {
			fmt.Fprintf(b, " %s |%s\n", cellText(s), strings.Repeat(" |", len(columns)-1))
			continue
		}
		for _, k := range columns {
			c := r.cell(k)
			if r.Count(k).Wrong > 0 {
				c = "**" + c + "**"
			}
			b.WriteString(" " + c + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n" + legend + "\n\n" + limits + "\n")
	for _, r := range rows {
		groups := r.groups()
		if r.State != Examined || len(groups) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n- **%s**\n", cellText(r.Name))
		for _, g := range groups {
			fmt.Fprintf(b, "  - %s: %s\n", g[0], cellText(g[1]))
		}
		for _, name := range slices.Concat(r.Fooled, r.Lenient) {
			if advice := r.Advice[name]; advice != "" {
				fmt.Fprintf(b, "  - %s is switched on with: %s\n", name, cellText(advice))
			}
		}
		if r.Note != "" {
			fmt.Fprintf(b, "  - %s\n", cellText(r.Note))
		}
	}
}

// cellText keeps text from being markup in a table of Markdown.
func cellText(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "'", "[", `\[`, "\n", " ").Replace(s)
}

// page is parsed when a page is asked for: this package is part of assay, whose other
// commands need not wait for it.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Which TLS clients are fooled</title>
<style>
:root{color-scheme:light dark}body{font:16px/1.45 system-ui,sans-serif;max-width:75rem;margin:1.5rem auto;padding:0 1rem}
.wide{overflow-x:auto}table{border-collapse:collapse;min-width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8886;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}td.bad{font-weight:700}td.bad::before{content:"✗ "}td.ok::before{content:"✓ "}
summary{cursor:pointer;font-weight:600;padding:.2rem 0}dt{font-weight:600;margin-top:.6rem}dd{margin:0 0 .2rem 1.2rem}small{opacity:.8}
@media print{details{display:block}}
</style></head><body>
<h1>Which TLS clients are fooled</h1>
<p>Each client was led to servers that misbehave on purpose, and to good ones. What counts is whether the server received the request. {{.Legend}}</p>
{{range .Exams}}{{if .Title}}<h2>{{.Title}}</h2>
{{end}}<div class="wide"><table><thead><tr><th scope="col">client</th>{{range $.Heads}}<th scope="col">{{.}}</th>{{end}}<th scope="col">version</th></tr></thead><tbody>
{{range .Rows}}<tr><th scope="row">{{.Name}}</th>{{if .State}}<td colspan="{{$.Columns}}">{{.State}}</td>{{else}}{{range .Cells}}<td class="n {{if .Bad}}bad{{else}}ok{{end}}" title="{{.Names}}">{{.Text}}</td>{{end}}{{end}}<td>{{.Version}}</td></tr>
{{end}}</tbody></table></div>
<h{{if .Title}}3{{else}}2{{end}}>What fooled whom</h{{if .Title}}3{{else}}2{{end}}>
{{range .Rows}}{{if .Wrong}}<details><summary>{{.Name}}</summary><dl>{{range .Wrong}}<dt>{{.Question}} <small>({{.Kind}})</small></dt><dd>{{.Story}}</dd><dd>{{.Rule}}</dd>{{if .Called}}<dd><small>{{.Called}}</small></dd>{{end}}{{if .Advice}}<dd>To switch the check on: {{.Advice}}</dd>{{end}}{{if .Reason}}<dd><small>It said: {{.Reason}}</small></dd>{{end}}{{end}}</dl>{{if .Note}}<p>{{.Note}}</p>{{end}}</details>
{{end}}{{end}}{{end}}<p><small>{{.Limits}} {{.Foot}}</small></p>
</body></html>
`))
})

type pageCell struct {
	Text, Names string
	Bad         bool
}

type pageAnswer struct{ Question, Kind, Story, Rule, Called, Advice, Reason string }

type pageExam struct {
	Title string
	Rows  []pageRow
}

type pageRow struct {
	Name, Version, State, Note string
	Cells                      []pageCell
	Wrong                      []pageAnswer
}

// HTML writes the table as one self-contained page, without scripts and from nowhere else.
func HTML(w io.Writer, rows []Row) error {
	data := struct {
		Legend, Limits, Foot string
		Heads                []string
		Columns              int
		Exams                []pageExam
	}{Legend: legend, Limits: limits, Columns: len(columns)}
	for _, k := range columns {
		data.Heads = append(data.Heads, heads[k])
	}
	if len(rows) > 0 {
		data.Foot = fmt.Sprintf("%s; assay %s, %s.", isolationText(rows[0].Isolation), rows[0].Assay, rows[0].Time.Format("2006-01-02"))
	}
	groups := byExam(rows)
	for _, g := range groups {
		e := pageExam{Rows: pageRows(g)}
		if titled(groups) {
			e.Title = examTitle(g[0].Exam)
		}
		data.Exams = append(data.Exams, e)
	}
	return page().Execute(w, data)
}

func pageRows(rows []Row) (out []pageRow) {
	for _, r := range rows {
		p := pageRow{Name: r.Name, Version: r.Version, State: r.stateText(), Note: r.Note}
		for _, k := range columns {
			var names []string
			for _, a := range r.Questions {
				if a.Wrong && a.Kind == k {
					names = append(names, a.Scenario)
				}
			}
			p.Cells = append(p.Cells, pageCell{r.cell(k), strings.Join(names, ", "), len(names) > 0})
		}
		for _, a := range r.Questions {
			if a.Wrong {
				p.Wrong = append(p.Wrong, pageAnswer{a.Scenario, string(a.Kind), a.Story(), a.Rule, a.called(), r.Advice[a.Scenario], a.Reason})
			}
		}
		out = append(out, p)
	}
	return out
}

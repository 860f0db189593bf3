package web

import (
	"fmt"

	sheets "github.com/assaytls/assay/internal/page"
)

// A page has at most 60 KB, whatever a peer sends. What of a report goes beyond these
// bounds is in the report as text and as JSON, to which the page leads.
const (
	boundProblems = 5
	boundSections = 4
	boundLines    = 16 // of one section
	boundList     = 10 // values of one line
	boundStatuses = 6  // certificates with a revocation status
	boundSources  = 5  // of one certificate
	boundText     = 120
	boundDesc     = 1500
)

// bounded60 cuts what is long in a sheet, which becomes smaller in its place, and leaves
// out the sections that the verbose report has.
func bounded60(s *sheets.Sheet) *sheets.Sheet {
	s.More = nil
	s.Verdict.About, s.Verdict.Facts, s.Verdict.Cause = boundedLines(s.Verdict.About), boundedLines(s.Verdict.Facts), short(3*boundText, s.Verdict.Cause)
	s.Verdict.Target = short(boundText, s.Verdict.Target)
	s.Verdict.Risk, s.Verdict.Steps = short(3*boundText, s.Verdict.Risk), boundedSteps(s.Verdict.Steps)
	more := 0
	s.Problems, more = cutTo(s.Problems, boundProblems)
	for i := range s.Problems {
		p := &s.Problems[i]
		p.Title, p.Where, p.Lines = short(3*boundText, p.Title), short(boundText, p.Where), boundedLines(p.Lines)
		p.Meaning, p.Risk, p.Steps = short(4*boundText, p.Meaning), short(3*boundText, p.Risk), boundedSteps(p.Steps)
	}
	if more > 0 {
		s.Problems = append(s.Problems, sheets.Problem{Severity: "warning", Title: fmt.Sprintf("%s, in the report below", plural(more, "more problem", "more problems"))})
	}
	s.Facts, _ = cutTo(s.Facts, boundSections)
	for i := range s.Facts {
		s.Facts[i].Lines, s.Facts[i].Parts, s.Facts[i].PEM = boundedLines(s.Facts[i].Lines), nil, ""
	}
	s.Revocation, _ = cutTo(s.Revocation, boundStatuses)
	for i := range s.Revocation {
		boundStatus(&s.Revocation[i])
	}
	s.CT, s.Programs, s.Evidence.Lines = boundedLines(s.CT), boundedLines(s.Programs), boundedLines(s.Evidence.Lines)
	if c := s.Chain; c != nil {
		c.Title, c.Desc, c.End = short(boundText, c.Title), short(boundDesc, c.Desc), short(boundText, c.End)
		for i := range c.Boxes {
			c.Boxes[i].Full = short(boundText, c.Boxes[i].Full)
		}
	}
	return s
}

// boundStatus cuts what is long in the revocation status of a certificate.
func boundStatus(c *sheets.CertStatus) {
	c.Name, c.Subject, c.Text = short(boundText, c.Name), short(boundText, c.Subject), short(boundText, c.Text)
	more := 0
	if c.Sources, more = cutTo(c.Sources, boundSources); more > 0 {
		c.Sources = append(c.Sources, sheets.Source{Name: fmt.Sprintf("and %d more", more)})
	}
	for i := range c.Sources {
		o := &c.Sources[i]
		o.Where, o.Signer, o.Detail, o.Reason = short(boundText, o.Where), short(boundText/2, o.Signer), short(boundText, o.Detail), short(boundText/2, o.Reason)
	}
}

func boundedLines(in []sheets.Line) []sheets.Line {
	out, more := cutTo(in, boundLines)
	for i := range out {
		l := &out[i]
		l.Label, l.State, l.Text = short(40, l.Label), short(40, l.State), short(2*boundText, l.Text)
		rest := 0
		l.List, rest = cutTo(l.List, boundList)
		for k := range l.List {
			l.List[k] = short(boundText/2, l.List[k])
		}
		if rest > 0 {
			l.List = append(l.List, fmt.Sprintf("and %d more", rest))
		}
	}
	if more > 0 {
		out = append(out, sheets.Line{Text: fmt.Sprintf("and %d more lines, in the report below", more)})
	}
	return out
}

func boundedSteps(in []sheets.Step) []sheets.Step {
	out, _ := cutTo(in, 4)
	for i := range out {
		out[i].Text = short(4*boundText, out[i].Text)
	}
	return out
}

// cutTo copies the first n, and says how many are left out.
func cutTo[T any](in []T, n int) (out []T, more int) {
	out = append(out, in[:min(len(in), n)]...)
	return out, len(in) - len(out)
}

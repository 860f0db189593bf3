package summary

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// rowsShown is how many lines of a list the text has.
const rowsShown = 12

// Text writes the summary for a terminal that is width columns wide.
func (s *Summary) Text(w io.Writer, width int) error {
	t := &text{width: width}
	t.line("%s of %s targets are done%s", number(s.Done), number(s.Targets), period(s.First, s.Last))
	t.heading("Verdicts")
	probed := s.Accept + s.Reject + s.Inconclusive
	for _, v := range s.verdicts() {
		t.bar(v.Name, v.Targets, s.Done)
	}
	for _, c := range s.SkippedWhy {
		t.line("    %s: %s", skipWord(c.Name), number(c.Targets))
	}
	if probed == 0 {
		_, err := io.WriteString(w, t.b.String())
		return err
	}
	t.findings("Root causes", s.Causes, probed)
	t.findings("Findings", s.Findings, probed)
	t.heading("Issuers of the servers' certificates")
	for i, c := range s.Issuers {
		if i == rowsShown {
			break
		}
		t.bar(c.label(), c.Targets, probed)
	}
	if n := s.moreIssuers(rowsShown); n > 0 {
		t.bar("others", n, probed)
	}
	t.heading("Certificates expire in")
	for _, b := range s.Expiry {
		if b.Targets > 0 {
			t.bar(b.Name, b.Targets, probed)
		}
	}
	t.counts("Revocation status of the servers' certificates", s.Statuses, probed)
	t.counts("Source of that status", s.Revocation, probed)
	t.counts("Certificate Transparency", s.CT, probed)
	if len(s.Programs) > 0 {
		t.heading("Root programs")
		for _, a := range s.programs() {
			t.bar(a.Name, a.Targets, probed)
		}
	}
	t.counts("TLS versions", s.Protocols, probed)
	if len(s.Networks) > 0 {
		t.heading("Slowest networks")
		for i, n := range s.Networks {
			if i == rowsShown {
				break
			}
			t.line("  %-24s mean %s ms, at most %s ms, %s", n.Prefix, number(n.MeanMS), number(n.MaxMS), targets(n.Targets))
		}
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// verdicts are the four words that every target has one of.
func (s *Summary) verdicts() []Count {
	return []Count{{report.Accept.String(), s.Accept}, {report.Reject.String(), s.Reject}, {report.Inconclusive.String(), s.Inconclusive}, {"skipped", s.Skipped}}
}

func (i *Issuer) label() string {
	if i.Subject != "" {
		return i.Subject
	}
	return "SHA-256 " + i.SHA256.String()
}

// moreIssuers are the targets whose issuer is none of the first shown.
func (s *Summary) moreIssuers(shown int) int64 {
	n := s.MoreIssuers
	for i := shown; i < len(s.Issuers); i++ {
		n += s.Issuers[i].Targets
	}
	return n
}

// skipWord says in words why a target was not probed.
func skipWord(reason string) string {
	switch reason {
	case "excluded":
		return "excluded by --exclude"
	case "special-purpose":
		return "not a public address"
	case "broken":
		return "set aside because probing failed repeatedly"
	}
	return finding.Quote(reason)
}

// programs are the answers of all root programs, in words.
func (s *Summary) programs() (all []Count) {
	for _, p := range s.Programs {
		for _, a := range p.Answers {
			all = append(all, Count{p.Name + ": " + answerWord(report.RowProgram(a.Name)), a.Targets})
		}
	}
	return all
}

// answerWord says a root program's answer in words.
func answerWord(a report.RowProgram) string {
	switch a {
	case report.RowAccepted:
		return "accepted"
	case report.RowAcceptedUntil:
		return "accepted until a date"
	case report.RowDependsOnSCTs:
		return "depends on SCTs"
	case report.RowRefused:
		return "refused"
	}
	return "cannot tell"
}

type text struct {
	b     strings.Builder
	width int
}

func (t *text) line(format string, args ...any) {
	t.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " "))
	t.b.WriteByte('\n')
}

func (t *text) heading(s string) { t.line("\n%s", s) }

func (t *text) findings(heading string, all []Finding, of int64) {
	if len(all) == 0 {
		return
	}
	t.heading(heading)
	for i, f := range all {
		if i == rowsShown {
			t.line("  and %s more; --format json has all", number(int64(len(all)-i)))
			break
		}
		t.bar(finding.Quote(string(f.ID))+" ("+f.Severity+")", f.Targets, of)
	}
}

func (t *text) counts(heading string, all []Count, of int64) {
	if len(all) == 0 {
		return
	}
	t.heading(heading)
	for i, c := range all {
		if i == rowsShown {
			t.line("  and %s more; --format json has all", number(int64(len(all)-i)))
			break
		}
		t.bar(c.Name, c.Targets, of)
	}
}

// bar writes a label, a number, its share and as much of a bar as there is
// room for.
func (t *text) bar(label string, n, of int64) {
	const labels = 42
	label = finding.Quote(label)
	if c := utf8.RuneCountInString(label); c > labels {
		label = string([]rune(label)[:labels-1]) + "…"
	} else {
		label += strings.Repeat(" ", labels-c)
	}
	line := fmt.Sprintf("  %s %11s %6s ", label, number(n), share(n, of))
	if room := t.width - utf8.RuneCountInString(line) - 1; room > 4 && of > 0 {
		line += strings.Repeat("#", int((n*int64(room)+of-1)/of))
	}
	t.line("%s", line)
}

// share is n of all in percent.
func share(n, all int64) string {
	switch {
	case all == 0 || n == 0:
		return "0 %"
	case n == all:
		return "100 %"
	}
	p := float64(n) * 100 / float64(all)
	switch {
	case p < 0.1:
		return "<0.1 %"
	case p > 99.9:
		return ">99.9 %"
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + " %"
}

// number writes n with commas between the thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func targets(n int64) string {
	if n == 1 {
		return "1 target"
	}
	return number(n) + " targets"
}

// period says from when to when probes began.
func period(first, last time.Time) string {
	const form = "2006-01-02 15:04"
	if first.IsZero() {
		return ""
	}
	to := last.Format(form)
	if first.Format(time.DateOnly) == last.Format(time.DateOnly) {
		to = last.Format("15:04")
	}
	return ", " + first.Format(form) + " to " + to + " UTC"
}

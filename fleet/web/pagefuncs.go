package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// pageFuncs are what templates call. Whatever a peer or a stranger may have written
// goes through q or short.
var pageFuncs = template.FuncMap{
	"q": func(s any) string { return finding.Quote(fmt.Sprint(s)) }, "short": short, "start": startOf, "sentence": sentence, "plural": plural,
	"when": whenOf, "iso": func(t time.Time) string { return t.UTC().Format(time.RFC3339) }, "ago": ago, "days": daysTo, "bar": barOf, "verdict": wordOf,
}

// short quotes a text and bounds it to n characters, and to 2n bytes of HTML, so that
// a page stays small whatever names its hosts have.
func short(n int, s any) string {
	text := finding.Quote(fmt.Sprint(s))
	bytes, count := 0, 0
	for i, r := range text {
		bytes += len(template.HTMLEscapeString(string(r)))
		if count++; count > n || bytes > 2*n {
			return text[:i] + "…"
		}
	}
	return text
}

// whenOf is a time as people read it.
func whenOf(t time.Time) string { return finding.ReadableTimes(finding.Time(t)) }

// startOf is how a text begins, for a search for it.
func startOf(n int, s string) string { return strings.ToValidUTF8(s[:min(n, len(s))], "") }

// sentence makes a sentence of a text that is none yet.
func sentence(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	s = string(unicode.ToUpper(r)) + s[size:]
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// ago says how long a time is past, in words.
func ago(now, t time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return "just now"
	default:
		return finding.Duration(d.Truncate(time.Minute)) + " ago"
	}
}

// daysTo is how many whole days are left until a time, negative when it is past.
func daysTo(now, t time.Time) int {
	d := t.Sub(now)
	if d < 0 {
		return -int(-d / (24 * time.Hour))
	}
	return int(d / (24 * time.Hour))
}

// bar is how many days are left, drawn and told.
type bar struct {
	Width int    // of 100
	Class string // "", "soon", "over"
	Text  string
}

// barFull are the days that fill a bar.
const barFull = 90

func barOf(now, t time.Time) bar {
	n := daysTo(now, t)
	b := bar{Width: min(max(n, 0), barFull) * 100 / barFull, Text: plural(n, "day", "days") + " left"}
	switch {
	case t.Before(now):
		b.Class, b.Text = "over", "ended "+ago(now, t)
	case n < 14:
		b.Class = "soon"
	}
	return b
}

// word is a verdict for people.
type word struct{ Word, Class string }

func wordOf(v report.Verdict) word {
	switch v {
	case report.Accept, report.Reject, report.Inconclusive:
		return word{v.String(), v.String()}
	}
	return word{"not checked yet", "skipped"}
}

func shortSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

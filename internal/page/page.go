// Package page has the HTML pieces of a report: one stylesheet, and named blocks for
// html/template that take plain data. A page of a report, the page of a scan and the
// pages of a web service are put together from them, so that all say the same as the
// terminal: what is said comes from report.View.
//
// The pieces hold no style attribute, no script and no event handler, so that they
// work under "Content-Security-Policy: default-src 'self'". Lengths of bars and places
// of boxes are attributes of SVG. Text of a peer has gone through finding.Quote, and
// html/template escapes it.
//
// The functions are safe for concurrent use.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"sync"
)

// CSS is the stylesheet of every piece: light and dark, for screens from 360 pixels
// on, and for paper. It asks for nothing from elsewhere.
//
//go:embed style.css
var CSS string

//go:embed pieces.html
var pieces string

//go:embed file.html
var file string

// Templates returns the blocks: verdict, problems, chain, facts, revocation, ct,
// programs, sections and evidence, each of which takes the field of that name of a
// [Sheet]; sheet, which takes a whole one; and counts, which takes lines with a number
// of each verdict. The templates are the caller's own:
// others may be added beside them.
func Templates() *template.Template { return template.Must(parsed().Clone()) }

var parsed = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("pieces").Parse(pieces))
})

// wholeFile is the template of a page that stands alone. The stylesheet is part of its text, and the policy names its hash.
var wholeFile = sync.OnceValue(func() *template.Template {
	return template.Must(Templates().New("file").Funcs(template.FuncMap{"plural": plural, "up": upper}).Parse(file))
})

// StyleHash is how a Content-Security-Policy names the stylesheet inside a page:
// 'sha256-...'. Only [Style] puts it there unchanged.
func StyleHash() string {
	sum := sha256.Sum256([]byte(CSS))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Alone is what the head of a page that is one file holds: a policy that allows
// the stylesheet and nothing else, and the stylesheet.
func Alone() template.HTML {
	return template.HTML(fmt.Sprintf("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src %s; base-uri 'none'; form-action 'none'\">\n<style>%s</style>", StyleHash(), CSS))
}

// Report writes a page about one or several targets as one file that can be
// mailed: it loads nothing and runs no script. Several are listed at its top, the
// worst first, and follow in that order. It fails only when w does.
func Report(w io.Writer, sheets ...*Sheet) error {
	return wholeFile().Execute(w, newWhole(sheets))
}

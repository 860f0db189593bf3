package engine

import (
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// A panic between the judges refuses like one in them: background refreshes
// run on goroutines of their own.
func TestPanicBetweenJudges(t *testing.T) {
	e := New(Options{})
	e.cache = nil // whatever touches it panics
	ev := &evidence.Evidence{Artefacts: []evidence.Artefact{{Kind: kindAIA, URL: "http://x.test/", Cached: true, Body: make([]byte, store.Large)}}}
	j := e.newJudgement(ev, nil, policy.Policy{}, download.Access{}, assemble.Full)
	j.got = map[int]*obtained{0: {need: download.Need{Kind: download.AIA}, got: download.Got{Artefact: &download.Artefact{}}}}
	r := j.report(j.resolve(t.Context()))
	if r.Verdict != report.Reject || r.Headline == nil || r.Headline.Finding.ID != finding.InternalError {
		t.Errorf("verdict %s, headline %+v", r.Verdict, r.Headline)
	}
}

//lint:file-ignore SA5000,SA4017 what panics below is to panic

// The place of a panic is the package, file and line of ours below it, and not
// where it was caught; on Windows and in the module cache too.
func TestPanicSite(t *testing.T) {
	_, _, above, _ := runtime.Caller(0)
	for i, f := range []func(){
		func() { panic("here") },
		func() { var m map[string]int; m["x"] = 1 },
		func() { var p *[4]int; p[1]++ },
		func() { strings.Repeat("x", -1) }, // in the standard library, on our behalf
	} {
		site := ""
		func() {
			defer func() {
				if recover() != nil {
					site = panicSite()
				}
			}()
			f()
		}()
		if want := "internal/engine/panic_test.go:" + strconv.Itoa(above+2+i); site != want {
			t.Errorf("the panic was at %q, want %q", site, want)
		}
	}
	if got := panicSite(); got != "unknown" {
		t.Errorf("without a panic: %q", got)
	}
	for _, c := range []struct{ function, file, want string }{
		{"github.com/assaytls/assay/crl.Parse", "/home/u/assay/crl/parse.go", "crl/parse.go:7"},
		{"github.com/assaytls/assay/crl.(*parser).entries", "/home/u/go/pkg/mod/github.com/assaytls/assay@v0.1.0/crl/parse.go", "crl/parse.go:7"},
		{"github.com/assaytls/assay/internal/engine.(*judgement).judge.func1", "github.com/assaytls/assay@v0.1.0/internal/engine/judge.go", "internal/engine/judge.go:7"},
		{"github.com/assaytls/assay.(*Verifier).Check", "C:/go/pkg/mod/github.com/assaytls/assay@v0.1.0/assay.go", "assay.go:7"},
		{"github.com/assaytls/assayist.F", "/x/assay/f.go", ""},
		{"example.com/assay/crl.Parse", "/x/assay/crl/parse.go", ""},
		{"runtime.gopanic", "/usr/local/go/src/runtime/panic.go", ""},
	} {
		if got := siteOf(runtime.Frame{Function: c.function, File: c.file, Line: 7}); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.function, c.file, got, c.want)
		}
	}
}
